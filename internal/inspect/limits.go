package inspect

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/limiter"
	"ingestion/streams"
)

var (
	//go:embed limits_set.lua
	limitsSetSource string
	limitsSetScript = redis.NewScript(limitsSetSource)
)

// CustomerLimit is the limit of a customer.
type CustomerLimit struct {
	CustomerID string
	Key        string // the hash that has, or would have, the customer's own limit
	Own        string // as written; "" if the customer has none
	Fault      error  // why Own does not apply: it can't be read; else nil
	// Misplaced means that the own limit is in a partition that is not the customer's: no
	// limiter reads it.
	Misplaced bool
	Limit     limiter.Limit // that applies
	Default   limiter.Limit // Off if the limiter is off
}

// limitsKey is the hash that has a customer's own limit.
func (s Source) limitsKey(customerID string) string {
	if s.IsList() {
		return streams.KeysOf(s.List).Limits
	}
	return streams.KeysOf(s.Keys[homeOf(s, customerID)]).Limits
}

// ReadLimit returns the limit of a customer, as the limiter reads it.
func (t *Tracer) ReadLimit(ctx context.Context, customerID string) (CustomerLimit, error) {
	w, err := t.window(ctx, customerID, time.Time{}, "")
	if err != nil {
		return CustomerLimit{}, err
	}
	return t.limitIn(w), nil
}

// limitIn is the limit that was read with a window.
func (t *Tracer) limitIn(w *limiter.Window) CustomerLimit {
	return CustomerLimit{CustomerID: w.CustomerID, Key: t.limitsKey(w.CustomerID), Own: w.Own, Fault: w.OwnFault, Limit: w.Limit, Default: t.Limiter.Default()}
}

// SetLimit gives a customer an own limit, which applies from the workers' next batch on,
// and returns the one before as it was written, "" if there was none.
func (s Source) SetLimit(ctx context.Context, customerID string, limit limiter.Limit) (before string, err error) {
	return s.changeLimit(ctx, customerID, limit.String())
}

// UnsetLimit removes a customer's own limit. It returns "" if there was none.
func (s Source) UnsetLimit(ctx context.Context, customerID string) (before string, err error) {
	return s.changeLimit(ctx, customerID, "")
}

// ReplaceLimit gives a customer an own limit as text, "" for none, and returns the one before. With
// seen, it does so only if that was the one before; else somebody has changed it, and replaced is
// false. It may be repeated.
func (s Source) ReplaceLimit(ctx context.Context, customerID, next string, seen *string) (before string, replaced bool, err error) {
	if seen == nil {
		before, err = s.changeLimit(ctx, customerID, next)
		return before, err == nil, err
	}
	before, err = s.changeLimit(ctx, customerID, next, *seen)
	return before, err == nil && (before == *seen || before == next), err
}

// changeLimit returns the limit before. seen is at most one text.
func (s Source) changeLimit(ctx context.Context, customerID, text string, seen ...any) (string, error) {
	key := s.limitsKey(customerID)
	before, err := redisconn.Run(ctx, s.Redis, limitsSetScript, []string{key}, append([]any{customerID, text}, seen...)...).Text()
	if err != nil {
		return "", fmt.Errorf("changing %s: %w", key, redisconn.Plain(err))
	}
	return before, nil
}

// LimitAs returns the limit of a customer as it is with an own limit, "" for none, without
// reading anything.
func (t *Tracer) LimitAs(customerID, own string) CustomerLimit {
	l := CustomerLimit{CustomerID: customerID, Key: t.limitsKey(customerID), Own: own, Default: t.Limiter.Default()}
	l.Limit = l.Default
	if own == "" || l.Default.Mode == limiter.Off {
		return l
	}
	limit, err := limiter.ParseLimit(own)
	if l.Fault = err; err == nil {
		l.Limit = limit
	}
	return l
}

// ListLimits returns up to most own limits, by customer, and how many there are.
func (t *Tracer) ListLimits(ctx context.Context, most int) (limits []CustomerLimit, total int64, err error) {
	if total, err = t.CountLimits(ctx); err != nil {
		return nil, 0, err
	}
	for i, main := range t.all() {
		key := streams.KeysOf(main).Limits
		if limits, err = t.addLimits(ctx, limits, i, key, most); err != nil {
			return nil, 0, err
		}
	}
	slices.SortFunc(limits, func(a, b CustomerLimit) int { return strings.Compare(a.CustomerID, b.CustomerID) })
	return limits, total, nil
}

// PageLimits returns about most own limits, by customer, and from where a further page goes on: ""
// if nothing is left. from is "" or such a place. Limits that change meanwhile may be missing, or be
// on two pages.
func (t *Tracer) PageLimits(ctx context.Context, from string, most int) (limits []CustomerLimit, next string, err error) {
	partition, cursor, err := t.limitsPlace(from)
	if err != nil {
		return nil, "", err
	}
	for mains := t.all(); partition < len(mains) && len(limits) < most; {
		key := streams.KeysOf(mains[partition]).Limits
		page, further, err := t.Redis.HScan(ctx, key, cursor, "", int64(most-len(limits))).Result()
		if err != nil {
			return nil, "", fmt.Errorf("reading %s: %w", key, redisconn.Plain(err))
		}
		for i := 0; i+1 < len(page); i += 2 {
			limits = append(limits, t.limitOf(page[i], page[i+1], partition, key))
		}
		if cursor = further; cursor == 0 {
			partition++
		}
	}
	slices.SortFunc(limits, func(a, b CustomerLimit) int { return strings.Compare(a.CustomerID, b.CustomerID) })
	limits = slices.CompactFunc(limits, func(a, b CustomerLimit) bool { return a.CustomerID == b.CustomerID && a.Key == b.Key })
	if partition < len(t.all()) {
		next = fmt.Sprintf("%d:%d", partition, cursor)
	}
	return limits, next, nil
}

// limitsPlace reads where a page of PageLimits begins.
func (t *Tracer) limitsPlace(from string) (partition int, cursor uint64, err error) {
	if from == "" {
		return 0, 0, nil
	}
	number, rest, _ := strings.Cut(from, ":")
	partition, err = strconv.Atoi(number)
	if err == nil {
		cursor, err = strconv.ParseUint(rest, 10, 64)
	}
	if err != nil || partition < 0 || partition >= len(t.all()) {
		return 0, 0, fmt.Errorf("%q is not where a page of limits begins", from)
	}
	return partition, cursor, nil
}

// CountLimits returns how many own limits there are.
func (t *Tracer) CountLimits(ctx context.Context) (total int64, err error) {
	for _, main := range t.all() {
		key := streams.KeysOf(main).Limits
		n, err := t.Redis.HLen(ctx, key).Result()
		if err != nil {
			return 0, fmt.Errorf("counting %s: %w", key, redisconn.Plain(err))
		}
		total += n
	}
	return total, nil
}

func (t *Tracer) addLimits(ctx context.Context, limits []CustomerLimit, partition int, key string, most int) ([]CustomerLimit, error) {
	seen := map[string]bool{} // HSCAN may return a field twice
	for cursor := uint64(0); len(limits) < most; {
		page, next, err := t.Redis.HScan(ctx, key, cursor, "", 500).Result()
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", key, redisconn.Plain(err))
		}
		for i := 0; i+1 < len(page) && len(limits) < most; i += 2 {
			if seen[page[i]] {
				continue
			}
			seen[page[i]] = true
			limits = append(limits, t.limitOf(page[i], page[i+1], partition, key))
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	return limits, nil
}

func (t *Tracer) limitOf(customerID, own string, partition int, key string) CustomerLimit {
	l := CustomerLimit{CustomerID: customerID, Key: key, Own: own, Default: t.Limiter.Default()}
	l.Limit = l.Default
	l.Misplaced = !t.IsList() && homeOf(t.Source, customerID) != partition
	limit, err := limiter.ParseLimit(own)
	l.Fault = err
	if err == nil && !l.Misplaced && l.Default.Mode != limiter.Off {
		l.Limit = limit
	}
	return l
}
