package consumer_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// requeueing is a shelf that puts at its end what can't be decided about.
type requeueing struct {
	*shelf
	rounds atomic.Int64
}

func (q *requeueing) Requeue(_ context.Context, held []streams.Delivery) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range held {
		delete(q.held, d.ID)
	}
	q.waiting = append(q.waiting, held...)
	q.rounds.Add(1)
	return nil
}

// doubting is a store that refuses records with an x for a reason unknown until it
// knows better.
func doubting(known *atomic.Bool) func(context.Context, []store.Document) ([]store.Result, error) {
	return func(_ context.Context, docs []store.Document) ([]store.Result, error) {
		results := make([]store.Result, len(docs))
		for i, d := range docs {
			switch {
			case !strings.Contains(d.Record.ID, "x"):
				results[i].Outcome = record.Ingested
			case known.Load():
				results[i] = store.Result{Outcome: record.Rejected, Keep: true}
			default:
				results[i].Postponed = true
			}
		}
		return results, nil
	}
}

// TestPostponedByTheStore wants a record about which the store is in doubt to hold
// up neither its batch nor, with a single slot and a batch of one, the others.
func TestPostponedByTheStore(t *testing.T) {
	r := newRig(t)
	var known atomic.Bool
	r.store.insert = doubting(&known)
	r.opts.Concurrency, r.opts.BatchSize, r.opts.MaxMessages = 1, 1, 4
	q := &requeueing{shelf: newShelf("x", "a", "b", "c")}
	r.start(q)
	env.Eventually(t, soon, func() (bool, string) {
		settled := q.outcomes()
		return settled[record.Ingested] == 3 && q.rounds.Load() >= 1, fmt.Sprintf("outcomes %v after %d rounds", settled, q.rounds.Load())
	})
	known.Store(true)
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	wantOutcomes(t, q.outcomes(), map[record.Outcome]int{record.Ingested: 3, record.Rejected: 1})
}
