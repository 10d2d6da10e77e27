package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ingestion/internal/test/env"
)

const deferred = "deferred"

var deferring = []string{
	"RATE_LIMIT_POLICY=defer", "RATE_LIMIT_LIMIT=5", "RATE_LIMIT_WINDOW_SEC=2", "STREAM_CLAIM_IDLE_MS=1000",
}

// TestBurstIsSpread sends a hundred records of one customer at once, mixed with
// others, at a limit of five per two seconds. Workers are killed while the
// burst is spread over the next 40 s.
func TestBurstIsSpread(t *testing.T) {
	t.Parallel()
	const burst, others = 100, 20
	f, rest := crowd(31, "hot", burst), simple(32, others)
	r := newHarness(t, stream, append(deferring, "BATCH_SIZE=50")...)
	r.keepPlaces()
	workers := []*env.Proc{r.start(), r.start()}
	pace := r.pace()
	for i, body := range f.bodies() {
		r.feedTo(streamKey, body)
		if i%(burst/others) == 0 {
			r.feedTo(streamKey, rest.bodies()[i/(burst/others)])
		}
	}
	for k, victim := range []int{0, 1} {
		r.awaitIngested(others + burst*(k+1)/4)
		workers[victim].Kill()
		workers[victim] = r.start()
	}
	r.awaitDocuments(burst + others)
	worst := pace.end()
	for _, w := range workers {
		r.stop(w)
	}
	r.wantSpread(f, worst)
	r.wantUndelayed(rest)
}

func (r *harness) awaitIngested(n int) {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		r.wantWorking()
		r.journal.update()
		have := r.journal.counts[ingested]
		return have >= n, fmt.Sprintf("%d of %d records are ingested", have, n)
	})
}

// wantSpread checks that the whole burst is stored, under the IDs of its first
// entries and at the allowed rate, and that each record was deferred at most
// once and put back in time. Delays of the machine are ignored.
func (r *harness) wantSpread(f *fixture, machine time.Duration) {
	r.t.Helper()
	places := r.places("hot")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(f.people)), slices.Sorted(maps.Keys(places))); diff != "" {
		r.t.Errorf("records with a place (-sent +place):\n%s", diff)
	}
	r.wantRate(slices.Collect(maps.Values(places)), 5, 2*time.Second)
	stored := map[string]document{}
	for _, d := range r.documents() {
		stored[d.ID] = d
	}
	for id := range f.people {
		if _, ok := stored[id]; !ok {
			r.t.Errorf("a record of the burst is not in MongoDB: %s", id)
		}
	}
	deferrals, back := r.deferrals(), map[string]int{}
	for _, c := range r.returnedEntries() {
		back[c.origin]++
		l, ok := deferrals[c.origin]
		if !ok || back[c.origin] > 1 {
			r.t.Errorf("%+v: put back %d times, and the log says %q", c, back[c.origin], r.journal.entries[c.origin])
			continue
		}
		if places[l.ID] != c.admitAt || stored[l.ID].StreamID != c.origin {
			r.t.Errorf("%+v: its place is %d, its document %+v", c, places[l.ID], stored[l.ID])
		}
		// A record that is due before its batch is settled is put back after
		// that.
		if late := c.at - max(c.admitAt, r.stamp(l)); late > 1000+machine.Milliseconds() {
			r.t.Errorf("%+v: put back %d ms after it was due; the machine was at most %v late", c, late, machine)
		}
	}
	r.wantDeferrals(len(back))
	r.t.Logf("%d of %d records were deferred; the machine was at most %v late", len(back), len(f.people), machine)
}

// deferrals returns the last deferred line of each entry: a killed worker may
// have logged one for an entry that it could not settle.
func (r *harness) deferrals() map[string]line {
	lines := map[string]line{}
	for _, l := range r.journal.lines {
		switch l.Event {
		case deferred:
			lines[l.StreamID] = l
		case ingested, duplicate:
		default:
			r.t.Errorf("refused, want deferred: %s", l.text)
		}
	}
	return lines
}

func (r *harness) wantDeferrals(n int) {
	r.t.Helper()
	ledger := r.ledger(streamKey)
	if ledger["deferred"] != int64(n) || ledger["returned"] != int64(n) || ledger[rateLimited] != 0 {
		r.t.Errorf("the ledger counts %d deferred, %d returned and %d refused; %d were put back", ledger["deferred"], ledger["returned"], ledger[rateLimited], n)
	}
	left := r.client.Exists(r.ctx(), "{"+streamKey+"}:delayed", "{"+streamKey+"}:delayed:data").Val()
	if left != 0 || n == 0 {
		r.t.Errorf("%d records were put back, %d keys of the delayed set are left", n, left)
	}
}

// wantUndelayed checks that the other customers' records, sent among those of
// the burst, were stored before half of the burst and that none was deferred.
func (r *harness) wantUndelayed(rest *fixture) {
	r.t.Helper()
	var burst []int64
	var others []document
	for _, d := range r.documents() {
		if rest.people[d.ID] == nil {
			burst = append(burst, d.IngestedAt.UnixMilli())
		} else {
			others = append(others, d)
		}
	}
	slices.Sort(burst)
	for _, d := range others {
		if at, half := d.IngestedAt.UnixMilli(), burst[len(burst)/2]; at > half {
			r.t.Errorf("%+v had to wait for the burst, half of which was stored at %d", d, half)
		}
		if events := r.journal.entries[d.StreamID]; slices.Contains(events, deferred) {
			r.t.Errorf("%+v was deferred: %q", d, events)
		}
	}
	if len(others) != len(rest.people) {
		r.t.Errorf("%d of %d records of other customers are stored", len(others), len(rest.people))
	}
}

// TestReservationsOutliveTheirWorker kills a worker that has reserved places
// for a burst and settled nothing. The worker that reclaims the records must
// find the same places, none freed and none used twice.
func TestReservationsOutliveTheirWorker(t *testing.T) {
	t.Parallel()
	const burst = 20
	f := crowd(33, "hot", burst)
	r, mongo := newProxiedHarness(t, stream, append(deferring, "BATCH_SIZE=500")...)
	r.keepPlaces()
	first := r.start()
	mongo.hold()
	r.feed(f)
	env.Eventually(t, late, func() (bool, string) {
		have := len(r.places("hot"))
		return have == burst, fmt.Sprintf("%d of %d places are reserved", have, burst)
	})
	before := r.places("hot")
	first.Kill()
	if n := r.pending(); n != burst {
		t.Fatalf("%d entries are pending after the kill, want all %d", n, burst)
	}
	mongo.release()
	second := r.start()
	r.awaitDocuments(burst)
	r.stop(second)
	if diff := cmp.Diff(before, r.places("hot")); diff != "" {
		t.Errorf("places after another worker reclaimed the records (-before +after):\n%s", diff)
	}
	r.wantRate(slices.Collect(maps.Values(before)), 5, 2*time.Second)
	if docs := r.documents(); len(docs) != burst {
		t.Errorf("%d documents, want %d", len(docs), burst)
	}
	if n := r.ledger(streamKey)[rateLimited]; n != 0 {
		t.Errorf("%d records were refused", n)
	}
}
