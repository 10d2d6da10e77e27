//go:build race

package env

// RaceEnabled reports whether the tests run with the race detector.
const RaceEnabled = true
