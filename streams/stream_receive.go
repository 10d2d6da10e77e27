package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// Receive returns entries whose worker died first, then new ones. The wait
// inside Redis is not ended by ctx; it lasts one second at most.
func (s *Stream) Receive(ctx context.Context, max int) ([]Delivery, error) {
	calls := context.WithoutCancel(ctx)
	deadline := time.Now().Add(s.opts.PollTimeout)
	for ctx.Err() == nil {
		if !s.groupKnown {
			if err := s.Open(calls); err != nil {
				return nil, err
			}
		}
		batch, err := s.takeOver(calls, max)
		if err == nil && len(batch) == 0 {
			batch, err = s.read(calls, max, s.patience(deadline))
		}
		switch {
		case isNoGroup(err):
			s.groupKnown = false
			continue
		case err != nil:
			s.noteFailure()
			return nil, err
		case len(batch) > 0:
			s.held.Add(int64(len(batch)))
			return batch, nil
		case !time.Now().Before(deadline):
			return nil, nil
		}
	}
	return nil, nil
}

// nextTakeOver is when there is something to take over next, or to look for it.
func (s *Stream) nextTakeOver() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.claimed) > 0 {
		return time.Time{}
	}
	next := s.nextScan
	for _, c := range s.suspects {
		if c.due.Before(next) {
			next = c.due
		}
	}
	return next
}

// patience is how long one wait inside Redis lasts: until the next look for
// lapsed leases is due, and not beyond the poll time.
func (s *Stream) patience(deadline time.Time) time.Duration {
	until := min(pollSlice, time.Until(deadline), time.Until(s.nextScan))
	return max(until, time.Millisecond)
}

// readAtOnce returns new entries, none if there are none yet.
func (s *Stream) readAtOnce(ctx context.Context, max int) ([]Delivery, error) {
	if !s.groupKnown {
		if err := s.Open(ctx); err != nil {
			return nil, err
		}
	}
	return s.read(ctx, max, 0)
}

// read waits for new entries for so long; 0: not at all.
func (s *Stream) read(ctx context.Context, max int, block time.Duration) ([]Delivery, error) {
	count, bounded, err := s.count(ctx, max)
	if err != nil {
		return nil, err
	}
	batch, err := s.readNew(ctx, count, block)
	if err != nil {
		return nil, fmt.Errorf("XREADGROUP %s: %w", s.keys.Main, err)
	}
	return s.took(ctx, batch, bounded), nil
}

// took learns from what was read, and marks what may have been read before.
// bounded says that there was less of it for the size of the entries. It returns
// the batch, or nothing if it can't be told what of it was put back: then it is
// kept, to be taken over.
func (s *Stream) took(ctx context.Context, batch []Delivery, bounded bool) []Delivery {
	s.small.Store(s.sizer.observe(batch) && !bounded)
	if len(batch) == 0 {
		s.emptied = time.Now()
	} else {
		s.lastCame.Store(time.Now().UnixMilli())
	}
	s.markRereads(ctx, batch)
	if s.recognise(ctx, batch) != nil {
		s.keepUnread(batch)
		return nil
	}
	return batch
}

// readNew reads entries that nobody has had, without a copy of what is in them.
// A reply that is an error tells that nothing was taken: then it asks once more
// by the library's own command, which follows a Cluster and knows errors by type.
// It does not where the group is gone, since that must not be missed: another
// worker may make it again meanwhile.
func (s *Stream) readNew(ctx context.Context, count int, block time.Duration) ([]Delivery, error) {
	begun := time.Now()
	args := []any{"xreadgroup", "group", s.opts.Group, s.opts.Consumer, "count", count, "streams", s.keys.Main, ">"}
	key := int8(7) // where the stream's is among the arguments
	if block > 0 {
		args = slices.Insert(args, 6, any("block"), any(block.Milliseconds()))
		key += 2
	}
	reply, err := redisconn.Raw(ctx, s.opts.Client, min(s.lastReply, mostExpected), key, args...)
	if err != nil {
		return nil, err
	}
	if isErrorReply(reply) {
		if err := errors.New(strings.TrimSpace(string(reply[1:]))); isNoGroup(err) {
			return nil, err
		}
		if block > 0 {
			args[7] = max(block-time.Since(begun), time.Millisecond).Milliseconds()
		}
		return s.readTyped(ctx, key, args)
	}
	s.lastReply = len(reply)
	return entries(reply)
}

// readTyped sends the command so that the library reads the reply.
func (s *Stream) readTyped(ctx context.Context, key int8, args []any) ([]Delivery, error) {
	cmd := redis.NewCmd(ctx, args...)
	cmd.SetFirstKeyPos(key)
	_ = s.opts.Client.Process(ctx, cmd) // its error is the command's too
	reply, err := cmd.Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	return typedEntries(reply), nil
}

// justNow is for how long after an empty read the stream counts as empty.
const justNow = 10 * time.Millisecond

// count is how many entries to ask for, and says whether their bytes bound it.
// Those that wait are looked at unless they are known to be small; what comes
// while the reader waits comes a few at a time anyway.
func (s *Stream) count(ctx context.Context, max int) (n int, bounded bool, err error) {
	if s.small.Load() && !s.unwatched.Load() || time.Since(s.emptied) < justNow {
		return s.sizer.limit(max), false, nil
	}
	reply, err := s.run(ctx, peekScript, []string{s.keys.Main}, s.opts.Group, max, replyBytes).Int64Slice()
	if err != nil {
		return 0, false, fmt.Errorf("looking at the next entries of %s: %w", s.keys.Main, err)
	}
	if reply[0] == 0 {
		return s.sizer.limit(max), false, nil
	}
	return int(reply[0]), reply[1] == 1, nil
}
