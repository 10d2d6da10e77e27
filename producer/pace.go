package producer

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"time"
)

// lateness is how far a customer may fall behind before records are left out.
const lateness = time.Second

// pace plans one customer's records: the k-th at k intervals from the start,
// moved by its jitter. Counting intervals from the start keeps the jitter of one
// record, and the time that sending it takes, out of all later ones.
type pace struct {
	interval time.Duration
	jitter   time.Duration
	due      time.Duration // of the next record, since the start
	nominal  time.Duration // the same without jitter
}

// advance plans the next record, given the time that has passed since the
// start. A record never comes before the one that it follows.
func (p *pace) advance(r *rand.Rand, now time.Duration) {
	p.nominal += p.interval
	if behind := now - p.nominal; behind > lateness+p.interval {
		p.nominal += behind / p.interval * p.interval
	}
	p.due = max(p.nominal+swing(r, p.jitter), p.due)
}

// swing is a random length from -jitter to +jitter.
func swing(r *rand.Rand, jitter time.Duration) time.Duration {
	if jitter <= 0 {
		return 0
	}
	return time.Duration(r.Int64N(2*int64(jitter)+1)) - jitter
}

// agenda is the customers by the time of their next record, ties in the order
// in which the customers were given.
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

// moved restores the order after the first one's next record was planned.
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

// throttle lets records pass at an even rate. Time that nobody used is made up
// for by no more than the allowed lateness.
type throttle struct {
	clock Clock
	rate  float64   // a second; 0 lets all pass
	next  time.Time // when the next record may pass
}

// wait returns when n records may pass.
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
