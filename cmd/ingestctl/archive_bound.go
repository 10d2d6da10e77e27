package main

import (
	"fmt"
	"math"
	"time"

	"ingestion/internal/duration"
	"ingestion/internal/inspect"
)

// entryBound reads the ID of an entry, a time, or a duration before now. A time stands for
// its first entry or, as an end, for its last one. Empty is no bound.
func entryBound(text string, now time.Time, end bool) (id string, err error) {
	if text == "" || entryID.MatchString(text) {
		return text, nil
	}
	at, err := inspect.CreatedAt(text)
	if err != nil {
		before, err := duration.Parse(text)
		if err != nil || before <= 0 {
			return "", fmt.Errorf("%q is neither an entry ID, such as 1795477478417-0, nor a time, such as 2026-01-31T12:00:00Z, nor a duration, such as 24h", text)
		}
		at = now.Add(-before)
	}
	if end {
		return fmt.Sprintf("%d-%d", max(0, at.UnixMilli()), uint64(math.MaxUint64)), nil
	}
	return fmt.Sprintf("%d-0", max(0, at.UnixMilli())), nil
}
