package embedded

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Redis is a miniredis whose keys expire in real time. The data is in memory only.
type Redis struct {
	server *miniredis.Miniredis
	addr   string
	stop   chan struct{}
	once   sync.Once
	clock  sync.WaitGroup
}

// StartRedis starts a Redis on addr, a host:port. It accepts clients when
// StartRedis returns, and runs until Close; ctx bounds only the start.
func StartRedis(ctx context.Context, addr string) (*Redis, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("starting embedded Redis: %w", err)
	}
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(addr); err != nil {
		return nil, listenError("Redis", addr, err)
	}
	r := &Redis{server: server, addr: server.Addr(), stop: make(chan struct{})}
	r.clock.Go(func() { expire(r.stop, server.FastForward) })
	return r, nil
}

// Addr returns the host:port on which the server listens.
func (r *Redis) Addr() string { return r.addr }

// URL returns the server's redis:// URL.
func (r *Redis) URL() string { return "redis://" + r.addr + "/0" }

// Close disconnects the clients and returns when the server has stopped. Calls
// after the first do nothing; the error is always nil.
func (r *Redis) Close() error {
	r.once.Do(func() {
		close(r.stop)
		r.clock.Wait()
		r.server.Close()
	})
	return nil
}

const (
	// expiryStep is the resolution of expiry: a key may expire this much too
	// late, or too early if it was set between two steps.
	expiryStep = 50 * time.Millisecond
	// expiryShare limits the time spent on expiry to 1/expiryShare: a step sorts
	// all keys while it holds the server's lock.
	expiryShare = 50
)

// expire advances the clock of the keys' time to live until stop is closed. The
// ClockTTL of miniredis does this itself, but checks every key on every command,
// which is slow with the limiter's key per customer.
func expire(stop <-chan struct{}, advance func(time.Duration)) {
	last := time.Now()
	timer := time.NewTimer(expiryStep)
	defer timer.Stop()
	for {
		select {
		case <-stop:
			return
		case <-timer.C:
		}
		now := time.Now()
		advance(now.Sub(last))
		last = now
		timer.Reset(max(expiryStep, expiryShare*time.Since(now)))
	}
}
