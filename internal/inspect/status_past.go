package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ingestion/streams"
)

// Refused are the customers who hit their limit most often lately, of all partitions.
type Refused struct {
	Err       error // why the rest is unknown; nil if it is known
	Customers []streams.Refusals
}

// ReadRefused reads them: up to streams.MaxRefused, by count. A list has none.
func ReadRefused(ctx context.Context, src Source) Refused {
	lists, err := each(src.Keys, func(key string) ([]streams.Refusals, error) { return streams.ReadRefused(ctx, src.Redis, key) })
	if err != nil {
		return Refused{Err: err}
	}
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b streams.Refusals) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.CustomerID, b.CustomerID))
	})
	return Refused{Customers: all[:min(len(all), streams.MaxRefused)]}
}

// History is what happened lately in all partitions, by minute or hour.
type History struct {
	Err     error // why the rest is unknown; nil if it is known
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
	histories, err := each(src.Keys, func(key string) ([]streams.Period, error) {
		return streams.ReadHistory(ctx, src.Redis, key, unit, from)
	})
	return History{Err: err, Unit: unit, Periods: streams.SumHistory(histories...)}
}

// each reads something beside all keys at once. The error is that of the first one that
// failed.
func each[T any](keys []string, read func(key string) (T, error)) ([]T, error) {
	all, errs := make([]T, len(keys)), make([]error, len(keys))
	var p parts
	for i, key := range keys {
		p.run(func() { all[i], errs[i] = read(key) })
	}
	p.await()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}
