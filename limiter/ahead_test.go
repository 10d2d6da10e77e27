package limiter_test

import (
	"fmt"
	"testing"
	"time"
)

// TestIDsAheadOfTheClock judges records whose arrivals, as the IDs of a stream
// after one of microseconds, all are the same time far ahead.
func TestIDsAheadOfTheClock(t *testing.T) {
	for name, arrival := range map[string]int64{"an hour": ms(3600), "by far": farAhead} {
		for _, reserve := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", reserving: ", reserve), func(t *testing.T) {
				client := clocked(t, realRedis(t))
				cfg := config(2, 10*time.Second)
				cfg.Reserve, cfg.MaxDelay = reserve, time.Hour
				cfg.Floor = func() int64 { return arrival }
				l := newLimiter(t, client, cfg)
				for minute := range 20 {
					now := ms(float64(60 * minute))
					setClock(t, client, now)
					for i, v := range judge(t, l, at("ann", fmt.Sprint(minute, "a"), arrival), at("ann", fmt.Sprint(minute, "b"), arrival), at("bob", fmt.Sprint(minute), arrival)) {
						if v.Decision != admitted || v.Place != now {
							t.Errorf("minute %d, record %d: %+v, want it admitted at %d", minute, i, v, now)
						}
					}
					again := judge(t, l, at("ann", fmt.Sprint(minute, "a"), arrival), at("ann", fmt.Sprint(minute, "c"), arrival))
					if again[0].Decision != admitted || again[0].Place != now {
						t.Errorf("minute %d, repeated: %+v, want its place", minute, again[0])
					}
					if v := again[1]; reserve && v.Place != now+10_000 || !reserve && v.RetryAt != now+10_000 {
						t.Errorf("minute %d, one too many: %+v, want room in 10 s", minute, v)
					}
				}
				if n := card(t, client, "{q}:limit:ann"); n > 12 {
					t.Errorf("%d places are kept, want those of the last windows", n)
				}
			})
		}
	}
}
