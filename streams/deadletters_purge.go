package streams

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

var (
	//go:embed deadletters_purge.lua
	purgeSource string
	purgeScript = redis.NewScript(needSource + purgeSource)
)

// Purge deletes dead letters and returns how many of those named it has
// found. It may be repeated after an error.
func (d *DeadLetters) Purge(ctx context.Context, ids []string) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	n, err := redisconn.Run(ctx, d.client, purgeScript, []string{d.keys.Dead, d.keys.Ledger}, anySlice(ids)...).Int()
	return n, wrap(err, "deleting dead letters of %s", d.keys.Main)
}
