package streams

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Holders is who holds entries of one partition, as Redis knows it.
type Holders struct {
	Live        []string // consumers that have spoken to Redis within the lease
	LivePending int64    // entries that these hold
	Silent      int64    // entries of the other consumers, which will be reclaimed
	Delivered   string   // ID of the last entry that was delivered; "" without a group
}

// ReadHolders returns the holders of a partition's entries. lease is the time after which
// the entries of a silent consumer may be reclaimed. Without a group there are none.
func ReadHolders(ctx context.Context, client redis.UniversalClient, key, group string, lease time.Duration) (h Holders, err error) {
	groups, err := client.XInfoGroups(ctx, key).Result()
	if isNoGroup(err) {
		return Holders{}, nil
	}
	for _, g := range groups {
		if g.Name == group {
			h.Delivered = g.LastDeliveredID
		}
	}
	if err != nil || h.Delivered == "" {
		return Holders{}, wrap(err, "reading the groups of %s", key)
	}
	consumers, err := client.XInfoConsumers(ctx, key, group).Result()
	if err != nil && !isNoGroup(err) {
		return Holders{}, wrap(err, "reading the consumers of %s", key)
	}
	for _, c := range consumers {
		if c.Idle < lease {
			h.Live = append(h.Live, c.Name)
			h.LivePending += c.Pending
		} else {
			h.Silent += c.Pending
		}
	}
	return h, nil
}
