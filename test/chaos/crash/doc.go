// Package crash tests the pipeline at every boundary of its steps. The process
// dies there or goes on without a reply, a second process takes over and is
// stopped likewise, and a third one finishes. Then the result is checked.
package crash
