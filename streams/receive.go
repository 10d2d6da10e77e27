package streams

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
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
			batch, err = s.read(calls, max, min(pollSlice, max0(time.Until(deadline))))
		}
		switch {
		case isNoGroup(err):
			s.groupKnown = false
			continue
		case err != nil:
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

func max0(d time.Duration) time.Duration { return max(d, time.Millisecond) }

func (s *Stream) read(ctx context.Context, max int, block time.Duration) ([]Delivery, error) {
	asked := s.sizer.limit(max)
	reply, err := s.opts.Client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: s.opts.Group, Consumer: s.opts.Consumer,
		Streams: []string{s.keys.Main, ">"},
		Count:   int64(asked),
		Block:   block,
	}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("XREADGROUP %s: %w", s.keys.Main, err)
	}
	var batch []Delivery
	for _, stream := range reply {
		for _, entry := range stream.Messages {
			batch = append(batch, delivery(entry, 1))
		}
	}
	s.sizer.observe(batch, asked)
	return batch, nil
}
