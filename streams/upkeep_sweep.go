package streams

import (
	"context"
	"time"
)

const (
	// sweepPage is how many consumers one script looks at.
	sweepPage = 500
	// idleLeases is for how many leases a consumer that holds nothing may be
	// silent. A worker that lives reads every second, unless it has to wait.
	idleLeases = 10
	// longestSweepPause bounds the pause where leases are long.
	longestSweepPause = time.Minute
)

// sweep removes consumers that have been silent for long and hold nothing:
// every worker that ever was leaves its name in the group unless it ended in
// good order.
func (s *Stream) sweep(ctx context.Context) (time.Duration, error) {
	pause := max(min(s.opts.ClaimIdle, longestSweepPause), time.Second)
	consumers, err := s.opts.Client.XInfoConsumers(ctx, s.keys.Main, s.opts.Group).Result()
	if isNoGroup(err) {
		return pause, nil
	}
	if err != nil {
		return pause, wrap(err, "listing the consumers of %s", s.keys.Main)
	}
	var silent []string
	for _, c := range consumers {
		if c.Pending == 0 && c.Idle > idleLeases*s.opts.ClaimIdle && c.Name != s.opts.Consumer {
			silent = append(silent, c.Name)
		}
	}
	return pause, s.remove(ctx, silent)
}

func (s *Stream) remove(ctx context.Context, consumers []string) error {
	var removed int64
	for len(consumers) > 0 && ctx.Err() == nil {
		page := consumers[:min(len(consumers), sweepPage)]
		consumers = consumers[len(page):]
		args := []any{s.opts.Group}
		for _, name := range page {
			args = append(args, name)
		}
		n, err := s.run(ctx, sweepScript, []string{s.keys.Main}, args...).Int64()
		if isNoGroup(err) {
			return nil
		}
		if err != nil {
			return wrap(err, "removing idle consumers of %s", s.keys.Main)
		}
		removed += n
	}
	if removed > 0 {
		s.opts.Log.Debug("warning", "stream", s.keys.Main, "count", removed, "reason", "idle consumers that held nothing were removed from the group")
	}
	return nil
}
