package inspect

import (
	"context"
	"strings"
	"time"
)

// RefusedCounts are how often a customer's records were refused, as far as dead letters tell.
type RefusedCounts struct {
	times []time.Time // of arrival
	kept  bool        // refusals leave dead letters
	since time.Time   // those of records that arrived from here on are all known; zero: all are
}

// Between counts the records that arrived from one time up to another, which is not included, and were refused. It
// is a lower bound unless it is exact.
func (r RefusedCounts) Between(from, to time.Time) (n int, exact bool) {
	for _, at := range r.times {
		if !at.Before(from) && at.Before(to) {
			n++
		}
	}
	return n, r.kept && !from.Before(r.since)
}

// Kept reports whether refusals leave dead letters that could be read.
func (r RefusedCounts) Kept() bool { return r.kept }

// Total is how many are known.
func (r RefusedCounts) Total() int { return len(r.times) }

// Since is from when on all are known; the zero time if all are.
func (r RefusedCounts) Since() time.Time { return r.since }

// lettersSince returns the time from which on nothing is missing among the dead letters of a stream that a scan
// has seen: how far back it looked, and what was trimmed, replayed or deleted. The zero time means that
// there never were others.
func (t *Tracer) lettersSince(ctx context.Context, looked Looked) (since time.Time) {
	if !looked.All() {
		since = looked.Back
	}
	info, err := t.Redis.XInfoStream(ctx, looked.Place).Result()
	switch {
	case err != nil && strings.Contains(err.Error(), "no such key"):
		return since
	case err == nil && info.EntriesAdded == info.Length:
		return since
	case err != nil || info.EntriesAdded < info.Length: // an early Redis, or one that does not say
		return latest(since, looked.Back)
	case info.Length == 0:
		return latest(since, arrivalOf(info.LastGeneratedID).Add(time.Millisecond))
	}
	// Trimming removes the oldest ones, and others do not end with the last one that was deleted.
	return latest(since, arrivalOf(info.FirstEntry.ID), arrivalOf(info.MaxDeletedEntryID).Add(time.Millisecond))
}

func latest(times ...time.Time) (last time.Time) {
	for _, at := range times {
		if at.After(last) {
			last = at
		}
	}
	return last
}
