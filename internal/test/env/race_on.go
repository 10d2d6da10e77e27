//go:build race

package env

// raceEnabled reports whether the tests run with the race detector.
const raceEnabled = true
