package limiter_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"ingestion/limiter"
)

// TestReplayAnswersAsTheModel replays records in order of arrival, some of which come
// again, under any limit and delay.
func TestReplayAnswersAsTheModel(t *testing.T) {
	checks(t, func(t *rapid.T) {
		limit := limiter.Limit{Records: rapid.IntRange(1, 6).Draw(t, "limit"), Window: time.Duration(rapid.IntRange(1, 50).Draw(t, "window")) * time.Millisecond}
		limit.Mode = rapid.SampledFrom([]limiter.Mode{limiter.Windowed, limiter.Windowed, limiter.Windowed, limiter.Off, limiter.Block}).Draw(t, "mode")
		reserve := rapid.Bool().Draw(t, "reserve")
		delay := time.Duration(rapid.IntRange(0, 120).Draw(t, "delay")) * time.Millisecond
		model, replay := limiter.Model{Reserve: reserve, MaxDelay: delay}, limiter.NewReplay(limit, reserve, delay)
		now := int64(someTime)
		for i := range rapid.IntRange(1, 60).Draw(t, "records") {
			now += rapid.SampledFrom([]int64{0, 0, 1, 2, 5, 20, 60, 200}).Draw(t, "pause")
			member := fmt.Sprint(rapid.IntRange(max(0, i-8), i).Draw(t, "member"))
			want := model.Judge(at("ann", member, now), limit)
			if diff := cmp.Diff(want, replay.Judge(member, now)); diff != "" {
				t.Fatalf("record %d, %s at %d (-model +replay):\n%s", i, member, now-someTime, diff)
			}
		}
	})
}
