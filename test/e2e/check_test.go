package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/test/env"
)

// document is a stored document.
type document struct {
	ID         string    `bson:"_id"`
	CustomerID string    `bson:"customerId"`
	Name       string    `bson:"name"`
	Email      string    `bson:"email"`
	CreatedAt  time.Time `bson:"createdAt"`
	IngestedAt time.Time `bson:"ingestedAt"`
	StreamID   string    `bson:"streamId"`
}

type naturalKey struct {
	customerID, email string
	createdAt         time.Time
}

// awaitOutcomes waits until n outcomes are logged and, in stream mode, settled.
// An entry logged twice counts once.
func (r *harness) awaitOutcomes(n int) {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		r.wantWorking()
		have := r.journal.total()
		if r.mode == stream {
			have = r.journal.distinct()
		}
		return have >= n, fmt.Sprintf("%d of %d outcomes", have, n)
	})
	if r.mode == stream {
		env.Eventually(r.t, soon, func() (bool, string) {
			pending := r.pending()
			return pending == 0, fmt.Sprintf("%d entries are pending", pending)
		})
	}
}

// wantWorking fails if a worker exited with an error and not by a signal.
func (r *harness) wantWorking() {
	r.t.Helper()
	for _, s := range r.journal.sources {
		select {
		case <-s.proc.Done():
			if code := s.proc.Wait(soon); code != 0 && code < 128 {
				r.t.Fatalf("a worker exited with code %d: %s", code, s.proc.Stderr())
			}
		default:
		}
	}
}

// wantLog checks the number of each outcome in the log.
func (r *harness) wantLog(f *fixture) {
	r.t.Helper()
	r.journal.update()
	if diff := cmp.Diff(f.want, r.journal.counts); diff != "" {
		r.t.Errorf("outcomes in the log (-want +got):\n%s", diff)
	}
	conflicts := 0
	for _, l := range r.journal.lines {
		if l.Conflict {
			conflicts++
		}
	}
	if conflicts != f.conflicts {
		r.t.Errorf("%d conflicts in the log, want %d", conflicts, f.conflicts)
	}
	if len(r.journal.broken) > 0 {
		r.t.Errorf("lines that are not JSON: %.200q", r.journal.broken)
	}
}

// wantDocuments checks that MongoDB has each record that had to be ingested
// exactly once, as it was sent.
func (r *harness) wantDocuments(f *fixture) {
	r.t.Helper()
	docs := r.documents()
	if len(docs) != f.want[ingested] {
		r.t.Errorf("%d documents, want %d", len(docs), f.want[ingested])
	}
	keys, ids, perCustomer := map[naturalKey]bool{}, map[string]bool{}, map[string]int{}
	for _, d := range docs {
		r.wantDocument(f, d)
		keys[naturalKey{d.CustomerID, d.Email, d.CreatedAt}] = true
		ids[d.ID] = true
		perCustomer[d.CustomerID]++
	}
	if len(keys) != len(docs) {
		r.t.Errorf("%d documents have the natural key of another", len(docs)-len(keys))
	}
	for customer, n := range perCustomer {
		if n > limit {
			r.t.Errorf("customer %s has %d documents, its limit is %d", customer, n, limit)
		}
	}
	for _, s := range f.records {
		if s.person != nil && !slices.Contains(s.events, rateLimited) && !ids[s.person.identity()] {
			r.t.Errorf("not in MongoDB: %s", s.body)
		}
	}
}

func (r *harness) documents() []document {
	r.t.Helper()
	cursor, err := r.collection().Find(r.ctx(), bson.D{})
	if err != nil {
		r.t.Fatal(err)
	}
	var docs []document
	if err := cursor.All(r.ctx(), &docs); err != nil {
		r.t.Fatal(err)
	}
	return docs
}

func (r *harness) wantDocument(f *fixture, d document) {
	r.t.Helper()
	p := f.people[d.ID]
	if p == nil {
		r.t.Errorf("not sent: %+v", d)
		return
	}
	if d.CustomerID != p.customerID || d.Email != p.email() || !slices.Contains(f.names[d.ID], d.Name) ||
		!d.CreatedAt.Equal(p.createdAt.Truncate(time.Millisecond)) || time.Since(d.IngestedAt) > time.Hour {
		r.t.Errorf("stored %+v, sent %+v", d, *p)
	}
	if r.mode == list {
		if d.StreamID != "" {
			r.t.Errorf("a streamId in list mode: %+v", d)
		}
		return
	}
	number, known := r.numbers[d.StreamID]
	if !known || f.records[number].person == nil || f.records[number].person.identity() != d.ID {
		r.t.Errorf("%+v has the streamId of another entry", d)
	}
}

// wantOneOutcome checks that every entry was logged, always with the same
// outcome, and that the outcomes are those of the fixture.
func (r *harness) wantOneOutcome(f *fixture) {
	r.t.Helper()
	r.journal.update()
	kinds := map[string]int{}
	for _, id := range r.fed {
		events := slices.Compact(slices.Sorted(slices.Values(r.journal.entries[id])))
		if len(events) != 1 {
			r.t.Errorf("entry %s has the outcomes %q", id, events)
			continue
		}
		kinds[events[0]]++
	}
	if diff := cmp.Diff(f.want, kinds); diff != "" {
		r.t.Errorf("outcomes in the log, each entry once (-want +got):\n%s", diff)
	}
	for id := range maps.Keys(r.journal.entries) {
		if _, known := r.numbers[id]; !known {
			r.t.Errorf("the log names an entry that was never added: %q", id)
		}
	}
}
