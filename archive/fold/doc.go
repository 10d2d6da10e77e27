// Package fold derives a collection again from what arrived: from the archive of a stream
// and, without a seam, from the stream itself.
//
// The entries of all partitions, in the order of their IDs (partition.go, merge.go), are a
// [Queue] for the same consumer that a worker runs, with the same decoder, the same
// limiter and the same store. What differs is where they write: into a collection of the
// fold's own, and into keys of Redis of its own (windows.go). The live stream, its keys and
// the live collection are only read.
//
// A fold notes in the database how far it has come (state.go). After it was stopped, by
// whatever, it goes on from there: a record that is processed again keeps its _id and its
// place in the customer's window, so the result is the same.
package fold
