package retry_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"ingestion/internal/retry"
)

// spend does n steps of work and returns how long that took.
func spend(t *testing.T, p *retry.Pace, n, each int) time.Duration {
	t.Helper()
	begin := time.Now()
	for range n {
		if err := p.Await(t.Context(), each); err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(begin)
}

func TestPaceSpreadsWorkEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := retry.Pace{PerSecond: 50}
		if took := spend(t, &p, 11, 5); took != time.Second {
			t.Errorf("55 at 50/s took %v", took)
		}
		time.Sleep(time.Hour) // what was not done meanwhile is not made up for
		if took := spend(t, &p, 11, 5); took != time.Second {
			t.Errorf("after an hour, 55 at 50/s took %v", took)
		}
	})
}

func TestPaceWithoutALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if took := spend(t, &retry.Pace{}, 1000, 500); took != 0 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestPaceStep(t *testing.T) {
	for _, c := range []struct {
		rate       float64
		most, want int
	}{{0, 500, 500}, {0, 0, 0}, {50, 500, 5}, {50, 3, 3}, {50, 0, 0}, {0.01, 500, 1}, {1e9, 500, 500}, {math.MaxFloat64, 7, 7}} {
		if got := (&retry.Pace{PerSecond: c.rate}).Step(c.most); got != c.want {
			t.Errorf("%v/s, at most %d: %d, want %d", c.rate, c.most, got, c.want)
		}
	}
}

func TestPaceEndsWithItsContext(t *testing.T) {
	for name, rate := range map[string]float64{"slow": 1e-5, "unlimited": 0} {
		synctest.Test(t, func(t *testing.T) {
			ctx, stop := context.WithTimeout(t.Context(), time.Second)
			defer stop()
			p := retry.Pace{PerSecond: rate}
			begin := time.Now()
			err := p.Await(ctx, 1)
			for err == nil && time.Since(begin) < time.Minute {
				err = p.Await(ctx, 1)
				time.Sleep(time.Millisecond)
			}
			if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
				t.Errorf("%s: %v after %v", name, err, took)
			}
		})
	}
}
