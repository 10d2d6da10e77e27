// Package consumer is the pipeline between a queue and the store:
//
//	receive ▸ decode ▸ limit ▸ insert ▸ log ▸ settle
//
// A batch goes through the stages in order; up to Concurrency batches are under
// way at once, so that one is judged while another is inserted and a third is
// read. The one reader takes a slot before it reads: nothing is held that has no
// room.
//
// Two contexts carry the work. The one given to Run stops the reading; the
// other lets what is in flight finish and ends ShutdownTimeout later. The order
// of a shutdown is:
//
//  1. the reader stops; a read under way in Redis is waited for, and what it
//     brings is worked on like the rest;
//  2. batches in flight finish, or run into the shutdown time;
//  3. what is still open is handed back, unsettled;
//  4. the lease heartbeat stops, after the last batch;
//  5. the queue is closed.
//
// An outcome is logged before it is settled: a worker that is killed in
// between logs an entry twice rather than never. The ledger, which is written
// with the settlement, counts every entry once.
package consumer
