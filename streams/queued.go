package streams

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"
)

// queuedPage bounds what one pipeline reads: Redis returns each entry with its body.
const queuedPage = 200

// Queued says what became of entries of which a producer was told that they are queued.
type Queued struct {
	Count   int64
	There   int64    // on the stream
	Trimmed int64    // settled, and deleted by the service
	Lost    []string // IDs, in order: neither there nor trimmed
}

// ReadQueued looks for entries of one partition by their IDs. It writes nothing.
func ReadQueued(ctx context.Context, client redis.UniversalClient, key string, ids []string) (Queued, error) {
	keys := KeysOf(key)
	q := Queued{Count: int64(len(ids))}
	var absent []string
	for page := range slices.Chunk(ids, queuedPage) {
		cmds := make([]*redis.XMessageSliceCmd, len(page))
		_, err := client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for i, id := range page {
				cmds[i] = pipe.XRangeN(ctx, keys.Main, id, id, 1)
			}
			return nil
		})
		if err != nil {
			return q, wrap(err, "looking for queued entries on %s", keys.Main)
		}
		for i, id := range page {
			if len(cmds[i].Val()) > 0 {
				q.There++
			} else {
				absent = append(absent, id)
			}
		}
	}
	watermark, err := client.HGet(ctx, keys.Ledger, "watermark").Result() // after the look: trimming goes on
	if err != nil && err != redis.Nil {
		return q, wrap(err, "reading %s", keys.Ledger)
	}
	for _, id := range absent {
		if watermark != "" && !before(watermark, id) {
			q.Trimmed++
		} else {
			q.Lost = append(q.Lost, id)
		}
	}
	slices.SortFunc(q.Lost, compareIDs)
	return q, nil
}

func compareIDs(a, b string) int {
	switch {
	case before(a, b):
		return -1
	case before(b, a):
		return 1
	}
	return 0
}
