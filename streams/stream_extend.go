package streams

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/plural"
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
// instead: another worker may be able to process them. A consumer that holds nothing
// tells Redis that it is alive.
func (s *Stream) Extend(ctx context.Context, held []Delivery) ([]string, error) {
	unwanted := s.takeBuffered(bufferLeases * s.opts.ClaimIdle)
	ids := append(entryIDs(held), s.buffered()...)
	if len(ids) == 0 && len(unwanted) == 0 {
		return nil, s.signOfLife(ctx)
	}
	lost, err := s.extend(ctx, ids)
	if len(unwanted) == 0 {
		return lost, err
	}
	s.opts.Log.Warn("warning", "stream", s.keys.Main, "count", len(unwanted), "first", unwanted[0].id,
		"reason", "entries of another worker were claimed, but this one has read nothing for ten leases: they are returned")
	return lost, errors.Join(err, s.nackEntries(ctx, unwanted, s.opts.ClaimIdle))
}

// afterAll is an entry ID that none is greater than. The one above it means "new entries".
const afterAll = "18446744073709551615-18446744073709551614"

// signOfLife reads nothing, from among the entries that the consumer holds. Before 7.2,
// Redis takes a consumer that waits for entries, and gets none, for idle.
func (s *Stream) signOfLife(ctx context.Context) error {
	err := s.opts.Client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: s.opts.Group, Consumer: s.opts.Consumer, Streams: []string{s.keys.Main, afterAll}, Count: 1, Block: -1,
	}).Err()
	if err == nil || errors.Is(err, redis.Nil) || isNoGroup(err) {
		return nil
	}
	return fmt.Errorf("telling %s that the consumer is alive: %w", s.keys.Main, err)
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
			return lost, fmt.Errorf("extending the lease of %s of %s: %w", plural.Of(len(page), "entry", "entries"), s.keys.Main, err)
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
