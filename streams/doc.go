// Package streams moves records through Redis: queues deliver records and take
// their outcomes, either from a list (at most once) or from the partitions of a
// stream (at least once).
//
// The files form groups. A group uses only those above it:
//
//	client.go                     a Redis client for queues
//	queue.go, traceparent.go      the Queue interface and its types
//	keys.go, id.go, errors.go     names of Redis keys; entry IDs; errors
//	script.go                     what scripts share: need.lua, drop.lua, inspect.lua
//	resp.go, entry*.go, reply.go  replies of Redis, decoded into deliveries
//	sizer.go, failurelog.go       the size of reads; repeated failures in the log
//	deadletters_write.go          which refusals become dead letters
//	archive*.go                   what an archiver reads and moves; detaching it
//	account*.go                   where every entry of a partition is
//	queued.go                     whether an entry is still where a producer put it
//	snapshot.go                   the state of a partition, for monitoring
//	history.go, refused.go        what happened by minute and hour; who hits limits
//	deadletters*.go               dead letters: read, replay, purge, watch
//	stream*.go, ledger*.go
//	                              Stream, a queue on one partition: receive, claim,
//	                              quarantine, settle, extend, nack; its ledger:
//	                              epochs, entries without an outcome
//	upkeep*.go                    Stream.Maintain: deferred records, trimming,
//	                              idle consumers
//	layout.go                     how many partitions a stream has, and had
//	partitions*.go                Partitions, a queue on all partitions of a stream
//	list*.go                      List, a queue on a Redis list
//	control*.go, audit.go         what operators ask of the workers: pause, resume; who
//	                              did what by the console
//	workers*.go                   which workers live, and with which settings
//	migrate*.go                   moving records between a list and a stream
//	preflight.go                  checks of the server and the keys at startup
//
// A Lua script lies beside the Go file that runs it, under the same name:
// stream_settle.lua belongs to stream_settle.go.
package streams
