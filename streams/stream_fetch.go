package streams

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed stream_fetch.lua
	fetchSource string
	fetchScript = redis.NewScript(needSource + dropSource + fetchSource)
)

// fetch reads the bodies of claimed entries, up to replyBytes in one call.
func (s *Stream) fetch(ctx context.Context, max int) ([]Delivery, error) {
	s.mu.Lock()
	want := s.claimed[:min(max, len(s.claimed))]
	s.mu.Unlock()
	if len(want) == 0 {
		return nil, nil
	}
	args := []any{s.opts.Group, s.opts.Consumer, replyBytes}
	counts := make(map[string]int64, len(want))
	for _, c := range want {
		args = append(args, c.id)
		counts[c.id] = c.deliveries
	}
	reply, err := s.run(ctx, fetchScript, s.keys.dropKeys(), args...).Slice()
	if err != nil {
		return nil, fmt.Errorf("reading claimed entries of %s: %w", s.keys.Main, err)
	}
	batch := typedEntries(nil, reply[0], func(id string) int64 { return counts[id] })
	for i := range batch {
		batch[i].Redelivered = true
	}
	missing, lost := texts(reply[1]), texts(reply[2])
	s.reportMissing(missing)
	if err := s.resolveReturned(ctx, batch); err != nil {
		return nil, err
	}
	if !s.fetched(want[0].id, len(batch)+len(missing)+len(lost)) {
		return nil, nil
	}
	return batch, nil
}

// fetched removes the first n claimed entries. It returns false if all of them were
// nacked meanwhile.
func (s *Stream) fetched(first string, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.claimed) < max(n, 1) || s.claimed[0].id != first {
		return false
	}
	s.claimed = s.claimed[n:]
	return true
}
