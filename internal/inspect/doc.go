// Package inspect reads what operators look at: the state of the queue, the way of a
// record, a customer's window. It prints nothing, knows no command line and writes
// nothing, so that the operator's tool and the console show the same.
//
// All readers take a Source. Their cost does not grow with the backlog. What cannot be
// read is unknown, never 0: a part has either its values or an error.
package inspect
