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

func TestErrorsOfTheQueueAreWaitedOut(t *testing.T) {
	r := newRig(t)
	s := newQueue("a", "b")
	fails := 3
	s.receive = func() error {
		if fails--; fails >= 0 {
			return errors.New("connection refused")
		}
		return nil
	}
	settleFails := 2
	s.settle = func([]streams.Settlement) (streams.Settled, error) {
		if settleFails--; settleFails >= 0 {
			return streams.Settled{}, errors.New("reply lost")
		}
		return streams.Settled{}, nil
	}
	wantOutcomes(t, r.runAll(s), map[record.Outcome]int{record.Ingested: 2})
	var said []string
	for _, line := range r.out.events("retrying") {
		said = append(said, fmt.Sprint(line["reason"]))
	}
	if all := strings.Join(said, "\n"); !strings.Contains(all, "connection refused") || !strings.Contains(all, "reply lost") || !strings.Contains(all, "answers again") {
		t.Errorf("said %q", said)
	}
}

// TestATroubleIsSaidOnceAMinute has Redis cut the connection over and over, and
// answer in between.
func TestATroubleIsSaidOnceAMinute(t *testing.T) {
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
	env.Eventually(t, soon, func() (bool, string) { return reads.Load() >= 20, "Redis is not asked again" })
	r.stop()
	if err := r.wait(); err != nil {
		t.Fatal(err)
	}
	said := r.out.events("retrying")
	if len(said) != 2 || said[0]["status"] != "error" || said[1]["status"] != "success" {
		t.Errorf("%d lines: %v; want the trouble once, and its end", len(said), said)
	}
}
