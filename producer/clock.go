package producer

import (
	"context"
	"time"
)

// Clock is the time that Generator and Load go by; tests bring their own.
type Clock interface {
	Now() time.Time
	// WaitUntil returns nil at t, or at once if t is past, or ctx's error as
	// soon as that ends.
	WaitUntil(ctx context.Context, t time.Time) error
}

type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

func (systemClock) WaitUntil(ctx context.Context, t time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	wait := time.Until(t)
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
