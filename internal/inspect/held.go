package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/streams"
)

// Held are pending entries: delivered to a worker, and not settled.
type Held struct {
	Err     error    // why not all is known; nil if it is
	Unread  []Unread // the partitions that are left out; all that is known is of the others
	At      time.Time
	Entries []HeldEntry // the oldest ones, in the order of their arrival
	All     bool        // there are no others
}

// HeldEntry is a pending entry.
type HeldEntry struct {
	Key, ID    string
	Consumer   string
	Idle       time.Duration // since it was delivered, or its lease renewed
	Deliveries int64
}

// Arrived is when the entry arrived, by the clock of Redis.
func (e HeldEntry) Arrived() time.Time { return streams.ArrivalOf(e.ID) }

// ReadHeld reads the oldest pending entries of all partitions together, at most so many. Since any partition may
// have the oldest ones, it reads so many in each. A list does not tell what workers hold.
func ReadHeld(ctx context.Context, src Source, most int) Held {
	if len(src.Keys) == 0 {
		return Held{All: true}
	}
	now, err := src.clock(ctx)
	if err != nil {
		return Held{Err: fmt.Errorf("asking Redis for the time: %w", err)}
	}
	lists, unread, err := each(src.Keys, func(key string) ([]HeldEntry, error) { return heldIn(ctx, src, key, most+1) })
	h := Held{Err: err, Unread: unread, At: now, Entries: slices.Concat(lists...)}
	slices.SortStableFunc(h.Entries, func(a, b HeldEntry) int { return a.Arrived().Compare(b.Arrived()) })
	if h.All = err == nil && len(h.Entries) <= most; len(h.Entries) > most {
		h.Entries = slices.Clip(h.Entries[:most])
	}
	return h
}

func heldIn(ctx context.Context, src Source, key string, most int) ([]HeldEntry, error) {
	pending, err := src.Redis.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: key, Group: src.Group, Start: "-", End: "+", Count: int64(most)}).Result()
	switch {
	case redis.HasErrorPrefix(err, "NOGROUP"):
		return nil, nil
	case err != nil && !errors.Is(err, redis.Nil):
		return nil, fmt.Errorf("reading the pending entries of %s: %w", key, err)
	}
	entries := make([]HeldEntry, len(pending))
	for i, p := range pending {
		entries[i] = HeldEntry{Key: key, ID: p.ID, Consumer: p.Consumer, Idle: p.Idle, Deliveries: p.RetryCount}
	}
	return entries, nil
}
