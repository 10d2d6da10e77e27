package streams

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	scanStart = "0-0"
	// fetchBytes bounds the bodies that one call brings.
	fetchBytes = replyBytes
	// longestScanPause keeps the entries of a dead worker from waiting much
	// longer than their lease.
	longestScanPause = 2 * time.Second
)

// takeOver returns entries of dead workers, if their time has come: it claims
// IDs, which raises the delivery counts, and then reads bodies, some MiB at a
// time. What is claimed and not yet read stays leased until the next call.
func (s *Stream) takeOver(ctx context.Context, max int) ([]Delivery, error) {
	s.mu.Lock()
	waiting := len(s.claimed)
	s.mu.Unlock()
	if waiting == 0 {
		if err := s.scan(ctx, max); err != nil {
			return nil, err
		}
	}
	return s.fetch(ctx, max)
}

// scan looks for entries with a lapsed lease, from where the last scan stopped
// to the end of the pending list, and stops at the first page that has some.
func (s *Stream) scan(ctx context.Context, max int) error {
	if s.cursor == scanStart && time.Now().Before(s.nextScan) {
		return nil
	}
	for {
		reply, err := s.run(ctx, claimScript, []string{s.keys.Main, s.keys.Ledger},
			s.opts.Group, s.opts.Consumer, s.opts.ClaimIdle.Milliseconds(), s.cursor, max).Slice()
		if err != nil {
			return fmt.Errorf("XAUTOCLAIM %s: %w", s.keys.Main, err)
		}
		found := parseClaimed(reply[1])
		s.cursor = text(reply[0])
		s.reportMissing(texts(reply[2]))
		if s.cursor == scanStart {
			s.nextScan = time.Now().Add(jitter(min(s.opts.ClaimIdle/4, longestScanPause)))
		}
		if len(found) > 0 {
			s.opts.Log.Info("claimed", "stream", s.keys.Main, "count", len(found),
				"reason", "the lease of their worker has run out")
			s.mu.Lock()
			s.claimed = append(s.claimed, found...)
			s.mu.Unlock()
			return nil
		}
		if s.cursor == scanStart {
			return nil
		}
	}
}

func (s *Stream) fetch(ctx context.Context, max int) ([]Delivery, error) {
	s.mu.Lock()
	want := s.claimed[:min(max, len(s.claimed))]
	s.mu.Unlock()
	if len(want) == 0 {
		return nil, nil
	}
	args := []any{s.opts.Group, s.opts.Consumer, fetchBytes}
	counts := make(map[string]int64, len(want))
	for _, c := range want {
		args = append(args, c.id)
		counts[c.id] = c.deliveries
	}
	reply, err := s.run(ctx, fetchScript, []string{s.keys.Main, s.keys.Ledger}, args...).Slice()
	if err != nil {
		return nil, fmt.Errorf("reading claimed entries of %s: %w", s.keys.Main, err)
	}
	batch := parseEntries(reply[0], counts)
	missing, lost := texts(reply[1]), texts(reply[2])
	s.reportMissing(missing)
	s.mu.Lock()
	s.claimed = s.claimed[len(batch)+len(missing)+len(lost):]
	s.mu.Unlock()
	return batch, nil
}

func (s *Stream) reportMissing(ids []string) {
	if len(ids) == 0 {
		return
	}
	s.opts.Log.Error("entries_missing", "stream", s.keys.Main, "count", len(ids), "first", ids[0], "last", ids[len(ids)-1],
		"reason", "entries were deleted from the stream while they were pending; they are lost unless the producer sends them again")
}

func claimedIDs(list []claimed) []string {
	ids := make([]string, len(list))
	for i, c := range list {
		ids[i] = c.id
	}
	return ids
}

func parseClaimed(reply any) []claimed {
	list, _ := reply.([]any)
	out := make([]claimed, 0, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		n, _ := list[i+1].(int64)
		out = append(out, claimed{id: text(list[i]), deliveries: n})
	}
	return out
}

func parseEntries(reply any, counts map[string]int64) []Delivery {
	list, _ := reply.([]any)
	out := make([]Delivery, 0, len(list))
	for _, item := range list {
		pair, _ := item.([]any)
		if len(pair) != 2 {
			continue
		}
		entry := redis.XMessage{ID: text(pair[0]), Values: map[string]any{}}
		fields := texts(pair[1])
		for i := 0; i+1 < len(fields); i += 2 {
			entry.Values[fields[i]] = fields[i+1]
		}
		d := delivery(entry, counts[entry.ID])
		d.Redelivered = true
		out = append(out, d)
	}
	return out
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = text(item)
	}
	return out
}
