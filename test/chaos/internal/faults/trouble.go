package faults

import (
	"context"
	"time"

	"ingestion/test/chaos/internal/system"
)

// transient are codes by which MongoDB tells of trouble of its own.
var transient = []int{202, 365, 70, 13388, 16500, 4293, 262, 50}

// refuse has MongoDB refuse documents that are good.
func (s *Stage) refuse(ctx context.Context, f Fault) error {
	size := int(f.Size >> 1)
	codes := []int{transient[size%len(transient)]}
	switch size / 8 % 4 {
	case 0:
		codes = transient
	case 1:
		codes = []int{500_000 + size%1000} // nobody knows these
	}
	switch f.Kind {
	case MongoPartial:
		return s.refuseFor(ctx, f.Length, 2, size%2, codes...)
	case MongoShard:
		return s.refuseFor(ctx, f.Length, 4, size%4, 500_000+size%1000)
	}
	for left := f.Length; left > 0; left -= 2 * time.Second {
		if err := s.refuseFor(ctx, min(left, time.Second), 1, 0, codes...); err != nil {
			return err
		}
		system.Pause(ctx, time.Second)
	}
	return nil
}

func (s *Stage) refuseFor(ctx context.Context, for_ time.Duration, modulo, remainder int, codes ...int) error {
	if err := s.Refusals.Set(modulo, remainder, codes...); err != nil {
		return err
	}
	system.Pause(ctx, for_)
	return s.Refusals.Clear()
}

// stepClock steps Redis' clock, and to the true time again: half of the time by
// less than a window of the limiter, over which its rule has to hold, else by up
// to half a minute.
func (s *Stage) stepClock(ctx context.Context, f Fault) error {
	step := time.Duration(1+f.Size%3) * time.Second
	if f.Size>>8%2 == 0 {
		step = time.Duration(5+f.Size%25) * time.Second
	}
	if f.Kind == ClockBack {
		step = -min(step, 15*time.Second)
	}
	begin := time.Now()
	defer func() { s.ClockStepped(begin, time.Now(), step) }()
	if err := s.Clock.Step(step); err != nil {
		return err
	}
	system.Pause(ctx, f.Length)
	return s.Clock.Step(0)
}
