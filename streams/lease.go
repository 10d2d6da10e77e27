package streams

import (
	"context"
	"fmt"
)

// leasePage is how many entries one script renews or gives back.
const leasePage = 500

// Extend renews the lease on what the caller holds and on what was taken over
// and not yet delivered.
func (s *Stream) Extend(ctx context.Context, held []Delivery) ([]string, error) {
	var lost []string
	for ids := append(entryIDs(held), s.undelivered()...); len(ids) > 0; {
		page := ids[:min(len(ids), leasePage)]
		ids = ids[len(page):]
		reply, err := s.run(ctx, extendScript, []string{s.keys.Main}, s.idArgs(page)...).StringSlice()
		if isNoGroup(err) {
			return append(append(lost, page...), ids...), nil
		}
		if err != nil {
			return lost, fmt.Errorf("renewing the lease on %d entries of %s: %w", len(page), s.keys.Main, err)
		}
		lost = append(lost, reply...)
	}
	return lost, nil
}

// HandBack gives entries back with their lease run out and their delivery
// count as it was, so that another worker takes them at once. A lone attempt
// at a suspect is uncounted.
func (s *Stream) HandBack(ctx context.Context, held []Delivery) error {
	back := make([]claimed, len(held))
	for i := range held {
		back[i] = claimed{id: held[i].ID, deliveries: held[i].Deliveries, tries: -1}
		if held[i].tried {
			back[i].tries = held[i].Tries - 1
		}
	}
	if err := s.handBack(ctx, back); err != nil {
		return err
	}
	s.letGo(len(held))
	return nil
}

// handBack sets counts, so it may be repeated.
func (s *Stream) handBack(ctx context.Context, back []claimed) error {
	for len(back) > 0 {
		page := back[:min(len(back), leasePage)]
		back = back[len(page):]
		args := []any{s.opts.Group, s.opts.Consumer, s.opts.ClaimIdle.Milliseconds()}
		for _, c := range page {
			args = append(args, c.id, max(c.deliveries-1, 0), c.tries)
		}
		err := s.run(ctx, handbackScript, []string{s.keys.Main, s.keys.Suspects}, args...).Err()
		if isNoGroup(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("handing %d entries of %s back: %w", len(page), s.keys.Main, err)
		}
	}
	return nil
}

func (s *Stream) idArgs(ids []string) []any {
	args := make([]any, 0, 2+len(ids))
	args = append(args, s.opts.Group, s.opts.Consumer)
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
