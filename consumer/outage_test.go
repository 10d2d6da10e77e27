package consumer_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
)

func TestErrorsOfTheQueueAreRetried(t *testing.T) {
	r := newRig(t)
	q := newQueue("a", "b")
	fails := 3
	q.receive = func() error {
		if fails--; fails >= 0 {
			return errors.New("connection refused")
		}
		return nil
	}
	settleFails := 2
	q.settle = func([]streams.Settlement) (streams.Settled, error) {
		if settleFails--; settleFails >= 0 {
			return streams.Settled{}, errors.New("reply lost")
		}
		return streams.Settled{}, nil
	}
	wantOutcomes(t, r.runAll(q), map[record.Outcome]int{record.Ingested: 2})
	var reasons []string
	for _, line := range r.out.events("retrying") {
		reasons = append(reasons, fmt.Sprint(line["reason"]))
	}
	if all := strings.Join(reasons, "\n"); !strings.Contains(all, "connection refused") || !strings.Contains(all, "reply lost") || !strings.Contains(all, "answers again") {
		t.Errorf("logged %q", reasons)
	}
}

// Redis drops the connection again and again, and answers in between.
func TestAnOutageIsLoggedOnceAMinute(t *testing.T) {
	q := newQueue()
	var reads atomic.Int64
	q.receive = func() error {
		if n := reads.Add(1); n%2 == 1 {
			return fmt.Errorf("read tcp 127.0.0.1:%d->127.0.0.1:6379: read: connection reset by peer", 40000+n)
		}
		return nil
	}
	r := newRig(t)
	r.start(q)
	env.Eventually(t, soon, func() (bool, string) { return reads.Load() >= 20, "too few reads" })
	r.stop()
	r.waitOK()
	logged := r.out.events("retrying")
	if len(logged) != 2 || logged[0]["status"] != "error" || logged[1]["status"] != "success" {
		t.Errorf("logged %d lines %v, want one failure and one recovery", len(logged), logged)
	}
}
