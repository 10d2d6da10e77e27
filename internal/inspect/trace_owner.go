package inspect

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/streams"
)

// checkOwner returns a *streams.OwnerError if another group settles the entries: which of
// them are delivered and pending is told by that one.
func (s Source) checkOwner(ctx context.Context) error {
	for _, key := range s.Keys {
		owner, err := s.Redis.HGet(ctx, streams.KeysOf(key).Ledger, "group").Result()
		switch {
		case errors.Is(err, redis.Nil), ctx.Err() == nil && s.unanswered(err): // a reading will tell
		case err != nil:
			return fmt.Errorf("reading the ledger of %s: %w", key, redisconn.Plain(err))
		case owner != "" && owner != s.Group:
			return &streams.OwnerError{Key: key, Group: s.Group, Owner: owner}
		}
	}
	return nil
}
