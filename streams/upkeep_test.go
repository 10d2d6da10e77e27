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

// maintain keeps a stream in order until the test ends.
func maintain(t *testing.T, s *streams.Stream) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.Maintain(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func TestADeferredRecordIsBackWhenItIsDue(t *testing.T) {
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
		t.Errorf("records come back so long after they are due: %v", late)
	}
}

// A server that is busy with a script refuses all else.
func TestEachTroubleOfTheUpkeepEndsInTheLog(t *testing.T) {
	b := newRig(t, env.WithConfig("busy-reply-threshold", "50"))
	q := b.open("c", nil)
	must(t, q.Open(t.Context()))
	maintain(t, q)
	busy := b.server.Client(t)
	go busy.Eval(context.WithoutCancel(t.Context()), "while true do end", nil)
	told := func(status string) (n int) {
		for _, line := range b.log.find("retrying") {
			if line["status"] == status && (status == "success" || strings.Contains(fmt.Sprint(line["reason"]), "BUSY")) {
				n++
			}
		}
		return n
	}
	env.Eventually(t, soon, func() (bool, string) { return told("error") >= 2, "no trouble is told" })
	must(t, b.client.ScriptKill(t.Context()).Err())
	env.Eventually(t, soon, func() (bool, string) {
		return told("success") == told("error"), fmt.Sprintf("%d troubles, %d ends: %v", told("error"), told("success"), b.log.find("retrying"))
	})
}
