package doctor

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/config"
	"ingestion/internal/plural"
	"ingestion/limiter"
	"ingestion/streams"
)

// customerLimits looks for customers' own limits that the limiter does not apply.
func customerLimits(ctx context.Context, e *exam, f *findings) error {
	if e.cfg.RateLimitLimit == 0 {
		return nil // own limits do not count
	}
	layout := e.cfg.Layout()
	return e.eachKey(func(partition int, key string) error {
		hash := streams.KeysOf(key).Limits
		var unreadable, misplaced []string
		err := eachField(ctx, e.redis, hash, func(customer, limit string) {
			if _, err := limiter.ParseLimit(limit); err != nil {
				unreadable = append(unreadable, customer)
			} else if e.cfg.QueueMode == config.ModeStream && layout.Home(customer) != partition {
				misplaced = append(misplaced, customer)
			}
		})
		if err != nil {
			return err
		}
		if n := len(unreadable); n > 0 {
			f.add(Error, fmt.Sprintf("%s of %s can't be read: of customer %s", plural.Of(n, "limit", "limits"), hash, customers(unreadable)),
				"the default applies instead", "ingestctl limits list shows the text; ingestctl limits set CUSTOMER LIMIT/WINDOW corrects it, limits unset removes it")
		}
		if n := len(misplaced); n > 0 {
			f.add(Error, fmt.Sprintf("%s of %s in another partition than the customer's: of customer %s", plural.Of(n, "limit", "limits"), hash, customers(misplaced)),
				"no worker looks for it there, so the default applies", "ingestctl limits set CUSTOMER LIMIT/WINDOW puts it in the right one; remove it here with redis-cli HDEL")
		}
		return nil
	})
}

// eachField calls look for each field of a hash, perhaps twice. A key of another type, which
// key-types reports, has none.
func eachField(ctx context.Context, client redis.UniversalClient, hash string, look func(field, value string)) error {
	for cursor := uint64(0); ; {
		page, next, err := client.HScan(ctx, hash, cursor, "", 1000).Result()
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			return nil
		}
		if err != nil {
			return err
		}
		for pair := range slices.Chunk(page, 2) {
			look(pair[0], pair[1])
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// customers names the first ones.
func customers(ids []string) string {
	slices.Sort(ids)
	ids = slices.Compact(ids)
	const shown = 3
	var names []string
	for _, id := range ids[:min(len(ids), shown)] {
		names = append(names, strconv.Quote(id))
	}
	return strings.Join(names, ", ") + more(ids, shown)
}
