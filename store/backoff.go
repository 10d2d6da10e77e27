package store

import (
	"time"

	"github.com/cenkalti/backoff/v4"
)

const jitter = 0.5 // a pause is drawn from its nominal length ± 50%

// newBackOff makes the pauses of one call: exponential with jitter, never above
// MaxBackoff, without an end.
func (s *Store) newBackOff() *backoff.ExponentialBackOff {
	return backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(s.opts.InitialBackoff),
		backoff.WithRandomizationFactor(jitter),
		backoff.WithMultiplier(2),
		backoff.WithMaxInterval(max(s.opts.InitialBackoff, time.Duration(float64(s.opts.MaxBackoff)/(1+jitter)))),
		backoff.WithMaxElapsedTime(0),
	)
}
