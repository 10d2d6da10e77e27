package streams_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// maintain runs the upkeep until the test ends.
func maintain(t *testing.T, s *streams.Stream) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Maintain(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func TestDeferredRecordsReturnWhenDue(t *testing.T) {
	b := newRig(t)
	q := b.open("c", nil)
	maintain(t, q)
	var late []time.Duration
	for i := range 5 {
		push(t, b.client, fmt.Sprint(i))
		held := streamstest.Receive(t, q, 1)
		due := time.Now().Add(time.Duration(100+300*i) * time.Millisecond)
		_, err := q.Settle(t.Context(), []streams.Settlement{{Delivery: &held[0], Outcome: record.Deferred, Due: due}})
		must(t, err)
		back := streamstest.Receive(t, q, 1)
		late = append(late, time.Since(due))
		settleAll(t, q, record.Ingested, back)
	}
	slices.Sort(late)
	if late[0] < -10*time.Millisecond || late[2] > 150*time.Millisecond {
		t.Errorf("records are put back this long after they are due: %v", late)
	}
}

// A server that is busy with a script refuses all other commands.
func TestRecoveryOfTheUpkeepIsLogged(t *testing.T) {
	b := newRig(t, env.WithConfig("busy-reply-threshold", "50"))
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	maintain(t, q)
	busy := b.server.Client(t)
	go busy.Eval(context.WithoutCancel(t.Context()), "while true do end", nil)
	logged := func(status string) (n int) {
		for _, line := range b.log.find("retrying") {
			if line["status"] == status && (status == "success" || strings.Contains(fmt.Sprint(line["reason"]), "BUSY")) {
				n++
			}
		}
		return n
	}
	env.Eventually(t, soon, func() (bool, string) { return logged("error") >= 2, "no failure is logged" })
	must(t, b.client.ScriptKill(t.Context()).Err())
	env.Eventually(t, soon, func() (bool, string) {
		return logged("success") == logged("error"), fmt.Sprintf("%d failures, %d recoveries: %v", logged("error"), logged("success"), b.log.find("retrying"))
	})
}
