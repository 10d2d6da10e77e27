package streams

import (
	"context"
	"fmt"
	"time"
)

// Extend renews the lease on what the caller holds and on what was taken over
// and not yet read.
func (s *Stream) Extend(ctx context.Context, held []Delivery) ([]string, error) {
	s.mu.Lock()
	ids := append(entryIDs(held), claimedIDs(s.claimed)...)
	s.mu.Unlock()
	var lost []string
	for len(ids) > 0 {
		page := ids[:min(len(ids), 500)]
		ids = ids[len(page):]
		reply, err := s.run(ctx, extendScript, []string{s.keys.Main}, s.idArgs(nil, page)...).StringSlice()
		if err != nil {
			return lost, fmt.Errorf("renewing the lease on %d entries of %s: %w", len(page), s.keys.Main, err)
		}
		lost = append(lost, reply...)
	}
	return lost, nil
}

// HandBack gives entries back with their lease run out and their delivery
// count as it was, so that another worker takes them at once.
func (s *Stream) HandBack(ctx context.Context, held []Delivery) error {
	return s.handBack(ctx, entryIDs(held))
}

// Postpone is HandBack for what can't be worked on for now: it is taken again,
// here or elsewhere, only after a whole lease.
func (s *Stream) Postpone(ctx context.Context, held []Delivery) error {
	return s.release(ctx, entryIDs(held), 0)
}

func (s *Stream) handBack(ctx context.Context, ids []string) error {
	return s.release(ctx, ids, s.opts.ClaimIdle)
}

// release gives entries back as if they had been idle for so long.
func (s *Stream) release(ctx context.Context, ids []string, idle time.Duration) error {
	for len(ids) > 0 {
		page := ids[:min(len(ids), 500)]
		ids = ids[len(page):]
		args := s.idArgs([]any{idle.Milliseconds()}, page)
		err := s.run(ctx, handbackScript, []string{s.keys.Main}, args...).Err()
		if isNoGroup(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("handing %d entries of %s back: %w", len(page), s.keys.Main, err)
		}
	}
	return nil
}

func (s *Stream) idArgs(more []any, ids []string) []any {
	args := make([]any, 0, 2+len(more)+len(ids))
	args = append(args, s.opts.Group, s.opts.Consumer)
	args = append(args, more...)
	for _, id := range ids {
		args = append(args, id)
	}
	return args
}

func entryIDs(held []Delivery) []string {
	ids := make([]string, len(held))
	for i := range held {
		ids[i] = held[i].ID
	}
	return ids
}
