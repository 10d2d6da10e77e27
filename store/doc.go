// Package store writes customer records into MongoDB, each once, and says for
// every one of them what became of it.
//
// A batch goes out as one unordered insert with write concern majority and
// journal. Whatever MongoDB answers is given a meaning in classify.go; what is
// transient is sent again with backoff until it is settled or the context
// ends; a document whose _id is there already is looked up, so that a repeated
// insert of one's own is told from a duplicate.
//
// The package imports record only. All exported methods may be called by any
// number of goroutines.
package store
