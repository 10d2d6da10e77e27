package streams

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/record"
)

var (
	//go:embed history.lua
	historySource string
	//go:embed history_periods.lua
	periodsSource string
	periodsScript = redis.NewScript(periodsSource)
)

// HistoryUnit is the length of the periods of a history.
type HistoryUnit int

// The units of which a history is kept.
const (
	Minutes HistoryUnit = iota
	Hours
)

// Length is the length of one period.
func (u HistoryUnit) Length() time.Duration {
	if u == Hours {
		return time.Hour
	}
	return time.Minute
}

// Kept is how many periods are kept, including the current one.
func (u HistoryUnit) Kept() int {
	if u == Hours {
		return 744
	}
	return 1440
}

func (u HistoryUnit) key(k Keys) string {
	if u == Hours {
		return k.HistoryHour
	}
	return k.HistoryMinute
}

// Period is what happened in one partition in one minute or hour, as the workers noted
// it every few seconds.
type Period struct {
	Start time.Time // by the clock of Redis

	// Outcomes is how many entries were settled. An outcome that did not occur is
	// absent. Entries settled within the last seconds of a period may count in the next
	// one, and entries settled while Redis was at maxmemory count once it is not.
	Outcomes map[record.Outcome]int64

	// What waited when the workers last looked in this period. A number without its
	// Known is not known, and 0.
	Undelivered, Pending, Delayed, Dead                     int64
	UndeliveredKnown, PendingKnown, DelayedKnown, DeadKnown bool
}

// Settled is the number of settled entries.
func (p *Period) Settled() int64 {
	var n int64
	for _, count := range p.Outcomes {
		n += count
	}
	return n
}

// ReadHistory returns the periods of a partition from the one that contains a time on,
// oldest first, at most as many as are kept. A period in which no worker ran, or in which
// Redis was at maxmemory throughout, is absent: nothing is known of it. A list has no
// history. It is one call, whose cost grows with the number of periods asked for. Errors
// come from Redis.
func ReadHistory(ctx context.Context, client redis.UniversalClient, key string, unit HistoryUnit, from time.Time) ([]Period, error) {
	hash := unit.key(KeysOf(key))
	reply, err := redisconn.Run(ctx, client, periodsScript, []string{hash},
		unit.Length().Milliseconds(), unit.Kept(), max(0, from.UnixMilli())).Slice()
	if err != nil {
		return nil, wrap(err, "reading the history %s", hash)
	}
	periods := make([]Period, 0, len(reply))
	for _, value := range texts(reply) {
		p, err := parsePeriod(value)
		if err != nil {
			return nil, wrap(err, "reading the history %s", hash)
		}
		periods = append(periods, p)
	}
	return periods, nil
}

// parsePeriod reads a period as history.lua writes it. Names that it does not know are
// those of a later version.
func parsePeriod(value string) (Period, error) {
	start, rest, _ := strings.Cut(value, " ")
	ms, err := strconv.ParseInt(start, 10, 64)
	if err != nil {
		return Period{}, fmt.Errorf("%q does not begin with a time", value)
	}
	p := Period{Start: time.UnixMilli(ms).UTC(), Outcomes: map[record.Outcome]int64{}}
	for _, field := range strings.Fields(rest) {
		name, number, _ := strings.Cut(field, "=")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return Period{}, fmt.Errorf("the period %s: %q is not a number", start, field)
		}
		p.set(name, n)
	}
	return p, nil
}

func (p *Period) set(name string, n int64) {
	switch name {
	case "undelivered":
		p.Undelivered, p.UndeliveredKnown = n, true
	case "pending":
		p.Pending, p.PendingKnown = n, true
	case "delayed":
		p.Delayed, p.DelayedKnown = n, true
	case "dead":
		p.Dead, p.DeadKnown = n, true
	}
	for _, outcome := range record.Outcomes() {
		if outcome.String() == name {
			p.Outcomes[outcome] = n
		}
	}
}

// SumHistory adds up the histories of partitions, by period. What waited is known if it
// is known of each partition: one that has no such period makes it unknown.
func SumHistory(histories ...[]Period) []Period {
	sums, parts := map[int64]*Period{}, map[int64]int{}
	for _, history := range histories {
		for i := range history {
			p := &history[i]
			at := p.Start.UnixMilli()
			if sums[at] == nil {
				sums[at] = &Period{Start: p.Start, Outcomes: map[record.Outcome]int64{}, UndeliveredKnown: true, PendingKnown: true, DelayedKnown: true, DeadKnown: true}
			}
			sums[at].add(p)
			parts[at]++
		}
	}
	all := make([]Period, 0, len(sums))
	for at, sum := range sums {
		if parts[at] < len(histories) {
			sum.add(&Period{})
		}
		all = append(all, *sum)
	}
	slices.SortFunc(all, func(a, b Period) int { return cmp.Compare(a.Start.UnixMilli(), b.Start.UnixMilli()) })
	return all
}

func (p *Period) add(more *Period) {
	for outcome, n := range more.Outcomes {
		p.Outcomes[outcome] += n
	}
	add := func(sum *int64, known *bool, n int64, too bool) {
		*sum, *known = *sum+n, *known && too
		if !*known {
			*sum = 0
		}
	}
	add(&p.Undelivered, &p.UndeliveredKnown, more.Undelivered, more.UndeliveredKnown)
	add(&p.Pending, &p.PendingKnown, more.Pending, more.PendingKnown)
	add(&p.Delayed, &p.DelayedKnown, more.Delayed, more.DelayedKnown)
	add(&p.Dead, &p.DeadKnown, more.Dead, more.DeadKnown)
}
