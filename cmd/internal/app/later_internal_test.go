package app

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Something is opened once for all who ask, again after a failure, and holds up nobody who does not wait.
func TestLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		attempts := 0
		later := NewLater(func() (int, error) {
			attempts++
			time.Sleep(time.Second)
			if attempts == 1 {
				return 0, errors.New("not there")
			}
			return attempts, nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := later.Get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who does not wait: %v", err)
		}
		if _, err := later.Get(t.Context()); err == nil || attempts != 1 {
			t.Errorf("who waits: %v after %d attempts", err, attempts)
		}
		if _, opened := later.Opened(); opened {
			t.Error("opened before it was there")
		}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if got, err := later.Get(t.Context()); got != 2 || err != nil {
					t.Errorf("%d, %v", got, err)
				}
			})
		}
		all.Wait()
		if got, opened := later.Opened(); got != 2 || !opened {
			t.Errorf("%d, %v", got, opened)
		}
	})
}
