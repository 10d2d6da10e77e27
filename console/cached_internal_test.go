package console

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// slowly counts its readings, each of which takes three times as long as it is good.
func slowly() *cached[int] {
	n := 0
	return &cached[int]{keep: time.Second, read: func(context.Context) int {
		time.Sleep(3 * time.Second) // of the test's clock
		n++
		return n
	}}
}

// A server that is slow, or does not answer, is asked once for all who wait, and not once for each.
func TestAllWhoWaitGetOneReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, begin := slowly(), time.Now()
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 50 * time.Millisecond) // most ask when it would be too old, if it were over
				if got, _ := c.get(t.Context()); got != 1 {
					t.Errorf("reading %d", got)
				}
			})
		}
		all.Wait()
		if took := time.Since(begin); took != 3*time.Second {
			t.Errorf("50 pages waited for %v", took)
		}
		time.Sleep(999 * time.Millisecond) // it is good for a second after its end, however long it took
		if got, _ := c.get(t.Context()); got != 1 {
			t.Errorf("reading %d while the first is good", got)
		}
		time.Sleep(2 * time.Millisecond)
		if got, _ := c.get(t.Context()); got != 2 {
			t.Errorf("reading %d after the first was too old", got)
		}
	})
}

// What was read before a change, or while it was made, is not shown after it.
func TestNobodyGetsAReadingThatIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := slowly()
		var all sync.WaitGroup
		all.Go(func() { _, _ = c.get(t.Context()) })
		synctest.Wait() // it reads
		for range 3 {   // however often it is forgotten, one more is enough for all
			begin := time.Now()
			c.forget()
			if time.Since(begin) > 0 {
				t.Error("forgetting waits for what reads")
			}
			all.Go(func() {
				if got, _ := c.get(t.Context()); got != 2 {
					t.Errorf("reading %d", got)
				}
			})
			synctest.Wait()
		}
		all.Wait()
		if got, _ := c.get(t.Context()); got != 2 {
			t.Errorf("reading %d while the one after the change is good", got)
		}
	})
}

// Whoever has gone does not wait, and interrupts nothing.
func TestWhoHasGoneDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := slowly()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if _, err := c.get(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
		if got, err := c.get(t.Context()); err != nil || got != 1 || time.Since(begin) != 3*time.Second {
			t.Errorf("reading %d, %v after %v", got, err, time.Since(begin))
		}
	})
}

// What has failed is read again after a second, and what has not when it is too old.
func TestFailuresAreNotKeptForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := &cached[int]{keep: time.Minute, failed: func(n int) bool { return n == 1 }, read: func(context.Context) int { n++; return n }}
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{0, 1}, {999 * time.Millisecond, 1}, {2 * time.Millisecond, 2}, {59 * time.Second, 2}, {2 * time.Second, 3}} {
			time.Sleep(step.wait)
			if got, _ := c.get(t.Context()); got != step.want {
				t.Errorf("after %v more: reading %d, want %d", step.wait, got, step.want)
			}
		}
	})
}

// A panic is one of those who asked, and the next ones ask anew.
func TestAPanicWhileReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		c := &cached[int]{keep: time.Minute, read: func(context.Context) int {
			if n++; n == 1 {
				panic("broken")
			}
			return n
		}}
		func() {
			defer func() {
				if reason := recover(); reason != "broken" {
					t.Errorf("panic: %v", reason)
				}
			}()
			_, _ = c.get(t.Context())
		}()
		time.Sleep(2 * failureKept)
		if got, _ := c.get(t.Context()); got != 2 {
			t.Errorf("reading %d", got)
		}
	})
}

// What is slow is left out until it is known, and is known for a while when it is slow again.
func TestSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := slowly()
		soon := func() (int, bool) { return c.soon(t.Context(), time.Second, 10*time.Second) }
		begin := time.Now()
		if _, known := soon(); known || time.Since(begin) != time.Second {
			t.Errorf("known: %v after %v", known, time.Since(begin))
		}
		if _, known := soon(); known || time.Since(begin) != time.Second {
			t.Errorf("asked again, which waits no longer: %v after %v", known, time.Since(begin))
		}
		time.Sleep(4 * time.Second) // the first reading is over since 2 s, and good no more
		if got, known := soon(); !known || got != 1 || time.Since(begin) != 5*time.Second {
			t.Errorf("reading %d, %v after %v", got, known, time.Since(begin))
		}
		time.Sleep(time.Minute)
		if got, known := soon(); known {
			t.Errorf("reading %d of a minute ago is known", got)
		}
		time.Sleep(time.Minute)
	})
}
