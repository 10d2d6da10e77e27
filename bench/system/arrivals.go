package main

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"
)

// lateAfter is the delay after which a record counts as sent late; sleeping is
// not more precise.
const lateAfter = 2 * time.Millisecond

// arrivals records the latency of records.
type arrivals struct {
	want int

	mu                sync.Mutex
	fromSent, fromDue []time.Duration
	late              int
	latest            time.Duration
}

func newArrivals(want int) *arrivals {
	return &arrivals{want: want, fromSent: make([]time.Duration, 0, want), fromDue: make([]time.Duration, 0, want)}
}

// see is called with a document whose name holds the times when its record was
// due and sent.
func (a *arrivals) see(document []byte) {
	now := time.Now()
	name, _ := bsoncore.Document(document).Lookup("name").StringValueOK()
	first, second, _ := strings.Cut(name, " ")
	due, err1 := strconv.ParseInt(first, 10, 64)
	sent, err2 := strconv.ParseInt(second, 10, 64)
	if err1 != nil || err2 != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fromSent = append(a.fromSent, now.Sub(time.Unix(0, sent)))
	a.fromDue = append(a.fromDue, now.Sub(time.Unix(0, due)))
	behind := time.Duration(sent - due)
	a.latest = max(a.latest, behind)
	if behind > lateAfter {
		a.late++
	}
}

func (a *arrivals) all() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.fromSent) >= a.want
}

func (a *arrivals) latency() *latency {
	a.mu.Lock()
	defer a.mu.Unlock()
	return &latency{
		FromXADD: quantilesOf(a.fromSent), FromDue: quantilesOf(a.fromDue),
		Late: a.late, LatestMs: float64(a.latest.Microseconds()) / 1000,
	}
}
