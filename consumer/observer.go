package consumer

import (
	"context"
	"errors"
	"time"

	"ingestion/limiter"
	"ingestion/streams"
)

// Stage is a step of processing.
type Stage uint8

// The stages, in order. Process contains those after it; LookUp is part of Limit.
const (
	Receive Stage = iota
	Process       // all that is done with one batch
	Decode
	Limit
	LookUp // of records that the limiter denies
	Insert
	Log
	Settle     // one attempt; it is repeated until the queue has taken all settlements
	stages int = iota
)

var stageNames = [stages]string{"receive", "process", "decode", "limit", "lookup", "insert", "log", "settle"}

// String returns the name, for example "insert".
func (s Stage) String() string { return stageNames[s] }

// Observer is told what a consumer does, for metrics and traces. Its methods are called
// once per stage of a batch, concurrently for different batches. They must not block,
// and must not retain or change what they are passed.
type Observer interface {
	// Begin is called before a stage. The stage runs with the context that it returns.
	// Process passes the deliveries of the batch; for the other stages they are nil.
	Begin(ctx context.Context, stage Stage, deliveries []streams.Delivery) context.Context

	// End is called after the stage, with the context that Begin returned.
	End(ctx context.Context, stage Stage, r Result)

	// Retrying is called when a call of a server has failed, before the pause after
	// which it is repeated. The server is Redis or MongoDB. Retries of the Store are not
	// reported: the store has an observer of its own.
	Retrying(ctx context.Context, server string, err error)
}

// Unobserved is an Observer that ignores everything, for others to embed.
type Unobserved struct{}

// Begin returns ctx.
func (Unobserved) Begin(ctx context.Context, _ Stage, _ []streams.Delivery) context.Context {
	return ctx
}

// End does nothing.
func (Unobserved) End(context.Context, Stage, Result) {}

// Retrying does nothing.
func (Unobserved) Retrying(context.Context, string, error) {}

// Result is the end of a stage.
type Result struct {
	Took    time.Duration
	Err     error // why the stage was not completed
	Records int   // the records that took part: received, to be decoded, judged and so on

	Deliveries []streams.Delivery   // received; of Receive
	Verdicts   []limiter.Verdict    // in no particular order; of Limit
	Now        time.Time            // by the clock of Redis, if a verdict is Reserved; of Limit
	Settled    []streams.Settlement // of Settle
	Conflicts  int                  // duplicates among Settled under whose ID another record is stored
}

// errPanicked is the error of a stage that panicked.
var errPanicked = errors.New("panicked")

// observers passes on to all of them.
type observers []Observer

// observed is a stage under way.
type observed struct {
	observers observers
	ctx       context.Context
	stage     Stage
	began     time.Time
}

func (o observers) begin(ctx context.Context, stage Stage, deliveries []streams.Delivery) (context.Context, observed) {
	for _, observer := range o {
		ctx = observer.Begin(ctx, stage, deliveries)
	}
	return ctx, observed{o, ctx, stage, time.Now()}
}

func (s observed) end(r Result) {
	r.Took = time.Since(s.began)
	for _, observer := range s.observers {
		observer.End(s.ctx, s.stage, r)
	}
}

func (o observers) retrying(ctx context.Context, server string, err error) {
	for _, observer := range o {
		observer.Retrying(ctx, server, err)
	}
}
