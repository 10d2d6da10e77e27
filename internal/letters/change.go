package letters

import (
	"context"
	"errors"
	"time"

	"ingestion/internal/retry"
	"ingestion/streams"
)

// Action is a change of dead letters, which is counted in the ledger.
type Action string

// The actions.
const (
	Replay Action = "replay" // puts letters back on the queue, unchanged
	Purge  Action = "purge"  // deletes letters for good
)

// Change is a change of all letters that match, in steps of a bounded size.
type Change struct {
	Queue   *Queue
	Action  Action
	Filter  *Filter
	Limit   int64   // at most so many letters; 0: no limit
	Through Through // see Queue.Selected
	Rate    float64 // letters per second, evenly; 0: no limit
	// Progress is called after each step with the number of letters done so far. It may
	// be nil.
	Progress func(done int64)
}

// Done is what a change has done.
type Done struct {
	Changed int64
	Left    int64   // letters that can't be put back, and are still there
	Unfit   []error // why: one *streams.UnfitError a step
}

// Limits of one step, which blocks Redis while it copies the bodies.
const (
	maxStepLetters = 200
	maxStepBytes   = 1 << 20
)

// ErrStopped means that the context ended a change between two steps.
var ErrStopped = errors.New("stopped")

// Run makes the change. It returns what it has done also with an error, after which it may
// be repeated, as after the death of the process: each letter is added, deleted and counted
// in one atomic step. If ctx ends, it completes the step in progress and returns ErrStopped:
// also if a read fails at the deadline, which the connection knows before ctx has ended.
func (c *Change) Run(ctx context.Context) (Done, error) {
	pace := retry.Pace{PerSecond: c.Rate}
	s := steps{Change: c, size: pace.Step(maxStepLetters), pace: pace}
	err := s.run(ctx)
	if err != nil && over(ctx) {
		err = ErrStopped
	}
	return s.done, err
}

// over reports whether ctx has ended, or will as soon as its timer is served.
func over(ctx context.Context) bool {
	end, ends := ctx.Deadline()
	return ctx.Err() != nil || ends && !time.Now().Before(end)
}

// steps gathers the letters of one step, which are all of one partition.
type steps struct {
	*Change
	size int // letters
	pace retry.Pace

	partition int
	ids       []string
	bytes     int
	done      Done
}

func (s *steps) run(ctx context.Context) error {
	taken := int64(0)
	for l, err := range s.Queue.Selected(ctx, s.Filter, s.Through, false) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if s.Limit > 0 && taken == s.Limit {
			break
		}
		taken++
		if err := s.add(ctx, &l); err != nil {
			return err
		}
	}
	return s.flush(ctx)
}

func (s *steps) add(ctx context.Context, l *Letter) error {
	if l.Partition != s.partition {
		if err := s.flush(ctx); err != nil {
			return err
		}
	}
	s.partition, s.ids, s.bytes = l.Partition, append(s.ids, l.ID), s.bytes+len(l.Data)
	if len(s.ids) >= s.size || s.bytes >= maxStepBytes {
		return s.flush(ctx)
	}
	return nil
}

// flush makes one step, unless ctx has ended.
func (s *steps) flush(ctx context.Context) error {
	if len(s.ids) == 0 {
		return nil
	}
	if err := s.pace.Await(ctx, len(s.ids)); err != nil {
		return err
	}
	ids := s.ids
	s.ids, s.bytes = nil, 0
	n, err := s.apply(context.WithoutCancel(ctx), ids)
	s.done.Changed += int64(n)
	if s.Progress != nil {
		s.Progress(s.done.Changed)
	}
	if unfit, ok := errors.AsType[*streams.UnfitError](err); ok {
		s.done.Unfit = append(s.done.Unfit, unfit)
		s.done.Left += int64(unfit.Left)
		return nil
	}
	return err
}

func (s *steps) apply(ctx context.Context, ids []string) (int, error) {
	part := s.Queue.parts[s.partition]
	if s.Action == Purge {
		return part.Purge(ctx, ids)
	}
	return part.Replay(ctx, ids)
}
