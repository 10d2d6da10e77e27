package streams

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed stream_extend.lua
	extendSource string
	extendScript = redis.NewScript(needSource + dropSource + extendSource)
)

// maxLeasePage is how many entries one script call extends or nacks.
const maxLeasePage = 500

// Extend renews the leases of the caller's deliveries and of buffered entries. If
// the caller has not called Receive for ten leases, it nacks the buffered ones
// instead: another worker may be able to process them.
func (s *Stream) Extend(ctx context.Context, held []Delivery) ([]string, error) {
	unwanted := s.takeBuffered(bufferLeases * s.opts.ClaimIdle)
	lost, err := s.extend(ctx, append(entryIDs(held), s.buffered()...))
	if len(unwanted) == 0 {
		return lost, err
	}
	s.opts.Log.Warn("warning", "stream", s.keys.Main, "count", len(unwanted), "first", unwanted[0].id,
		"reason", "entries of another worker were claimed, but this one has read nothing for ten leases: they are returned")
	return lost, errors.Join(err, s.nackEntries(ctx, unwanted, s.opts.ClaimIdle))
}

func (s *Stream) extend(ctx context.Context, ids []string) (lost []string, err error) {
	for len(ids) > 0 {
		page := ids[:min(len(ids), maxLeasePage)]
		reply, err := s.run(ctx, extendScript, s.keys.dropKeys(),
			append([]any{s.opts.Group, s.opts.Consumer}, anySlice(page)...)...).Slice()
		if isNoGroup(err) {
			return slices.Concat(lost, ids), nil
		}
		if err != nil {
			return lost, fmt.Errorf("extending the lease of %d entries of %s: %w", len(page), s.keys.Main, err)
		}
		lost = append(lost, texts(reply[0])...)
		s.reportMissing(texts(reply[1]))
		ids = ids[len(page):]
	}
	return lost, nil
}

func entryIDs(held []Delivery) []string {
	ids := make([]string, len(held))
	for i := range held {
		ids[i] = held[i].ID
	}
	return ids
}
