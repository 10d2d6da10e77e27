package limiter

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// Move describes how the windows and own limits of customers are moved to their partitions,
// after the number of partitions has changed. No limiter may run meanwhile: it would judge by
// windows that are elsewhere.
type Move struct {
	Client redis.UniversalClient
	// Bases are the keys K of all partitions that customers may have been at home in.
	Bases []string
	// Home returns the key K of a customer's partition. It must be safe for concurrent use.
	Home func(customerID string) string
	// Progress is called now and then with what was moved so far. Nil: not called.
	Progress func(Moved)
}

// Moved is what a Move has moved, or has found.
type Moved struct {
	Windows, Limits int64 // customers
	Keys            int64 // that were looked at
}

const (
	// movePage is about how many keys are looked at and moved at once.
	movePage = 500
	// movePlaces is how many places of a window are written at once.
	movePlaces = 1000
)

// Count returns what Run would move. It changes nothing.
func (m *Move) Count(ctx context.Context) (Moved, error) {
	return m.pass(ctx, func(context.Context, *found) error { return nil })
}

// Run moves all that is in the wrong place. It may be stopped at any point and repeated: what
// it moves is copied first and deleted afterwards. It looks again until nothing is in the wrong
// place, since a Redis Cluster may move keys to another node while they are listed.
func (m *Move) Run(ctx context.Context) (Moved, error) {
	var all Moved
	for {
		progress := func(done Moved) {
			if m.Progress != nil {
				m.Progress(Moved{all.Windows + done.Windows, all.Limits + done.Limits, done.Keys})
			}
		}
		done, err := m.passWith(ctx, m.move, progress)
		all = Moved{all.Windows + done.Windows, all.Limits + done.Limits, done.Keys}
		if err != nil || done.Windows+done.Limits == 0 {
			return all, err
		}
	}
}

// found is what is in the wrong place.
type found struct {
	windows []misplaced
	limits  map[string][]string // the customers, by K
}

// misplaced is a window that is not in its customer's partition.
type misplaced struct{ from, to string }

func (m *Move) pass(ctx context.Context, do func(context.Context, *found) error) (Moved, error) {
	return m.passWith(ctx, do, m.Progress)
}

// passWith looks at all keys once, and calls do with what is in the wrong place, a page at a
// time.
func (m *Move) passWith(ctx context.Context, do func(context.Context, *found) error, progress func(Moved)) (done Moved, err error) {
	page := func(f *found, looked int) error {
		if err := do(ctx, f); err != nil {
			return err
		}
		done.Keys += int64(looked)
		done.Windows += int64(len(f.windows))
		for _, customers := range f.limits {
			done.Limits += int64(len(customers))
		}
		if progress != nil {
			progress(done)
		}
		return ctx.Err()
	}
	if err := m.eachLimits(ctx, page); err != nil {
		return done, fmt.Errorf("limiter: moving the limits of customers: %w", redisconn.Plain(err))
	}
	if err := m.eachWindow(ctx, page); err != nil {
		return done, fmt.Errorf("limiter: moving the windows of customers: %w", redisconn.Plain(err))
	}
	return done, nil
}

// eachLimits pages through the own limits of all partitions.
func (m *Move) eachLimits(ctx context.Context, page func(*found, int) error) error {
	for _, base := range m.Bases {
		for cursor := uint64(0); ; {
			fields, next, err := m.Client.HScan(ctx, limitsKey(base), cursor, "", movePage).Result()
			if err != nil {
				return err
			}
			f := &found{limits: map[string][]string{}}
			for i := 0; i+1 < len(fields); i += 2 {
				if customer := fields[i]; m.Home(customer) != base {
					f.limits[base] = append(f.limits[base], customer)
				}
			}
			if err := page(f, len(fields)/2); err != nil {
				return err
			}
			if cursor = next; cursor == 0 {
				break
			}
		}
	}
	return nil
}

// eachWindow pages through the windows of all partitions: on a Cluster, node by node.
func (m *Move) eachWindow(ctx context.Context, page func(*found, int) error) error {
	cluster, ok := m.Client.(*redis.ClusterClient)
	if !ok {
		return m.scan(ctx, m.Client, page)
	}
	var mu sync.Mutex
	var nodes []*redis.Client
	err := cluster.ForEachMaster(ctx, func(_ context.Context, node *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		nodes = append(nodes, node)
		return nil
	})
	if err != nil {
		return err
	}
	for _, node := range nodes {
		if err := m.scan(ctx, node, page); err != nil {
			return err
		}
	}
	return nil
}

func (m *Move) scan(ctx context.Context, node redis.Cmdable, page func(*found, int) error) error {
	for cursor := uint64(0); ; {
		keys, next, err := node.Scan(ctx, cursor, m.pattern(), movePage).Result()
		if err != nil {
			return err
		}
		f := &found{}
		for _, key := range keys {
			if to, ok := m.destination(key); ok {
				f.windows = append(f.windows, misplaced{key, to})
			}
		}
		if err := page(f, len(keys)); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// pattern matches the windows of all partitions, and may match others.
func (m *Move) pattern() string {
	common := m.Bases[0]
	for _, base := range m.Bases {
		for !strings.HasPrefix(base, common) {
			common = common[:len(common)-1]
		}
	}
	escaped := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(common)
	return "{" + escaped + "*}:limit:*"
}

// destination returns the key of the window in its customer's partition, or false if it is
// there, or is no window of these partitions. No base has a brace.
func (m *Move) destination(key string) (to string, misplaced bool) {
	base, customer, ok := strings.Cut(strings.TrimPrefix(key, "{"), "}:limit:")
	if !ok {
		return "", false
	}
	home := m.Home(customer)
	return windowKey(home, customer), home != base && slices.Contains(m.Bases, base)
}

// move moves a page.
func (m *Move) move(ctx context.Context, f *found) error {
	for base, customers := range f.limits {
		if err := m.moveLimits(ctx, base, customers); err != nil {
			return err
		}
	}
	var err error
	f.windows, err = m.moveWindows(ctx, f.windows)
	return err
}

// moveLimits copies own limits to their customers' partitions, where they replace what may be
// left there from when it was their partition before, and then deletes them.
func (m *Move) moveLimits(ctx context.Context, base string, customers []string) error {
	texts, err := m.Client.HMGet(ctx, limitsKey(base), customers...).Result()
	if err != nil {
		return err
	}
	byHome := map[string][]any{}
	for i, customer := range customers {
		if text, ok := texts[i].(string); ok {
			home := limitsKey(m.Home(customer))
			byHome[home] = append(byHome[home], customer, text)
		}
	}
	for home, pairs := range byHome {
		if err := m.Client.HSet(ctx, home, pairs...).Err(); err != nil {
			return err
		}
	}
	return m.Client.HDel(ctx, limitsKey(base), customers...).Err()
}

// moveWindows adds places to the windows in the customers' partitions, and then deletes the
// windows they were in. A place that is there already stays as it is. It returns those that it
// has moved: what is no sorted set stays, since it is not the limiter's.
func (m *Move) moveWindows(ctx context.Context, windows []misplaced) (moved []misplaced, err error) {
	if len(windows) == 0 {
		return nil, nil
	}
	places, expiries := make([]*redis.ZSliceCmd, len(windows)), make([]*redis.DurationCmd, len(windows))
	_, _ = m.Client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, w := range windows {
			places[i], expiries[i] = p.ZRangeWithScores(ctx, w.from, 0, movePlaces-1), p.PTTL(ctx, w.from)
		}
		return nil
	})
	var copies []copied
	for i, w := range windows {
		switch err := places[i].Err(); {
		case redis.HasErrorPrefix(err, "WRONGTYPE"):
		case err != nil:
			return nil, err
		default:
			copies = append(copies, copied{w, places[i].Val(), expiries[i].Val()})
			moved = append(moved, w)
		}
	}
	if err := m.add(ctx, copies); err != nil {
		return nil, err
	}
	for _, c := range copies {
		if err := m.addRest(ctx, c); err != nil {
			return nil, err
		}
	}
	_, err = m.Client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, w := range moved {
			p.Unlink(ctx, w.from)
		}
		return nil
	})
	return moved, err
}

// copied is a part of a window that is to be added to another one.
type copied struct {
	misplaced
	places []redis.Z
	expiry time.Duration
}

// add adds parts of windows, which expire as before.
func (m *Move) add(ctx context.Context, copies []copied) error {
	cmds, err := m.Client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, c := range copies {
			if len(c.places) == 0 {
				continue // it has expired
			}
			p.ZAddNX(ctx, c.to, c.places...)
			if c.expiry > 0 {
				p.PExpire(ctx, c.to, c.expiry)
			}
		}
		return nil
	})
	for _, cmd := range cmds {
		if redis.HasErrorPrefix(cmd.Err(), "WRONGTYPE") {
			return fmt.Errorf("%v is no sorted set: remove or rename it: %w", cmd.Args()[1], cmd.Err())
		}
	}
	return err
}

// addRest adds the places of a large window after those that were added.
func (m *Move) addRest(ctx context.Context, c copied) error {
	for first := int64(movePlaces); len(c.places) == movePlaces; first += movePlaces {
		places, err := m.Client.ZRangeWithScores(ctx, c.from, first, first+movePlaces-1).Result()
		if err != nil {
			return err
		}
		c.places = places
		if err := m.add(ctx, []copied{c}); err != nil {
			return err
		}
	}
	return nil
}
