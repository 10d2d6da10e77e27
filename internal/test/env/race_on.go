//go:build race

package env

// raceEnabled says whether the tests run with the race detector.
const raceEnabled = true
