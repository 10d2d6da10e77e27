package streams_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// cutOff is a connection from which only a number of bytes more can be read; a
// negative number is no limit.
type cutOff struct {
	net.Conn
	left *atomic.Int64
}

func (c cutOff) Read(p []byte) (int, error) {
	left := c.left.Load()
	if left < 0 {
		return c.Conn.Read(p)
	}
	if left == 0 {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p[:min(len(p), int(left))])
	c.left.Add(-int64(n))
	return n, err
}

// around is a hook that runs functions before and after each command of a name;
// either may be nil.
type around struct {
	name          string
	before, after func()
}

func (h around) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h around) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (h around) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == h.name && h.before != nil {
			h.before()
		}
		err := next(ctx, cmd)
		if cmd.Name() == h.name && h.after != nil {
			h.after()
		}
		return err
	}
}

// TestRecordsOfABrokenPopAreDelivered breaks the connection within the reply to a pop:
// Redis no longer has the records that have arrived.
func TestRecordsOfABrokenPopAreDelivered(t *testing.T) {
	server := env.Redis(t)
	opts, err := redisconn.Parse(server.URL(), "")
	must(t, err)
	var left atomic.Int64
	left.Store(-1)
	opts.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return cutOff{conn, &left}, err
	}
	client := redisconn.New(opts, 1)
	t.Cleanup(func() { _ = client.Close() })
	must(t, client.RPush(t.Context(), "q", "first", "second", "third", strings.Repeat("x", 100)).Err())
	client.(*redis.Client).AddHook(around{name: "lpop", before: func() {
		left.Store(int64(len("*3\r\n$6\r\nsecond\r\n$5\r\nthird\r\n$100\r\nxxx")))
	}})
	q := newList(t, streams.ListOptions{Client: client, Key: "q", PollTimeout: time.Second, Log: slog.New(slog.DiscardHandler)})
	got, err := q.Receive(t.Context(), 4)
	must(t, err)
	if bodies := strings.Join(streamstest.Bodies(got), " "); bodies != "first second third" {
		t.Errorf("received %q", bodies)
	}
}
