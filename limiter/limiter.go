// Package limiter admits at most a given number of records of a customer in any
// window of time.
//
// The rule: no half-open window [x, x+Window) holds more than Limit admitted
// records of a customer, whatever the order in which records are processed and by
// how many workers. [Model] states it in a few lines of Go. The scripts window.lua,
// search.lua and judge.lua enforce it in Redis, a batch at a time.
//
// A record is identified by its ID, which is the member of its customer's sorted
// set; its admission time, the score, is its place. (The documentation and the other
// packages call it the record's slot.) An ID that comes again within a window of its
// place is admitted without a second place; further away it is judged as a new one. A
// call whose reply is lost can therefore be repeated. A refusal writes nothing.
//
// # The Redis client
//
// Any [redis.UniversalClient] of go-redis will do: a client of a single node, of a
// Cluster or of a master behind Sentinels. The limiter needs Redis 7.0 or newer. It
// tolerates the client's own retries. Recommended options: ContextTimeoutEnabled, so
// that the deadline of the context applies to a call, and a ReadTimeout of more than
// a second. Redis must not evict keys (maxmemory-policy noeviction): a customer
// whose window is evicted starts with an empty one.
//
// # A call, file by file
//
// Judge (limiter.go) groups the requests by partition and customer and repeats the
// script until each is answered (batch.go); script.go encodes the arguments and
// decodes the reply.
package limiter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Config describes a limiter. All limiters that share keys must have the same
// Limit, Window, Lateness and Bases. Durations have a resolution of 1 ms.
type Config struct {
	// Limit is the default number of records per window, 1 to MaxRecords.
	// 0 switches the limiter off: it admits all records and does not use Redis;
	// the other fields do not matter.
	Limit int
	// Window is the default length of a window, 1 ms to MaxWindow, in whole
	// milliseconds. Required.
	Window time.Duration
	// Lateness is how long a customer's places are kept after their last use, in
	// addition to the window. 0: no longer than the window.
	Lateness time.Duration
	// Reserve gives a record over the limit the earliest place with room, instead
	// of refusing it, unless that place lies more than MaxDelay, or more than
	// MaxWindowsAhead of the customer's windows, after its arrival.
	Reserve bool
	// MaxDelay applies with Reserve only. 0: a record is never reserved a place
	// after its arrival.
	MaxDelay time.Duration
	// Bases are the keys K of the partitions, at least one. The limiter's keys are
	// {K}:limits and {K}:limit:<customerId>.
	Bases []string
	// Home returns the partition of a customer, an index of Bases. It must be safe
	// for concurrent use. Nil: always 0.
	Home func(customerID string) int
	// Floor returns the earliest arrival, in ms since 1970, that any partition has
	// not finished; 0 or less if it is unknown. Places that no arrival from there on
	// can meet are removed, except those of the last two windows. Records that are
	// judged by the clock of Redis need no floor. It must be safe for concurrent
	// use. Nil: unknown.
	Floor func() int64
	// BadLimit is called with a customer's own limit that ParseLimit rejects, once
	// for each customer and value; the default limit applies. It must be safe for
	// concurrent use. Nil: not called.
	BadLimit func(customerID, value string)

	// Slice is the maximum number of records per script call, up to 2000. 0: 500.
	Slice int
	// Budget is the work, in units of about a microsecond of Redis' time, after
	// which a script call ends and another one continues. 0: 5000.
	Budget int
}

// maxSlice keeps a call below the number of values that Lua passes to a command.
const maxSlice = 2000

// validate returns an error for each field of an enabled limiter that is invalid.
func (c *Config) validate() error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("limiter: Config."+format, args...))
		}
	}
	want(c.Limit >= 1 && c.Limit <= MaxRecords, "Limit is %d: want 0 to %d", c.Limit, MaxRecords)
	want(ValidWindow(c.Window), "Window is %v: want 1ms to %v, in whole milliseconds", c.Window, MaxWindow)
	want(c.Lateness >= 0, "Lateness is %v: want 0 or more", c.Lateness)
	want(!c.Reserve || c.MaxDelay >= 0, "MaxDelay is %v: want 0 or more", c.MaxDelay)
	want(len(c.Bases) > 0, "Bases is empty: want the key of each partition")
	want(c.Slice >= 0 && c.Slice <= maxSlice, "Slice is %d: want 0 to %d", c.Slice, maxSlice)
	want(c.Budget >= 0, "Budget is %d: want 0 or more", c.Budget)
	return errors.Join(errs...)
}

// Limiter judges records. It is safe for concurrent use.
type Limiter struct {
	client  redis.UniversalClient
	cfg     Config
	primary Limit // of a customer without a limit of its own
	bounds  []any // the script's arguments that are always the same

	mu  sync.Mutex
	bad map[badLimit]struct{} // those that BadLimit was called with
}

// New returns a limiter. It sends nothing to Redis. The error names each field of
// cfg that is invalid.
func New(client redis.UniversalClient, cfg Config) (*Limiter, error) {
	if cfg.Limit != 0 {
		if err := cfg.validate(); err != nil {
			return nil, err
		}
		if client == nil {
			return nil, errors.New("limiter: the client is nil")
		}
	}
	if cfg.Home == nil {
		cfg.Home = func(string) int { return 0 }
	}
	if cfg.Floor == nil {
		cfg.Floor = func() int64 { return 0 }
	}
	if cfg.BadLimit == nil {
		cfg.BadLimit = func(string, string) {}
	}
	if cfg.Slice == 0 {
		cfg.Slice = 500
	}
	if cfg.Budget == 0 {
		cfg.Budget = 5000
	}
	delay := int64(-1)
	if cfg.Reserve {
		delay = cfg.MaxDelay.Milliseconds()
	}
	return &Limiter{
		client:  client,
		cfg:     cfg,
		primary: Limit{Records: cfg.Limit, Window: cfg.Window},
		bounds:  []any{cfg.Limit, cfg.Window.Milliseconds(), cfg.Lateness.Milliseconds(), delay, cfg.Budget},
		bad:     make(map[badLimit]struct{}),
	}, nil
}

// Judge returns a verdict for each request, in the order of requests. Requests of
// one customer are judged in that order.
//
// If the error is not nil, requests whose verdict has no Decision have not been
// answered, though they may have been recorded. Judging them again, with the same
// arrival, gives the same answer as the first call would have given. The other
// verdicts are valid. A [*KeyError] in the error means that a customer's key has the
// wrong type; judging again fails until that key is gone.
func (l *Limiter) Judge(ctx context.Context, requests []Request) ([]Verdict, error) {
	if l.cfg.Limit == 0 {
		return admitAll(requests), nil
	}
	b := newBatch(requests)
	defer b.free()
	verdicts := b.verdicts
	b.group(l.cfg.Home)
	floor := l.floor(requests)
	var errs []error
	for open := b.customers; len(open) > 0; {
		customers := samePartition(open)
		if err := l.judge(ctx, b, customers, floor); err != nil {
			errs = append(errs, err)
		}
		open = open[len(customers):]
	}
	return verdicts, errors.Join(errs...)
}

func admitAll(requests []Request) []Verdict {
	verdicts := make([]Verdict, len(requests))
	for i, r := range requests {
		verdicts[i] = Verdict{Decision: Admitted, Place: max(r.At, 0), Limit: Limit{Mode: Off}}
	}
	return verdicts
}

// floor returns the configured floor, but no later than the requests' arrivals.
func (l *Limiter) floor(requests []Request) int64 {
	floor := max(l.cfg.Floor(), 0)
	for _, r := range requests {
		if r.At > 0 {
			floor = min(floor, r.At)
		}
	}
	return floor
}

// limit returns the limit that the script has applied to a customer whose own limit
// is the given text, "" if it has none.
func (l *Limiter) limit(customerID, own string) Limit {
	if own == "" {
		return l.primary
	}
	limit, err := ParseLimit(own)
	if err == nil {
		return limit
	}
	if l.firstSeen(badLimit{customerID, own}) {
		l.cfg.BadLimit(customerID, own)
	}
	return l.primary
}

// badLimit is a customer's own limit that cannot be read.
type badLimit struct{ customerID, value string }

// maxBad bounds the memory of Limiter.bad. When it is full it starts anew, and
// BadLimit may be called again.
const maxBad = 10_000

// firstSeen reports whether a bad limit has not been seen before.
func (l *Limiter) firstSeen(bad badLimit) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, seen := l.bad[bad]; seen {
		return false
	}
	if len(l.bad) >= maxBad {
		clear(l.bad)
	}
	l.bad[bad] = struct{}{}
	return true
}
