// Package streams moves records through Redis: queues deliver records and take
// their outcomes, either from a list (at most once) or from the partitions of a
// stream (at least once).
//
// The files form groups. A group uses only those above it:
//
//	queue.go                the Queue interface and its types
//	keys.go, id.go          names of Redis keys; entry IDs
//	entry*.go, resp.go,     replies of Redis, decoded into deliveries
//	reply.go, sizer.go
//	script.go               what Lua scripts share: need.lua, drop.lua, inspect.lua
//	failurelog.go           repeated failures in the log
//	account*.go             where every entry of a partition is
//	deadletters*.go         dead letters: write, read, replay, purge
//	list*.go                List, a queue on a Redis list
//	stream*.go              Stream, a queue on one partition of a stream: receive,
//	                        claim, quarantine, settle, lease, nack
//	ledger*.go              Stream's ledger: its epochs, and entries without outcome
//	upkeep*.go              Stream.Maintain: deferred records, trimming, consumers
//	partitions*.go          Partitions, a queue on all partitions of a stream
//	preflight.go            checks of the server and the keys at startup
//
// A Lua script lies beside the Go file that runs it, under the same name:
// stream_settle.lua belongs to stream_settle.go.
package streams
