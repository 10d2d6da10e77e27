package embedded

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// Redis is a miniredis that keeps time like a real server: keys expire while
// it runs. Its data live in memory only and end with it.
type Redis struct {
	server *miniredis.Miniredis
	addr   string
	stop   chan struct{}
	once   sync.Once
	clock  sync.WaitGroup
}

// StartRedis starts a Redis on addr ("127.0.0.1:0" takes a free port). It
// answers when StartRedis returns and runs until Close; ctx bounds the start
// alone.
func StartRedis(ctx context.Context, addr string) (*Redis, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("embedded Redis is not started: %w", err)
	}
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(addr); err != nil {
		return nil, listenError("Redis", addr, err)
	}
	r := &Redis{server: server, addr: server.Addr(), stop: make(chan struct{})}
	r.clock.Go(func() { expire(r.stop, server.FastForward) })
	return r, nil
}

// Addr is the host and port on which the server listens.
func (r *Redis) Addr() string { return r.addr }

// URL is the server's address as REDIS_URL takes it.
func (r *Redis) URL() string { return "redis://" + r.addr + "/0" }

// Close cuts the clients off and returns when the server is down. Calls after
// the first do nothing.
func (r *Redis) Close() error {
	r.once.Do(func() {
		close(r.stop)
		r.clock.Wait()
		r.server.Close()
	})
	return nil
}

const (
	// expiryStep is how far the keys' clock may lag behind, and by how much
	// too early a key may go that was set between two steps.
	expiryStep = 50 * time.Millisecond
	// expiryShare bounds the part of the time spent on expiry to 1/expiryShare:
	// a step sorts every key and holds the server's lock meanwhile.
	expiryShare = 50
)

// expire moves the keys' time to live along with the clock until stop is
// closed. miniredis does so by itself only when asked (its ClockTTL looks at
// every key on every command, which many windows of many customers make dear).
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
