package e2e_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
)

// crowd returns n records of one customer.
func crowd(seed uint64, customerID string, n int) *fixture {
	f := &fixture{want: map[string]int{}, names: map[string][]string{}, people: map[string]*person{}}
	rng := rand.New(rand.NewPCG(seed, 5))
	for i := range n {
		p := newPerson(rng, customerID, i)
		f.add(sent{body: p.body(rng), events: []string{ingested}, person: &p, customerID: customerID})
	}
	return f
}

// keepPlaces keeps all places and entries for the test: it notes an unfinished
// record that was put back for a very old place, and creates a group that never
// reads.
func (r *harness) keepPlaces() {
	r.t.Helper()
	note := r.client.HSet(r.ctx(), "{"+streamKey+"}:ledger", "returning", "1 99999999999999-0")
	if err := errors.Join(note.Err(), r.client.XGroupCreateMkStream(r.ctx(), streamKey, "slow-reader", "0").Err()); err != nil {
		r.t.Fatal(err)
	}
}

// places returns the admission times of a customer's records in ms, by _id.
func (r *harness) places(customerID string) map[string]int64 {
	r.t.Helper()
	rows, err := r.client.ZRangeWithScores(r.ctx(), "{"+streamKey+"}:limit:"+customerID, 0, -1).Result()
	if err != nil {
		r.t.Fatal(err)
	}
	places := map[string]int64{}
	for _, row := range rows {
		places[row.Member.(string)] = int64(row.Score)
	}
	return places
}

// wantRate checks that no half-open window holds more than n of the times.
func (r *harness) wantRate(times []int64, n int, window time.Duration) {
	r.t.Helper()
	slices.Sort(times)
	for i := n; i < len(times); i++ {
		if span := times[i] - times[i-n]; span < window.Milliseconds() {
			r.t.Errorf("%d records were admitted within %d ms, from %d on", n+1, span, times[i-n])
		}
	}
}

// returnedEntry is an entry that was put back on the stream.
type returnedEntry struct {
	origin  string
	at      int64 // ms, when it was put back
	admitAt int64 // ms, when it was due
}

func (r *harness) returnedEntries() []returnedEntry {
	r.t.Helper()
	entries, err := r.client.XRange(r.ctx(), streamKey, "-", "+").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	var list []returnedEntry
	for _, e := range entries {
		origin, ok := e.Values["ingestion:origin"].(string)
		if !ok {
			continue
		}
		due, err := strconv.ParseInt(fmt.Sprint(e.Values["ingestion:admitAt"]), 10, 64)
		if err != nil {
			r.t.Errorf("%s was put back with the place %q", e.ID, e.Values["ingestion:admitAt"])
		}
		list = append(list, returnedEntry{origin: origin, at: idTime(e.ID), admitAt: due})
	}
	return list
}

// idTime returns the ms of an entry's ID.
func idTime(id string) int64 {
	ms, _, _ := strings.Cut(id, "-")
	n, _ := strconv.ParseInt(ms, 10, 64)
	return n
}

// stamp returns a line's time in ms.
func (r *harness) stamp(l line) int64 {
	r.t.Helper()
	t, err := time.Parse(time.RFC3339, l.Timestamp)
	if err != nil {
		r.t.Fatal(err)
	}
	return t.UnixMilli()
}

// feedPast sends the bodies with IDs in the past, the last one now.
func (r *harness) feedPast(step time.Duration, bodies []string) {
	r.t.Helper()
	first := time.Now().Add(-time.Duration(len(bodies)-1) * step)
	cmds, err := r.client.TxPipelined(r.ctx(), func(pipe redis.Pipeliner) error {
		for i, body := range bodies {
			id := strconv.FormatInt(first.Add(time.Duration(i)*step).UnixMilli(), 10) + "-0"
			pipe.XAdd(r.ctx(), &redis.XAddArgs{Stream: streamKey, ID: id, Values: []any{"data", body}})
		}
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.number(cmds)
}

// awaitDocuments waits until n documents are stored and nothing is pending.
func (r *harness) awaitDocuments(n int) {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		r.wantWorking()
		r.journal.update()
		have := r.journal.counts[ingested]
		return have >= n && r.pending() == 0, fmt.Sprintf("%d of %d lines say ingested, %d entries are pending", have, n, r.pending())
	})
}

// pace measures the delay that the machine adds: it does what a worker does for
// deferred records, waiting for a tenth of a second and asking Redis for the
// time, and notes how late that is.
type pace struct {
	stop, done chan struct{}
	worst      time.Duration
}

func (r *harness) pace() *pace {
	p := &pace{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		const every = 100 * time.Millisecond
		for {
			began := time.Now()
			select {
			case <-p.stop:
				return
			case <-time.After(every):
			}
			if r.client.Time(r.ctx()).Err() != nil {
				return
			}
			p.worst = max(p.worst, time.Since(began)-every)
		}
	}()
	return p
}

// end stops measuring and returns the longest delay.
func (p *pace) end() time.Duration {
	close(p.stop)
	<-p.done
	return p.worst
}
