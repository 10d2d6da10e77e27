// Package docs tests the documentation: its links, its commands, and what it
// quotes from the code. CONTRIBUTING.md describes the rules for authors.
package docs
