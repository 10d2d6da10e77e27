//go:build race

package crash_test

// every is how many combinations there are to each that is tried: the race detector
// makes a process ten times slower.
const every = 12
