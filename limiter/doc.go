// Package limiter holds each customer to so many records a window of time.
//
// The rule: no half-open window [x, x+Window) holds more than Limit admitted
// records of a customer, whatever the order in which records are worked on and
// by how many workers. Model states it in a few lines of Go; judge.lua enforces
// it in Redis, a batch at a time.
//
// A record is known by its ID, the member of its customer's sorted set, and its
// admission time is its place. An ID that comes again within the window of its
// place is admitted without a second one; further away it is judged afresh. So a
// call whose reply is lost is simply made again. A refusal writes nothing.
package limiter
