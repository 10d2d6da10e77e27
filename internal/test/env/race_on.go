//go:build race

package testenv

// raceEnabled says whether the tests run with the race detector.
const raceEnabled = true
