package app

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/config"
	"ingestion/internal/plural"
	"ingestion/record"
)

// warnOfOtherQueue logs a warning if the queue of the other mode holds something that this
// worker will not read. It is only a hint, so an error, as of a user without the right to ask,
// means that there is none.
func warnOfOtherQueue(ctx context.Context, client redis.UniversalClient, cfg *config.Config, log *slog.Logger) {
	if warning := otherQueue(ctx, client, cfg); warning != "" {
		log.Warn("warning", "reason", warning)
	}
}

func otherQueue(ctx context.Context, client redis.UniversalClient, cfg *config.Config) string {
	if cfg.QueueMode == config.ModeStream {
		n, _ := client.LLen(ctx, cfg.QueueKey).Result()
		if n == 0 {
			return ""
		}
		return fmt.Sprintf("QUEUE_MODE=stream: this worker reads the stream %q only, but the list %q has %s: run a worker with QUEUE_MODE=list until it is empty, or move them with ingestctl migrate list-to-stream, and check the QUEUE_MODE of the producer",
			cfg.StreamKey, cfg.QueueKey, plural.Of(n, "record", "records"))
	}
	for _, key := range record.PartitionKeys(cfg.StreamKey, cfg.StreamPartitions) {
		n, err := client.XLen(ctx, key).Result()
		if err != nil {
			return ""
		}
		if n > 0 {
			return fmt.Sprintf("QUEUE_MODE=list: this worker reads the list %q only, but the stream %q has %s: if they are not settled yet, run a worker with QUEUE_MODE=stream",
				cfg.QueueKey, key, plural.Of(n, "entry", "entries"))
		}
	}
	return ""
}
