package streams

import (
	"context"
	"slices"
	"time"
)

const (
	// sweepPage is how many consumers one script call removes at most.
	sweepPage = 500
	// idleLeases is for how many leases a consumer that holds nothing may be idle. A
	// running worker reads every second, unless it has to wait.
	idleLeases = 10
	// maxSweepPause limits the pause if leases are long.
	maxSweepPause = time.Minute
)

// sweep removes consumers that hold nothing and have been idle for long: a worker
// that did not shut down cleanly leaves its name in the group.
func (s *Stream) sweep(ctx context.Context) (time.Duration, error) {
	pause := max(min(s.opts.ClaimIdle, maxSweepPause), time.Second)
	consumers, err := s.opts.Client.XInfoConsumers(ctx, s.keys.Main, s.opts.Group).Result()
	if isNoGroup(err) {
		return pause, nil
	}
	if err != nil {
		return pause, wrap(err, "listing the consumers of %s", s.keys.Main)
	}
	var idle []string
	for _, c := range consumers {
		if c.Pending == 0 && c.Idle > idleLeases*s.opts.ClaimIdle && c.Name != s.opts.Consumer {
			idle = append(idle, c.Name)
		}
	}
	var removed int64
	for page := range slices.Chunk(idle, sweepPage) {
		n, err := s.removeConsumers(ctx, page...)
		if err != nil {
			return pause, wrap(err, "removing idle consumers of %s", s.keys.Main)
		}
		removed += n
	}
	if removed > 0 {
		s.opts.Log.Debug("warning", "stream", s.keys.Main, "count", removed, "reason", "idle consumers without entries were removed from the group")
	}
	return pause, nil
}
