package main

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"time"

	"ingestion/internal/config"
)

// maxCrowd is the number of customers that are counted, to limit the memory: about
// 40 MB.
const maxCrowd = 1_000_000

// crowd counts the records of each customer, to warn of those that the worker's
// limiter is likely to refuse. It counts by the time of loading, a window at a time:
// a worker that keeps up judges records at about that time.
type crowd struct {
	cfg    *config.Config
	seed   maphash.Seed
	counts map[uint64]int
	since  time.Time
	excess int // records over the limit
}

// newCrowd returns nil if the limiter refuses nothing.
func newCrowd(cfg *config.Config) *crowd {
	if cfg.RateLimitLimit == 0 || cfg.QueueMode == config.ModeStream && cfg.RateLimitPolicy == config.PolicyDefer {
		return nil
	}
	return &crowd{cfg: cfg, seed: maphash.MakeSeed(), counts: map[uint64]int{}, since: time.Now()}
}

// over counts a record and reports whether it is the first one over the limit.
func (c *crowd) over(body []byte) bool {
	customer := customerIn(body)
	if c == nil || customer == nil {
		return false
	}
	key := maphash.Bytes(c.seed, customer)
	n := c.counts[key] + 1
	if n > 1 || len(c.counts) < maxCrowd {
		c.counts[key] = n
	}
	if n <= c.cfg.RateLimitLimit {
		return false
	}
	if time.Since(c.since) > c.cfg.RateLimitWindow.Duration() {
		clear(c.counts)
		c.counts[key], c.since = 1, time.Now()
		return false
	}
	c.excess++
	return c.excess == 1
}

// customerIn returns the customerId as it is written in a body, or nil. It takes the
// first member of that name, since decoding a body would take longer than sending it.
func customerIn(body []byte) []byte {
	_, rest, _ := bytes.Cut(body, []byte(`"customerId"`))
	rest, isMember := bytes.CutPrefix(bytes.TrimLeft(rest, " "), []byte(":"))
	rest, isText := bytes.CutPrefix(bytes.TrimLeft(rest, " "), []byte(`"`))
	end := bytes.IndexByte(rest, '"')
	if !isMember || !isText || end < 0 {
		return nil
	}
	return rest[:end]
}

// count returns how many records are over the limit.
func (c *crowd) count() int {
	if c == nil {
		return 0
	}
	return c.excess
}

// warning says what will become of the records over the limit, and what helps.
func (c *crowd) warning() string {
	fate := "drops those over it"
	if c.cfg.RateLimitPolicy == config.PolicyDeadLetter {
		fate = "refuses those over it"
	}
	other := "RATE_LIMIT_POLICY=defer"
	if c.cfg.QueueMode != config.ModeStream {
		other = "QUEUE_MODE=stream with " + other
	}
	return fmt.Sprintf("a customer has more records than RATE_LIMIT_LIMIT, %d in %v: the worker %s; raise its limit while this file is loaded (0: no limit), or use %s",
		c.cfg.RateLimitLimit, c.cfg.RateLimitWindow.Duration(), fate, other)
}
