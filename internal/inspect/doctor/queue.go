package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/config"
	"ingestion/internal/plural"
	"ingestion/record"
	"ingestion/streams"
)

func keyTypes(ctx context.Context, e *exam, f *findings) error {
	setting, main := "STREAM_KEY", "stream"
	if e.cfg.QueueMode == config.ModeList {
		setting, main = "QUEUE_KEY", "list"
	}
	return e.eachKey(func(_ int, key string) error {
		err := streams.CheckTypes(ctx, e.redis, main, streams.KeysOf(key))
		wrong := wrongTypes(err)
		for _, w := range wrong {
			f.add(Error, fmt.Sprintf("the key %q is a %s, but must be a %s", w.Key, w.Have, w.Want),
				"workers refuse to start", "remove or rename that key of another program, or choose another "+setting)
		}
		if len(wrong) > 0 {
			return nil
		}
		return err
	})
}

func wrongTypes(err error) (list []*streams.WrongTypeError) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, one := range joined.Unwrap() {
			list = append(list, wrongTypes(one)...)
		}
		return list
	}
	var wrong *streams.WrongTypeError
	if errors.As(err, &wrong) {
		list = append(list, wrong)
	}
	return list
}

func queueMode(ctx context.Context, e *exam, f *findings) error {
	const why = "no worker of this mode reads them"
	if e.cfg.QueueMode == config.ModeStream {
		n, err := e.redis.LLen(ctx, e.cfg.QueueKey).Result()
		if notOurs(err) {
			return nil
		}
		if n > 0 {
			f.add(Warning, fmt.Sprintf("QUEUE_MODE is stream, but the list %q has %s", e.cfg.QueueKey, plural.Of(n, "record", "records")),
				why, "run a worker with QUEUE_MODE=list until the list is empty, and check the QUEUE_MODE of the producers")
		}
		return err
	}
	for _, key := range record.PartitionKeys(e.cfg.StreamKey, e.cfg.StreamPartitions) {
		left, err := e.unfinished(ctx, key)
		if notOurs(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if left {
			f.add(Warning, fmt.Sprintf("QUEUE_MODE is list, but the stream %q has entries that are not settled", key),
				why, "run a worker with QUEUE_MODE=stream until ingestctl reconcile shows none, and check the QUEUE_MODE of the producers")
			break
		}
	}
	return nil
}

// notOurs reports whether an error means that the queue of the other mode is not used: its
// key is another program's, or this user has no right to it.
func notOurs(err error) bool {
	return redis.HasErrorPrefix(err, "WRONGTYPE") || redis.IsPermissionError(err)
}

// unfinished reports whether a stream has entries that the service group has not settled.
func (e *exam) unfinished(ctx context.Context, key string) (bool, error) {
	last, err := e.redis.XRevRangeN(ctx, key, "+", "-", 1).Result()
	if redis.HasErrorPrefix(err, "WRONGTYPE") {
		return false, nil // another program's
	}
	if err != nil || len(last) == 0 {
		return false, err
	}
	groups, err := e.redis.XInfoGroups(ctx, key).Result()
	if err != nil {
		return false, err
	}
	for _, g := range groups {
		if g.Name == e.cfg.StreamGroup {
			return g.Pending > 0 || before(g.LastDeliveredID, last[0].ID), nil
		}
	}
	return true, nil
}

// otherPartitions is how many numbers beyond the last partition are looked at.
const otherPartitions = 64

func queuePartitions(ctx context.Context, e *exam, f *findings) error {
	key, n := e.cfg.StreamKey, e.cfg.StreamPartitions
	if _, err := streams.ReadLayout(ctx, e.redis, key); err != nil {
		return err
	}
	if l := e.layout; l.Next != 0 {
		f.add(Error, fmt.Sprintf("the number of partitions is being changed from %d to %d", l.Partitions, l.Next),
			"no worker starts until that has ended", fmt.Sprintf("wait for ingestctl repartition --to %d, or run it again if it was interrupted", l.Next))
	} else if l.Partitions != 0 && l.Partitions != n {
		f.add(Error, fmt.Sprintf("STREAM_PARTITIONS is %d, but %s says that the stream has %d", n, streams.LayoutKey(key), l.Partitions),
			"workers refuse to start", fmt.Sprintf("set %d, or stop the workers and run ingestctl repartition --to %d", l.Partitions, n))
		return nil
	}
	var candidates []string
	first := n
	if n > 1 {
		candidates = append(candidates, key)
	} else {
		first = 0
	}
	for i := range otherPartitions {
		candidates = append(candidates, key+":"+strconv.Itoa(first+i))
	}
	candidates = without(candidates, e.keys()) // of other numbers before, which are read
	there, err := existing(ctx, e.redis, candidates)
	if err != nil {
		return err
	}
	var left []string
	for _, candidate := range there {
		unfinished, err := e.unfinished(ctx, candidate)
		if err != nil {
			return err
		}
		if unfinished {
			left = append(left, candidate)
		}
	}
	if len(left) > 0 {
		f.add(Error, fmt.Sprintf("STREAM_PARTITIONS is %d, but entries that are not settled are in %s", n, strings.Join(left[:min(len(left), 3)], ", ")+more(left, 3)),
			"no worker with this setting reads them", "set the old number, stop the workers, and run ingestctl repartition --to the new one: see docs/migration.md")
	}
	return nil
}

func more(list []string, shown int) string {
	if len(list) <= shown {
		return ""
	}
	return fmt.Sprintf(" and %d more", len(list)-shown)
}

func existing(ctx context.Context, client redis.UniversalClient, keys []string) (there []string, err error) {
	replies := make([]*redis.IntCmd, len(keys))
	_, err = client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			replies[i] = p.Exists(ctx, key)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, reply := range replies {
		if reply.Val() > 0 {
			there = append(there, keys[i])
		}
	}
	return there, nil
}

// maxAhead is by how much the newest ID may be ahead of the clock.
const maxAhead = time.Second

func streamIDs(ctx context.Context, e *exam, f *findings) error {
	now, err := e.clock(ctx)
	if err != nil {
		return err
	}
	return e.eachKey(func(_ int, key string) error {
		info, err := e.redis.XInfoStream(ctx, key).Result()
		if isMissing(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if ahead := streams.ArrivalOf(info.LastGeneratedID).Sub(now); ahead > maxAhead {
			f.add(Error, fmt.Sprintf("the last ID of %s is %s ahead of the clock of Redis", key, long(ahead)),
				"the clock was set back, or a producer chose an ID: until the clock catches up, records are limited by the clock instead of their arrival, and settled entries stay longer",
				"let producers use XADD with *; if it would take too long, continue on another STREAM_KEY")
		}
		return nil
	})
}

// long is a duration, in years if it has any: the last ID of all is some 292 years ahead, or
// more.
func long(d time.Duration) string {
	const year = 365 * 24 * time.Hour
	if d < year {
		return d.Round(time.Second).String()
	}
	return "more than " + plural.Of(int64(d/year), "year", "years")
}

// isMissing reports whether an error of XINFO means that there is no such stream.
func isMissing(err error) bool { return err != nil && strings.Contains(err.Error(), "no such key") }

// before compares entry IDs.
func before(a, b string) bool {
	aMs, aSeq := splitID(a)
	bMs, bSeq := splitID(b)
	return aMs < bMs || aMs == bMs && aSeq < bSeq
}

func splitID(id string) (ms, seq uint64) {
	first, second, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseUint(first, 10, 64)
	seq, _ = strconv.ParseUint(second, 10, 64)
	return ms, seq
}
