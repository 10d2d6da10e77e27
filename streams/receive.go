package streams

import (
	"context"
	"errors"
	"fmt"
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

// patience is how long one wait inside Redis lasts: until the next look for
// lapsed leases is due, and not beyond the poll time.
func (s *Stream) patience(deadline time.Time) time.Duration {
	until := min(pollSlice, time.Until(deadline), time.Until(s.nextScan))
	return max(until, time.Millisecond)
}

func (s *Stream) read(ctx context.Context, max int, block time.Duration) ([]Delivery, error) {
	count, bounded, err := s.count(ctx, max)
	if err != nil {
		return nil, err
	}
	batch, err := s.readNew(ctx, count, block)
	if err != nil {
		return nil, fmt.Errorf("XREADGROUP %s: %w", s.keys.Main, err)
	}
	small := s.sizer.observe(batch)
	s.small.Store(small && !bounded)
	s.markRereads(ctx, batch)
	return batch, nil
}

// readNew reads entries that nobody has had, without a copy of what is in them.
// A reply that is an error tells that nothing was taken: then it asks once more
// by the library's own command, which follows a Cluster and knows errors by type.
// It does not where the group is gone, since that must not be missed: another
// worker may make it again meanwhile.
func (s *Stream) readNew(ctx context.Context, count int, block time.Duration) ([]Delivery, error) {
	begun := time.Now()
	const key = 9 // where the stream's is among the arguments
	reply, err := redisconn.Raw(ctx, s.opts.Client, min(s.lastReply, mostExpected), key,
		"xreadgroup", "group", s.opts.Group, s.opts.Consumer, "count", count, "block", block.Milliseconds(), "streams", s.keys.Main, ">")
	if err != nil {
		return nil, err
	}
	if isErrorReply(reply) {
		if err := errors.New(strings.TrimSpace(string(reply[1:]))); isNoGroup(err) {
			return nil, err
		}
		return s.readTyped(ctx, count, max(block-time.Since(begun), time.Millisecond))
	}
	s.lastReply = len(reply)
	return entries(reply)
}

func (s *Stream) readTyped(ctx context.Context, count int, block time.Duration) ([]Delivery, error) {
	reply, err := s.opts.Client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: s.opts.Group, Consumer: s.opts.Consumer,
		Streams: []string{s.keys.Main, ">"},
		Count:   int64(count),
		Block:   block,
	}).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	var batch []Delivery
	for _, stream := range reply {
		for _, entry := range stream.Messages {
			batch = append(batch, delivery(entry, 1))
		}
	}
	return batch, nil
}

// count is how many entries to ask for, and says whether their bytes bound it.
// Those that wait are looked at unless they are known to be small; what comes
// while the reader waits comes a few at a time anyway.
func (s *Stream) count(ctx context.Context, max int) (n int, bounded bool, err error) {
	if s.small.Load() && !s.unwatched.Load() {
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
