package producer

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"time"

	"ingestion/internal/retry"
)

// Clock is the source of time for Generator and Load.
type Clock interface {
	Now() time.Time
	// WaitUntil returns nil at t, immediately if t has passed, or ctx's error as
	// soon as ctx ends.
	WaitUntil(ctx context.Context, t time.Time) error
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) WaitUntil(ctx context.Context, t time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return retry.Sleep(ctx, time.Until(t))
}

// lateness is how late a customer may be, beyond one interval, before records are
// skipped.
const lateness = time.Second

// pace schedules one customer's records: record k is due k intervals after the
// start, shifted by its jitter. Since intervals count from the start, neither the
// jitter of a record nor the time to send it delays later ones.
type pace struct {
	interval time.Duration
	jitter   time.Duration
	due      time.Duration // when the next record is due, since the start
	nominal  time.Duration // due without jitter
}

// advance schedules the next record. now is the time since the start. Records
// keep their order despite the jitter.
func (p *pace) advance(r *rand.Rand, now time.Duration) {
	p.nominal += p.interval
	if behind := now - p.nominal; behind > lateness+p.interval {
		p.nominal += behind / p.interval * p.interval
	}
	p.due = max(p.nominal+swing(r, p.jitter), p.due)
}

// swing returns a random duration from -jitter to +jitter.
func swing(r *rand.Rand, jitter time.Duration) time.Duration {
	if jitter <= 0 {
		return 0
	}
	return time.Duration(r.Int64N(2*int64(jitter)+1)) - jitter
}

// agenda is a heap of customers by the time of their next record. Ties are in the
// order of GeneratorOptions.Customers.
type agenda struct{ entries entries }

type entry struct {
	line  *line
	place int
}

type entries []entry

func newAgenda(lines []*line) *agenda {
	a := &agenda{}
	for place, l := range lines {
		a.entries = append(a.entries, entry{l, place})
	}
	heap.Init(&a.entries)
	return a
}

func (a *agenda) first() *line { return a.entries[0].line }

// moved restores the order after the first customer's pace has advanced.
func (a *agenda) moved() { heap.Fix(&a.entries, 0) }

func (e entries) Len() int      { return len(e) }
func (e entries) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *entries) Push(x any)   { *e = append(*e, x.(entry)) }
func (e *entries) Pop() any     { panic("the agenda never shrinks") }
func (e entries) Less(i, j int) bool {
	if e[i].line.pace.due != e[j].line.pace.due {
		return e[i].line.pace.due < e[j].line.pace.due
	}
	return e[i].place < e[j].place
}

// throttle limits records to an even rate. It makes up for delays of up to
// lateness.
type throttle struct {
	clock Clock
	rate  float64   // records per second; 0 means no limit
	next  time.Time // when the next record may pass
}

// wait waits until n records may pass.
func (t *throttle) wait(ctx context.Context, n int) error {
	if t.rate <= 0 {
		return nil
	}
	if now := t.clock.Now(); now.Sub(t.next) > lateness {
		t.next = now
	}
	if err := t.clock.WaitUntil(ctx, t.next); err != nil {
		return err
	}
	t.next = t.next.Add(time.Duration(float64(n) / t.rate * float64(time.Second)))
	return nil
}
