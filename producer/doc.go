// Package producer puts records on the queue: Publisher writes bodies to the
// list or the stream, Generator makes records up at a steady rate a customer,
// and Load sends those of a file. None of them judges a body: that is the
// worker's part, so what is no record travels like any other.
//
// Publishing is at-least-once: when a reply is lost on the way, the bodies it
// was for are sent again. The worker's _id makes the second one a duplicate
// without effect, so nothing has to be undone here.
package producer
