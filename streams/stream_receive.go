package streams

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// Receive returns entries of dead workers first, then new ones. A wait inside
// Redis lasts at most one second and is not interrupted by ctx.
func (s *Stream) Receive(ctx context.Context, max int) ([]Delivery, error) {
	calls := context.WithoutCancel(ctx)
	deadline := time.Now().Add(s.opts.PollTimeout)
	for ctx.Err() == nil {
		if !s.groupKnown {
			if err := s.Open(calls); err != nil {
				return nil, err
			}
		}
		batch, err := s.reclaim(calls, max)
		if err == nil && len(batch) == 0 {
			batch, err = s.read(calls, max, s.pollWait(deadline))
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

// pollWait is how long to wait inside Redis: until the next scan for expired
// leases is due, and not beyond the deadline.
func (s *Stream) pollWait(deadline time.Time) time.Duration {
	until := min(pollSlice, time.Until(deadline), time.Until(s.nextScan))
	return max(until, time.Millisecond)
}

// readNow returns new entries without waiting.
func (s *Stream) readNow(ctx context.Context, max int) ([]Delivery, error) {
	if !s.groupKnown {
		if err := s.Open(ctx); err != nil {
			return nil, err
		}
	}
	return s.read(ctx, max, 0)
}

// read returns new entries and waits for them for up to block; 0: not at all.
func (s *Stream) read(ctx context.Context, max int, block time.Duration) ([]Delivery, error) {
	count, bounded, err := s.countToRead(ctx, max)
	if err != nil {
		return nil, err
	}
	batch, err := s.readNew(ctx, count, block)
	if err != nil {
		return nil, fmt.Errorf("XREADGROUP %s: %w", s.keys.Main, err)
	}
	return s.accept(ctx, batch, bounded), nil
}

// accept takes note of what was read and completes the deliveries. bounded means
// that their size limited their number. If it can't look up which of them were
// put back, it buffers the batch for the next reclaim and returns nothing.
func (s *Stream) accept(ctx context.Context, batch []Delivery, bounded bool) []Delivery {
	s.small.Store(s.sizer.observe(batch) && !bounded)
	if len(batch) == 0 {
		s.emptied = time.Now()
	} else {
		s.lastCame.Store(time.Now().UnixMilli())
	}
	s.markRedelivered(ctx, batch)
	if s.resolveReturned(ctx, batch) != nil {
		s.rebuffer(batch)
		return nil
	}
	return batch
}

// readNew reads entries that no consumer has received, without copying their
// contents. After an error reply, by which nothing was taken, it repeats the
// command through the client library, which follows redirections of a Cluster
// and returns typed errors. If the group is gone it does not repeat: another
// worker may have created it again meanwhile, and this must not be missed.
func (s *Stream) readNew(ctx context.Context, count int, block time.Duration) ([]Delivery, error) {
	begin := time.Now()
	args := []any{"xreadgroup", "group", s.opts.Group, s.opts.Consumer, "count", count, "streams", s.keys.Main, ">"}
	key := int8(7) // position of the stream's key among args
	if block > 0 {
		args = slices.Insert(args, 6, any("block"), any(block.Milliseconds()))
		key += 2
	}
	reply, err := redisconn.Raw(ctx, s.opts.Client, min(s.lastReply, maxReserve), key, args...)
	if err != nil {
		return nil, err
	}
	if isErrorReply(reply) {
		if err := replyError(reply); isNoGroup(err) {
			return nil, err
		}
		if block > 0 {
			args[7] = max(block-time.Since(begin), time.Millisecond).Milliseconds()
		}
		return s.readTyped(ctx, key, args)
	}
	s.lastReply = len(reply)
	batch, _, err := decodeEntries(reply)
	return batch, err
}

// readTyped sends a read through the client library.
func (s *Stream) readTyped(ctx context.Context, key int8, args []any) ([]Delivery, error) {
	cmd := redis.NewCmd(ctx, args...)
	cmd.SetFirstKeyPos(key)
	_ = s.opts.Client.Process(ctx, cmd) // its error is the command's too
	reply, err := cmd.Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	return typedStreams(reply), nil
}
