package streams

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

var (
	//go:embed migrate_to_list.lua
	toListSource string
	toListScript = redis.NewScript(needSource + inspectSource + outcomesSource + toListSource)
)

// migrationConsumer is the name under which entries are taken from the group.
const migrationConsumer = "ingestctl-migrate"

// upTo is the last entry of each partition that a migration is to move; "" is none.
type upTo []string

// LastEntries returns the last entry of each partition, for ToList. Errors come from
// Redis.
func (m *Migration) LastEntries(ctx context.Context) ([]string, error) {
	last := make(upTo, len(m.keys))
	for i, k := range m.keys {
		found, err := m.opts.Client.XRevRangeN(ctx, k.Main, "+", "-", 1).Result()
		if err != nil {
			return nil, wrap(err, "reading the last entry of %s", k.Main)
		}
		if len(found) > 0 {
			last[i] = found[0].ID
		}
	}
	return last, nil
}

// ToList moves up to so many undelivered entries to the tail of the list, up to the given
// entry of each partition, in the order of their IDs, and returns how many; 0 if there is
// none. The list gets the bodies, byte for byte; other fields, such as a trace context or
// the place in a customer's window that was reserved for a deferred record, are lost. The
// entries stay on the stream as settled ones do, and the ledger counts them as moved.
//
// The group and its ledger are opened if they are not. The error is ErrMigratePending or
// ErrMigrateDeferred as long as there are such entries, ErrMigrateBusy if workers take the
// entries before they can be moved, an *UnfitEntryError if the next entry has no single
// body, an *OwnerError if the ledger belongs to another group; others come from Redis.
// After an error all or none of them have been moved: call it again to go on.
func (m *Migration) ToList(ctx context.Context, most int, last []string) (int, error) {
	moved, err := repeat(ctx, func(ctx context.Context) (int, bool, error) { return m.stepToList(ctx, most, last) })
	if err != nil {
		m.forget()
	}
	return moved, wrap(err, "moving entries of the stream to %s", m.opts.List)
}

// forget makes the next step begin with what Redis says is undelivered.
func (m *Migration) forget() {
	m.ready = false
	clear(m.ahead)
}

func (m *Migration) stepToList(ctx context.Context, most int, last upTo) (moved int, again bool, err error) {
	if !m.ready {
		if err := m.openAll(ctx); err != nil {
			return 0, false, err
		}
	}
	next, err := m.nextEntries(ctx, m.step(most), last)
	if err != nil || len(next) == 0 {
		return 0, false, err
	}
	call := redisconn.NewCall(toListScript, m.toListKeys(), 2+2*len(next))
	call.Add(m.opts.Group, migrationConsumer)
	for i := range next {
		call.Add(1+int(next[i].partition), &next[i].ID)
	}
	reply, err := call.Run(ctx, m.opts.Client).Slice()
	if err != nil {
		return 0, false, err
	}
	switch why := text(reply[1]); why {
	case "":
		return int(integer(reply[0])), true, nil
	case "pending":
		return 0, false, ErrMigratePending
	case "deferred":
		return 0, false, ErrMigrateDeferred
	default: // workers read, or the group has vanished
		m.forget()
		return 0, true, nil
	}
}

func (m *Migration) toListKeys() []string {
	keys := []string{m.opts.List}
	for _, k := range m.keys {
		keys = append(keys, k.Main, k.Ledger, k.Delayed, k.Returns, k.Outcomes)
	}
	return keys
}

// openAll opens the ledger of each partition and reads from the last delivered entry on.
func (m *Migration) openAll(ctx context.Context) error {
	for i, k := range m.keys {
		s, err := NewStream(StreamOptions{Client: m.opts.Client, Key: k.Main, Group: m.opts.Group, Consumer: migrationConsumer, ClaimIdle: longestSleep})
		if err == nil {
			err = s.Open(ctx)
		}
		if err != nil {
			return err
		}
		groups, err := m.opts.Client.XInfoGroups(ctx, k.Main).Result()
		if err != nil {
			return err
		}
		for _, g := range groups {
			if g.Name == m.opts.Group {
				m.ahead[i] = []Delivery{{ID: g.LastDeliveredID}} // the position; no entry
			}
		}
	}
	m.ready = true
	return nil
}

// nextEntries takes the oldest entries of all partitions. The first of each list in ahead
// is the one before.
func (m *Migration) nextEntries(ctx context.Context, most int, last upTo) ([]Delivery, error) {
	var next []Delivery
	for len(next) < most {
		oldest := -1
		for i := range m.ahead {
			if err := m.lookAhead(ctx, i, most, last[i]); err != nil {
				return nil, err
			}
			if len(m.ahead[i]) > 1 && (oldest < 0 || before(m.ahead[i][1].ID, m.ahead[oldest][1].ID)) {
				oldest = i
			}
		}
		if oldest < 0 {
			break
		}
		entry := m.ahead[oldest][1]
		if fault := entry.Fault(); fault != "" {
			if len(next) > 0 {
				break // those before it can be moved
			}
			return nil, &UnfitEntryError{Key: m.opts.Stream[oldest], ID: entry.ID, Fault: fault}
		}
		m.ahead[oldest] = m.ahead[oldest][1:]
		next = append(next, entry)
	}
	return next, nil
}

// lookAhead reads the next entries of a partition if none is known.
func (m *Migration) lookAhead(ctx context.Context, i, most int, last string) error {
	if len(m.ahead[i]) == 0 {
		return fmt.Errorf("the group %s of %s is gone", m.opts.Group, m.opts.Stream[i])
	}
	from := m.ahead[i][0].ID
	if len(m.ahead[i]) > 1 || !before(from, last) {
		return nil
	}
	reply, err := m.opts.Client.Do(ctx, "xrange", m.opts.Stream[i], "("+from, last, "count", max(1, most/len(m.keys))).Result()
	if err != nil {
		return err
	}
	page := typedEntries(nil, reply, func(string) int64 { return 0 })
	m.sizer.observe(page)
	for j := range page {
		page[j].partition = int32(i)
	}
	m.ahead[i] = append(m.ahead[i], page...)
	return nil
}
