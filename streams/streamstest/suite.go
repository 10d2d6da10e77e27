// Package streamstest is the suite that every streams.Queue passes.
package streamstest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
)

// Fixture is a queue under test, with functions to inspect it from outside.
type Fixture struct {
	Queue streams.Queue
	// Push adds bodies at the end.
	Push func(bodies ...string)
	// Another is a second consumer of the same queue.
	Another func() streams.Queue
	// Unfinished counts the records that are not settled: in a list those that wait,
	// in a stream those that wait or are pending.
	Unfinished func() int
	// DeadLetters lists the events of the dead letters in order.
	DeadLetters func() []string
	// Break gives the key another type, so that the next Receive fails, and returns
	// the repair.
	Break func() (repair func())
}

const soon = 10 * time.Second

// Run runs the suite. open returns a new, empty queue with dead letters on.
func Run(t *testing.T, open func(t *testing.T) *Fixture) {
	for name, test := range map[string]func(*testing.T, *Fixture){
		"delivers in order and at most max":     deliversInOrder,
		"returns nothing if nothing arrives":    returnsNothing,
		"waits for later records":               waitsForLater,
		"stops waiting when the context ends":   stopsWaiting,
		"forgets what is settled":               forgetsSettled,
		"settling again changes nothing":        settlesOnce,
		"keeps refused records as dead letters": keepsDeadLetters,
		"nacks in order, for any consumer":      nacksInOrder,
		"nacks nothing":                         nacksNothing,
		"extends the lease of what is held":     extends,
		"delivers each record to one consumer":  deliversOnce,
		"carries any bytes":                     carriesAnyBytes,
		"fails, takes nothing, recovers":        failsAndRecovers,
		"closes and keeps nacked records":       closes,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Receive collects n deliveries of a queue.
func Receive(t *testing.T, q streams.Queue, n int) []streams.Delivery {
	t.Helper()
	var got []streams.Delivery
	env.Eventually(t, soon, func() (bool, string) {
		more, err := q.Receive(t.Context(), n-len(got))
		if err != nil {
			t.Fatalf("Receive: %v", err)
		}
		got = append(got, more...)
		return len(got) >= n, fmt.Sprintf("received %d of %d", len(got), n)
	})
	return got
}

// Bodies lists what the deliveries carry.
func Bodies(deliveries []streams.Delivery) []string {
	out := make([]string, len(deliveries))
	for i, d := range deliveries {
		out[i] = string(d.Body)
	}
	return out
}

// All gives every delivery the same outcome.
func All(outcome record.Outcome, deliveries []streams.Delivery) []streams.Settlement {
	out := make([]streams.Settlement, len(deliveries))
	for i := range deliveries {
		out[i] = streams.Settlement{Delivery: &deliveries[i], Outcome: outcome, Reason: "because"}
	}
	return out
}

func settle(t *testing.T, q streams.Queue, s []streams.Settlement) streams.Settled {
	t.Helper()
	done, err := q.Settle(t.Context(), s)
	if err != nil {
		t.Fatalf("Settle: %v", err)
	}
	return done
}

func want[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

func numbered(n int) []string {
	bodies := make([]string, n)
	for i := range bodies {
		bodies[i] = fmt.Sprintf("record %d", i)
	}
	return bodies
}

func deliversInOrder(t *testing.T, f *Fixture) {
	f.Push(numbered(10)...)
	first, err := f.Queue.Receive(t.Context(), 4)
	if err != nil || len(first) == 0 || len(first) > 4 {
		t.Fatalf("Receive(4): %d deliveries, %v", len(first), err)
	}
	rest := Receive(t, f.Queue, 10-len(first))
	want(t, "order", append(Bodies(first), Bodies(rest)...), numbered(10))
	for _, d := range rest {
		want(t, "deliveries", d.Deliveries, 1)
	}
}

func returnsNothing(t *testing.T, f *Fixture) {
	got, err := f.Queue.Receive(t.Context(), 5)
	if err != nil || len(got) != 0 {
		t.Fatalf("Receive on an empty queue: %v, %v", got, err)
	}
}

func waitsForLater(t *testing.T, f *Fixture) {
	pushed := make(chan struct{})
	go func() {
		defer close(pushed)
		f.Push("late")
	}()
	want(t, "body", Bodies(Receive(t, f.Queue, 1)), []string{"late"})
	<-pushed
}

func stopsWaiting(t *testing.T, f *Fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.Push("stays")
	got, err := f.Queue.Receive(ctx, 5)
	if err != nil || len(got) != 0 {
		t.Fatalf("Receive after the end: %v, %v", got, err)
	}
	want(t, "unfinished", f.Unfinished(), 1)
}

func forgetsSettled(t *testing.T, f *Fixture) {
	f.Push(numbered(3)...)
	held := Receive(t, f.Queue, 3)
	done := settle(t, f.Queue, []streams.Settlement{
		{Delivery: &held[0], Outcome: record.Ingested},
		{Delivery: &held[1], Outcome: record.Duplicate},
		{Delivery: &held[2], Outcome: record.Invalid, Reason: "email: missing"},
	})
	want(t, "settled", done, streams.Settled{Count: 3, Kept: done.Kept, Lost: done.Lost})
	want(t, "kept and lost", len(done.Kept)+len(done.Lost), 0)
	want(t, "unfinished", f.Unfinished(), 0)
}

func settlesOnce(t *testing.T, f *Fixture) {
	f.Push(numbered(2)...)
	s := All(record.Ingested, Receive(t, f.Queue, 2))
	settle(t, f.Queue, s)
	settle(t, f.Queue, s)
	want(t, "unfinished", f.Unfinished(), 0)
	want(t, "dead letters", len(f.DeadLetters()), 0)
}

func keepsDeadLetters(t *testing.T, f *Fixture) {
	refused := []record.Outcome{record.Malformed, record.Invalid, record.RateLimited, record.Rejected, record.Poisoned}
	f.Push(numbered(len(refused))...)
	held := Receive(t, f.Queue, len(refused))
	var s []streams.Settlement
	var events []string
	for i, o := range refused {
		s = append(s, streams.Settlement{Delivery: &held[i], Outcome: o, Reason: "because"})
		events = append(events, o.String())
	}
	want(t, "settled", settle(t, f.Queue, s).Count, len(refused))
	want(t, "dead letters", f.DeadLetters(), events)
	want(t, "unfinished", f.Unfinished(), 0)
}

func nacksInOrder(t *testing.T, f *Fixture) {
	f.Push(numbered(6)...)
	held := Receive(t, f.Queue, 6)
	settle(t, f.Queue, All(record.Ingested, held[:2]))
	if err := f.Queue.Nack(t.Context(), held[2:]); err != nil {
		t.Fatal(err)
	}
	again := Receive(t, f.Another(), 4)
	want(t, "order", Bodies(again), numbered(6)[2:])
	for _, d := range again {
		want(t, "deliveries after a Nack", d.Deliveries, 1)
	}
}

func nacksNothing(t *testing.T, f *Fixture) {
	if err := f.Queue.Nack(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func extends(t *testing.T, f *Fixture) {
	f.Push(numbered(3)...)
	held := Receive(t, f.Queue, 3)
	lost, err := f.Queue.Extend(t.Context(), held)
	if err != nil || len(lost) != 0 {
		t.Fatalf("Extend: lost %v, %v", lost, err)
	}
	want(t, "settled", settle(t, f.Queue, All(record.Ingested, held)).Count, 3)
}

func deliversOnce(t *testing.T, f *Fixture) {
	f.Push(numbered(200)...)
	other := f.Another()
	var got []string
	env.Eventually(t, soon, func() (bool, string) {
		for _, q := range []streams.Queue{f.Queue, other} {
			batch, err := q.Receive(t.Context(), 7)
			if err != nil {
				t.Fatal(err)
			}
			settle(t, q, All(record.Ingested, batch))
			got = append(got, Bodies(batch)...)
		}
		return f.Unfinished() == 0, fmt.Sprintf("%d unfinished", f.Unfinished())
	})
	slices.Sort(got)
	wanted := numbered(200)
	slices.Sort(wanted)
	want(t, "delivered", got, wanted)
}

func carriesAnyBytes(t *testing.T, f *Fixture) {
	bodies := []string{"", "\x00\xff\xfe", "line\nbreak\r\n", "{\"name\":\"Žofie 🙂\"}", string(make([]byte, 1<<20))}
	f.Push(bodies...)
	held := Receive(t, f.Queue, len(bodies))
	want(t, "bodies", Bodies(held), bodies)
	if err := f.Queue.Nack(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	want(t, "bodies after a Nack", Bodies(Receive(t, f.Queue, len(bodies))), bodies)
}

func failsAndRecovers(t *testing.T, f *Fixture) {
	f.Push("before")
	held := Receive(t, f.Queue, 1)
	settle(t, f.Queue, All(record.Ingested, held))
	repair := f.Break()
	if got, err := f.Queue.Receive(t.Context(), 1); err == nil {
		t.Fatalf("Receive of a broken key: %v and no error", got)
	}
	repair()
	f.Push("after")
	want(t, "body", Bodies(Receive(t, f.Queue, 1)), []string{"after"})
}

func closes(t *testing.T, f *Fixture) {
	f.Push(numbered(2)...)
	held := Receive(t, f.Queue, 2)
	if err := f.Queue.Nack(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	if err := f.Queue.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, "unfinished", f.Unfinished(), 2)
	want(t, "bodies", Bodies(Receive(t, f.Another(), 2)), numbered(2))
}
