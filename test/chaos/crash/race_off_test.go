//go:build !race

package crash_test

// every is how many combinations there are to each that is tried.
const every = 5
