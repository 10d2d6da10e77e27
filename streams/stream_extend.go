package streams

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// leasePage is how many entries one script renews or gives back.
const leasePage = 500

// Extend renews the lease on what the caller holds and on what was taken over
// and not yet delivered. If the caller has not received for ten leases, that is
// handed back instead: another worker may be able to work on it.
func (s *Stream) Extend(ctx context.Context, held []Delivery) ([]string, error) {
	unwanted := s.takeUndelivered(unwantedLeases * s.opts.ClaimIdle)
	lost, err := s.renew(ctx, append(entryIDs(held), s.undelivered()...))
	if len(unwanted) == 0 {
		return lost, err
	}
	s.opts.Log.Warn("warning", "stream", s.keys.Main, "count", len(unwanted), "first", unwanted[0].id,
		"reason", "entries of another worker were taken over, but this one has read nothing for ten leases: they are handed back")
	return lost, errors.Join(err, s.handBack(ctx, unwanted, s.opts.ClaimIdle))
}

func (s *Stream) renew(ctx context.Context, ids []string) ([]string, error) {
	var lost []string
	for len(ids) > 0 {
		page := ids[:min(len(ids), leasePage)]
		ids = ids[len(page):]
		reply, err := s.run(ctx, extendScript, s.keys.pending(), s.idArgs(page)...).Slice()
		if isNoGroup(err) {
			return append(append(lost, page...), ids...), nil
		}
		if err != nil {
			return lost, fmt.Errorf("renewing the lease on %d entries of %s: %w", len(page), s.keys.Main, err)
		}
		lost = append(lost, texts(reply[0])...)
		s.reportMissing(texts(reply[1]))
	}
	return lost, nil
}

// Nack gives entries back with their lease run out and their delivery
// count as it was, so that another worker takes them at once. A lone attempt
// at a suspect is uncounted. What has failed stays counted.
func (s *Stream) Nack(ctx context.Context, held []Delivery) error {
	return s.giveBack(ctx, held, s.opts.ClaimIdle)
}

func (s *Stream) giveBack(ctx context.Context, held []Delivery, idle time.Duration) error {
	back := make([]claimed, len(held))
	for i := range held {
		back[i] = claimed{id: held[i].ID, deliveries: held[i].Deliveries, tries: -1}
		switch {
		case held[i].Failed:
			back[i].deliveries++
		case held[i].tried:
			back[i].tries = held[i].Tries - 1
		}
	}
	if err := s.handBack(ctx, back, idle); err != nil {
		return err
	}
	s.letGo(len(held))
	return nil
}

// NackWithDelay is Nack for what can't be worked on for now: it is taken again,
// here or elsewhere, only after a whole lease.
func (s *Stream) NackWithDelay(ctx context.Context, held []Delivery) error {
	return s.giveBack(ctx, held, 0)
}

// handBack sets counts, so it may be repeated. The entries are as if they had
// been idle for so long.
func (s *Stream) handBack(ctx context.Context, back []claimed, idle time.Duration) error {
	for len(back) > 0 {
		page := back[:min(len(back), leasePage)]
		back = back[len(page):]
		args := []any{s.opts.Group, s.opts.Consumer, idle.Milliseconds()}
		for _, c := range page {
			args = append(args, c.id, max(c.deliveries-1, 0), c.tries)
		}
		missing, err := s.run(ctx, handbackScript, s.keys.pending(), args...).StringSlice()
		if isNoGroup(err) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("handing %d entries of %s back: %w", len(page), s.keys.Main, err)
		}
		s.reportMissing(missing)
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
