package letters

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/streams"
)

// Filter selects dead letters: those that it names, or those to which all of its other
// conditions apply. The zero value selects all.
type Filter struct {
	Names     []string      // see Letter
	Events    []string      // one of these outcomes
	OlderThan time.Duration // written at least so long before Fix
	Customer  string        // the body's customerId is this one, after trimming
	Reason    string        // the reason contains this text, in whatever case
	Exact     bool          // the reason is Reason and no other, also if that is empty

	before int64 // Unix ms: latest time of writing; 0: any
}

// Fix fixes the time from which OlderThan counts back, by the clock of Redis.
func (f *Filter) Fix(ctx context.Context, client redis.UniversalClient) error {
	if f.OlderThan == 0 {
		return nil
	}
	now, err := client.Time(ctx).Result()
	if err != nil {
		return fmt.Errorf("asking Redis for the time: %w", err)
	}
	f.before = now.Add(-f.OlderThan).UnixMilli()
	return nil
}

// last is the greatest ID that a letter can have that is old enough.
func (f *Filter) last() string {
	if f.before == 0 {
		return greatest
	}
	return fmt.Sprintf("%d-%d", max(0, f.before), uint64(math.MaxUint64))
}

// Narrow reports whether the filter has a condition.
func (f *Filter) Narrow() bool {
	return len(f.Events) > 0 || f.OlderThan > 0 || f.Customer != "" || f.Reason != "" || f.Exact
}

func (f *Filter) matches(l *streams.DeadLetter) bool {
	return (len(f.Events) == 0 || slices.Contains(f.Events, l.Event)) &&
		(f.before == 0 || writtenAt(l.ID) <= f.before) &&
		f.takes(l.Reason) &&
		(f.Customer == "" || CustomerOf(l) == strings.TrimSpace(f.Customer))
}

func (f *Filter) takes(reason string) bool {
	if f.Exact {
		return reason == f.Reason
	}
	return f.Reason == "" || strings.Contains(strings.ToLower(reason), strings.ToLower(f.Reason))
}

// sum is a checksum of the filter and of what is done with the letters.
func (f *Filter) sum(action string) string {
	h := fnv.New32a()
	events := slices.Sorted(slices.Values(f.Events))
	fmt.Fprintf(h, "%q %q %d %q %q", action, slices.Compact(events), f.OlderThan, strings.TrimSpace(f.Customer), strings.ToLower(f.Reason))
	if f.Exact {
		fmt.Fprintf(h, " exactly %q", f.Reason)
	}
	return fmt.Sprintf("%08x", h.Sum32())
}

// Events returns the outcomes that leave a dead letter.
func Events() []string {
	var names []string
	for _, outcome := range record.Outcomes() {
		if outcome.Refused() {
			names = append(names, outcome.String())
		}
	}
	return names
}

// CustomerOf returns the customer of a dead letter, "" if its body does not tell.
func CustomerOf(l *streams.DeadLetter) string {
	if l.Fields != nil {
		return ""
	}
	customer, _ := record.PeekCustomerID([]byte(l.Data))
	return customer
}
