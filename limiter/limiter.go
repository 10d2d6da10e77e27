package limiter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// maxAt keeps arrivals within the 14 digits that they are given by.
const maxAt = 90_000_000_000_000

// maxSlice keeps a call within what Lua passes to one command.
const maxSlice = 2000

// Config describes a limiter. All workers of a queue must use the same.
type Config struct {
	// Limit is the default number of records a window, up to MaxRecords.
	// 0 or less switches the limiter off: it admits all and asks no Redis.
	Limit int
	// Window is the default length, 1 ms to MaxWindow.
	Window time.Duration
	// Lateness is how long a customer's places outlive their last use and window.
	Lateness time.Duration
	// Reserve gives a record the earliest place with room instead of refusing it
	// (policy defer), unless that lies more than MaxDelay, or
	// MaxWindowsAhead of the customer's windows, after its arrival.
	Reserve  bool
	MaxDelay time.Duration
	// Bases is the key K of each partition; the limiter's keys are
	// {K}:limits and {K}:limit:<customerId>.
	Bases []string
	// Home is a customer's partition, an index of Bases. Nil: always 0.
	Home func(customerID string) int
	// Floor is the oldest arrival, in ms, that is not finished in any partition;
	// 0 or less if unknown. Places out of its reach are dropped, but for those of
	// the last two windows. Records judged by the clock of Redis need no floor.
	// May be nil.
	Floor func() int64
	// BadLimit is told of a customer's own limit that cannot be read and is
	// replaced by the default, once for each customer and value. May be nil.
	BadLimit func(customerID, value string)

	// Slice is the most records in one script call, up to 2000; 0: 500.
	Slice int
	// Budget is the work, about a microsecond a unit, after which a script call
	// breaks off and another goes on; 0: 5000.
	Budget int
}

// Limiter judges records. It is safe for concurrent use.
type Limiter struct {
	client  redis.UniversalClient
	cfg     Config
	learnt  *memory
	warned  *memory
	primary Limit
	bounds  []any // the script's arguments that are always the same
}

// check names what a limiter that is not switched off can't work with.
func (c *Config) check() error {
	var errs []error
	want := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("limiter: Config."+format, args...))
		}
	}
	want(c.Limit <= MaxRecords, "Limit is %d: want at most %d", c.Limit, MaxRecords)
	want(c.Window >= time.Millisecond && c.Window <= MaxWindow, "Window is %v: want 1 ms to %v", c.Window, MaxWindow)
	want(c.Lateness >= 0, "Lateness is %v: want 0 or more", c.Lateness)
	want(!c.Reserve || c.MaxDelay >= 0, "MaxDelay is %v: want 0 or more", c.MaxDelay)
	want(len(c.Bases) > 0, "Bases is empty: want the key of each partition")
	return errors.Join(errs...)
}

// New returns a limiter that uses client. It sends nothing yet. The error names
// each setting that it can't work with.
func New(client redis.UniversalClient, cfg Config) (*Limiter, error) {
	if cfg.Limit > 0 {
		if err := cfg.check(); err != nil {
			return nil, err
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
	if cfg.Slice <= 0 {
		cfg.Slice = 500
	}
	cfg.Slice = min(cfg.Slice, maxSlice)
	if cfg.Budget <= 0 {
		cfg.Budget = 5000
	}
	return &Limiter{
		client:  client,
		cfg:     cfg,
		learnt:  newMemory(hintLife),
		warned:  newMemory(0),
		primary: Limit{Records: cfg.Limit, Window: cfg.Window},
		bounds:  bounds(cfg),
	}, nil
}

func bounds(cfg Config) []any {
	delay := int64(-1)
	if cfg.Reserve {
		delay = cfg.MaxDelay.Milliseconds()
	}
	return []any{cfg.Limit, cfg.Window.Milliseconds(), cfg.Lateness.Milliseconds(), delay, cfg.Budget}
}

// Judge answers the requests in their order. Requests of one customer are judged
// one after the other as they stand in the batch.
//
// If the error is not nil, requests whose verdict has no Decision have not been
// answered, though they may have been recorded: ask again, with the same
// arrival, and the answer is as if it were the first. The other verdicts stand.
// A *KeyError in it names a customer whose key is not the limiter's; asking again
// is of no use until that key is gone.
func (l *Limiter) Judge(ctx context.Context, requests []Request) ([]Verdict, error) {
	verdicts := make([]Verdict, len(requests))
	if l.cfg.Limit <= 0 {
		admitAll(requests, verdicts)
		return verdicts, nil
	}
	b := newBatch(requests, verdicts)
	defer b.free()
	b.group(l.cfg.Home)
	var errs []error
	floor := l.floor(requests)
	for open := b.customers; len(open) > 0; {
		n := samePartition(open)
		call := &call{batch: b, limiter: l, base: l.cfg.Bases[open[0].partition], floor: floor}
		if err := call.judge(ctx, open[:n]); err != nil {
			errs = append(errs, err)
		}
		open = open[n:]
	}
	return verdicts, errors.Join(errs...)
}

func admitAll(requests []Request, verdicts []Verdict) {
	for i, r := range requests {
		verdicts[i] = Verdict{Decision: Admitted, Place: max(r.At, 0), Limit: Limit{Mode: Off}}
	}
}

// floor never exceeds an arrival that is about to be judged.
func (l *Limiter) floor(requests []Request) int64 {
	floor := max(l.cfg.Floor(), 0)
	for _, r := range requests {
		if r.At > 0 {
			floor = min(floor, r.At)
		}
	}
	return floor
}
