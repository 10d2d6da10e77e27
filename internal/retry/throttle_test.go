package retry_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ingestion/internal/retry"
)

func TestThrottleAllowsAReasonOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var throttle retry.Throttle
		want := func(reason string, allowed bool) {
			t.Helper()
			if throttle.Allow(reason) != allowed {
				t.Errorf("%q: allowed %v, want %v", reason, !allowed, allowed)
			}
		}
		want("port 1 is closed", true)
		want("port 2 is closed", false)
		want("the disk is full", true)
		want("port 1 is closed", false)
		time.Sleep(time.Minute)
		want("port 3 is closed", true)
	})
}

func TestThrottleForgetsTheOldestReasons(t *testing.T) {
	var throttle retry.Throttle
	for i := range 1000 {
		if reason := fmt.Sprint("reason ", strings.Repeat("x", i)); !throttle.Allow(reason) {
			t.Fatalf("reason %d is new, and was not allowed", i)
		}
	}
}
