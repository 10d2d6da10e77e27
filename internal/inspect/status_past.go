package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ingestion/internal/plural"
	"ingestion/internal/redisconn"
	"ingestion/streams"
)

// Refused are the customers who hit their limit most often lately, of all partitions.
type Refused struct {
	Err       error    // why not all is known; nil if it is
	Unread    []Unread // the partitions that are left out; all that is known is of the others
	Customers []streams.Refusals
}

// ReadRefused reads them: up to streams.MaxRefused, by count. A list has none.
func ReadRefused(ctx context.Context, src Source) Refused {
	lists, unread, err := each(src.Keys, func(key string) ([]streams.Refusals, error) { return streams.ReadRefused(ctx, src.Redis, key) })
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b streams.Refusals) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.CustomerID, b.CustomerID))
	})
	return Refused{Err: err, Unread: unread, Customers: all[:min(len(all), streams.MaxRefused)]}
}

// History is what happened lately in all partitions, by minute or hour.
type History struct {
	Err     error    // why not all is known; nil if it is
	Unread  []Unread // the partitions that are left out; all that is known is of the others
	Unit    streams.HistoryUnit
	Periods []streams.Period // oldest first; those in which no worker ran are absent
}

// ReadHistory reads the periods since a time before now, by the clock of Redis. A list has
// none.
func ReadHistory(ctx context.Context, src Source, unit streams.HistoryUnit, since time.Duration) History {
	if len(src.Keys) == 0 {
		return History{Unit: unit}
	}
	now, err := src.clock(ctx)
	if err != nil {
		return History{Unit: unit, Err: fmt.Errorf("asking Redis for the time: %w", err)}
	}
	from := now.Add(-since)
	histories, unread, err := each(src.Keys, func(key string) ([]streams.Period, error) {
		return streams.ReadHistory(ctx, src.Redis, key, unit, from)
	})
	return History{Err: err, Unread: unread, Unit: unit, Periods: streams.SumHistory(histories...)}
}

// each reads something beside all keys at once. It returns what it could read, in the order of the keys, and
// those whose it could not. If that is all of them, the keys are not listed. The error is nil if all could be read.
func each[T any](keys []string, read func(key string) (T, error)) (known []T, unread []Unread, err error) {
	all, errs := make([]T, len(keys)), make([]error, len(keys))
	var p parts
	for i, key := range keys {
		p.run(func() { all[i], errs[i] = read(key) })
	}
	p.await()
	for i, key := range keys {
		if errs[i] == nil {
			known = append(known, all[i])
			continue
		}
		unread = append(unread, Unread{Key: key, Err: redisconn.Plain(errs[i])})
	}
	switch {
	case len(unread) == 0:
		return known, nil, nil
	case len(known) == 0:
		return nil, nil, unread[0].Err
	}
	return known, unread, unreadError(unread)
}

// unreadError says which partitions are left out.
func unreadError(unread []Unread) error {
	others := ""
	if n := len(unread) - 1; n > 0 {
		others = " and " + plural.Of(n, "other partition", "other partitions")
	}
	return fmt.Errorf("not all partitions could be read: without %s%s: %w", unread[0].Key, others, unread[0].Err)
}
