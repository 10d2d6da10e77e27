package consumer_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"ingestion/internal/test/env"
)

// TestATroubleIsSaidOnceAMinute has Redis cut the connection over and over, and
// answer in between.
func TestATroubleIsSaidOnceAMinute(t *testing.T) {
	q := newShelf()
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
