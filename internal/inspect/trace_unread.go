package inspect

import (
	"context"
	"slices"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// Unread is what could not be read while others could: a partition, if its master in a Redis Cluster does not answer,
// or a key, if it has another type.
type Unread struct {
	Key string
	Err error
}

// passes reports whether a search may go on in other partitions after an error, and notes
// the partition that it leaves out.
func (t *Tracer) passes(ctx context.Context, tr *Trace, key string, err error) bool {
	if ctx.Err() != nil || !t.unanswered(err) {
		return false
	}
	if !slices.ContainsFunc(tr.Unread, func(u Unread) bool { return u.Key == key }) {
		tr.Unread = append(tr.Unread, Unread{Key: key, Err: redisconn.Plain(err)})
	}
	return len(tr.Unread) < len(t.Keys)
}

// unanswered reports whether an error means that one master of a Cluster does not answer,
// while others may.
func (s Source) unanswered(err error) bool {
	if err == nil || !redisconn.IsCluster(s.Redis) {
		return false
	}
	return !redisconn.IsReply(err) || redis.HasErrorPrefix(err, "CLUSTERDOWN") || redis.HasErrorPrefix(err, "LOADING")
}
