// Package producer writes records to the queue. Publisher writes bodies to a list
// or stream, Generator generates records at a steady rate per customer, and Load
// sends the records of a file. None of them validates bodies unless asked to: the
// worker refuses a body that is not a record.
//
// Publishing is at-least-once: if a reply is lost, its bodies are sent again. The
// worker then finds that the second document's _id already exists and counts the
// record as a duplicate, so the producer does not have to undo anything.
package producer
