// Package consumer is the pipeline from a queue to the store:
//
//	receive → decode → limit → insert → log → settle
//
// One reader receives batches. Up to Options.Concurrency batches are processed at
// the same time, so that one is in the limiter while another is inserted and a
// third is received. The reader takes an idle batch buffer before it receives: the
// process never holds more than it has buffers for.
//
// A delivery leaves the pipeline in one of three ways:
//
//   - settled: it has an outcome, see [record.Outcome];
//   - postponed: it has none, because its customer's window is unusable, the store
//     is in doubt about the record, or processing panicked. It goes back to the
//     queue to be delivered again later, and the rest of its batch goes on;
//   - unfinished: time ran out, at shutdown or in a batch without progress. It goes
//     back to the queue to be delivered again at once.
//
// An outcome is logged before it is settled: if the worker is killed in between,
// the entry is logged twice rather than never. The ledger, which is written with
// the settlement, counts every entry once.
//
// # Where to look
//
//	Consumer.Run: the order of a shutdown           consumer.go
//	what is received, and when                      read.go, budget.go, gate.go
//	the stages of a batch                           process.go: decide, decode, insert
//	outcomes                                        record/decode.go, limit.go, store/outcome.go,
//	                                                and poisoned in process.go and quarantine.go
//	rate_limited and deferred                       limit.go: apply
//	the log line of an outcome                      log.go
//	the settlement, which ends in XACK              settle.go, then streams/stream_settle.lua
//	deliveries that go back to the queue            nack.go
//	entries that may kill their worker              quarantine.go, exclusive.go
//	panics in a stage                               panic.go
//	the heartbeat that renews leases                lease.go
//	retries on Redis, and the log of outages        outage.go; on MongoDB: store/observer.go
//
// CONTRIBUTING.md says how to add an outcome.
package consumer
