// Package retry repeats operations with exponential backoff. It has no limit on
// the number of attempts or on the time they take: the context is the only limit.
package retry

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// jitter is the fraction by which a pause is randomly shortened or lengthened,
// so that clients of a server that recovers do not return all at once.
const jitter = 0.5

// Policy is the range of the pauses between attempts. Pauses double from
// Initial; none is longer than Max. The zero value of a field is the default:
// 50 ms and 2 s.
type Policy struct {
	Initial time.Duration
	Max     time.Duration
}

// Backoff counts the failed attempts of one operation. It is used by one
// goroutine at a time.
type Backoff struct {
	pauses *backoff.ExponentialBackOff
}

// Start returns a Backoff whose first pause is about p.Initial.
func (p Policy) Start() *Backoff {
	if p.Initial <= 0 {
		p.Initial = 50 * time.Millisecond
	}
	if p.Max <= 0 {
		p.Max = 2 * time.Second
	}
	// The library adds the jitter after it applies the maximum.
	longest := max(p.Initial, time.Duration(float64(p.Max)/(1+jitter)))
	return &Backoff{pauses: backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(p.Initial),
		backoff.WithRandomizationFactor(jitter),
		backoff.WithMultiplier(2),
		backoff.WithMaxInterval(longest),
		backoff.WithMaxElapsedTime(0), // the default gives up after 15 minutes
	)}
}

// Next returns the next pause.
func (b *Backoff) Next() time.Duration { return b.pauses.NextBackOff() }

// Reset makes the next pause the first one again.
func (b *Backoff) Reset() { b.pauses.Reset() }

// Wait sleeps for the next pause. It returns ctx's error as soon as ctx ends.
func (b *Backoff) Wait(ctx context.Context) error { return Sleep(ctx, b.Next()) }

// Sleep returns nil after d, or ctx's error as soon as ctx ends.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Permanent marks an error that no further attempt can mend: Do returns it,
// unwrapped, at once.
func Permanent(err error) error { return backoff.Permanent(err) }

// IsPermanent reports whether err is marked by Permanent.
func IsPermanent(err error) bool {
	var permanent *backoff.PermanentError
	return errors.As(err, &permanent)
}

// endedError is the error of an operation that its context ended.
type endedError struct{ cause, last error }

// Ended returns the error of an operation that ended with its context because of
// cause, after the failure last. It wraps both. The text is that of the failure,
// preceded by a cause other than the context's own errors, which say nothing.
func Ended(cause, last error) error { return &endedError{cause, last} }

func (e *endedError) Error() string {
	if e.cause == context.DeadlineExceeded || e.cause == context.Canceled {
		return e.last.Error()
	}
	return e.cause.Error() + ": " + e.last.Error()
}

func (e *endedError) Unwrap() []error { return []error{e.cause, e.last} }

// Do calls op until it succeeds, returns an error marked Permanent, or ctx ends.
// Before each pause it calls notify, unless that is nil. The error is op's last one,
// or the one before if only the end of ctx cut off the last attempt.
func (p Policy) Do(ctx context.Context, op func() error, notify func(err error, pause time.Duration)) error {
	pauses := p.Start()
	var failure error
	for {
		err := op()
		var permanent *backoff.PermanentError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &permanent):
			return permanent.Err
		case ctx.Err() != nil && failure != nil && errors.Is(err, ctx.Err()):
			return failure
		case ctx.Err() != nil:
			return err
		}
		failure = err
		pause := pauses.Next()
		if notify != nil {
			notify(err, pause)
		}
		if Sleep(ctx, pause) != nil {
			return err
		}
	}
}
