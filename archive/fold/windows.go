package fold

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/streams"
)

// windows are the limiter's keys of a fold: {rebuild:<collection>:<partition>}:… They
// expire like those of the workers, and are removed at the end.
type windows struct {
	client redis.UniversalClient
	name   string // of the collection
	live   []string
	keep   time.Duration // how long the limiter keeps a window that is not used
}

// bases are the keys K of the fold's own partitions.
func (w *windows) bases() []string {
	bases := make([]string, len(w.live))
	for i := range w.live {
		bases[i] = "rebuild:" + w.name + ":" + strconv.Itoa(i)
	}
	return bases
}

// mark is the key that tells that the windows of a run are there. It expires before the
// first of them.
func (w *windows) mark() string { return "{" + w.bases()[0] + "}:run" }

// create removes what an earlier fold left, copies the customers' own limits as they are
// now, and marks the windows as those of this run.
func (w *windows) create(ctx context.Context, run string) error {
	if err := w.remove(ctx); err != nil {
		return err
	}
	for i, base := range w.bases() {
		if err := w.copyLimits(ctx, streams.KeysOf(w.live[i]).Limits, streams.KeysOf(base).Limits); err != nil {
			return fmt.Errorf("copying the limits of customers: %w", redisconn.Plain(err))
		}
	}
	return w.touch(ctx, run)
}

func (w *windows) copyLimits(ctx context.Context, from, to string) error {
	scan := w.client.HScan(ctx, from, 0, "", 1000).Iterator()
	var pairs []any
	flush := func() error {
		if len(pairs) == 0 {
			return nil
		}
		err := w.client.HSet(ctx, to, pairs...).Err()
		pairs = pairs[:0]
		return err
	}
	for scan.Next(ctx) {
		if pairs = append(pairs, scan.Val()); len(pairs) >= 2000 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return errors.Join(scan.Err(), flush())
}

// touch says that the windows of the run are in use.
func (w *windows) touch(ctx context.Context, run string) error {
	if err := w.client.Set(ctx, w.mark(), run, w.keep).Err(); err != nil {
		return fmt.Errorf("writing %s: %w", w.mark(), redisconn.Plain(err))
	}
	return nil
}

// errWindows means that limits can no longer be applied as to one run.
var errWindows = errors.New("the customers' windows are no longer in Redis: begin again with --restart")

// keepOn says that the windows are still in use, or returns errWindows if they are gone.
func (w *windows) keepOn(ctx context.Context, run string) error {
	there, err := w.there(ctx, run)
	if err != nil {
		return err
	}
	if !there {
		return errWindows
	}
	return w.touch(ctx, run)
}

// there reports whether the windows of the run are still in Redis.
func (w *windows) there(ctx context.Context, run string) (bool, error) {
	found, err := w.client.Get(ctx, w.mark()).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return false, fmt.Errorf("reading %s: %w", w.mark(), redisconn.Plain(err))
	}
	return found == run, nil
}

// remove deletes all keys of the fold. Names of collections have no characters that mean
// something in a pattern.
func (w *windows) remove(ctx context.Context) error {
	pattern := "{rebuild:" + w.name + ":*"
	each := func(ctx context.Context, node redis.Cmdable) error {
		scan := node.Scan(ctx, 0, pattern, 1000).Iterator()
		for scan.Next(ctx) {
			if err := node.Unlink(ctx, scan.Val()).Err(); err != nil {
				return err
			}
		}
		return scan.Err()
	}
	var err error
	if cluster, ok := w.client.(*redis.ClusterClient); ok {
		err = cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error { return each(ctx, node) })
	} else {
		err = each(ctx, w.client)
	}
	if err != nil {
		return fmt.Errorf("removing the keys %s: %w", pattern, redisconn.Plain(err))
	}
	return nil
}
