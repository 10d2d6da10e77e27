package streams_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"slices"
	"testing"
	"weak"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// movedTo is a client of a Cluster for which one node owns every hash slot; that node
// redirects each command to the given server.
func movedTo(t *testing.T, server *env.RedisServer) redis.UniversalClient {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go redirect(conn, server.Addr)
		}
	}()
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Protocol: 2, DisableIdentity: true, PoolSize: 2,
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
			return []redis.ClusterSlot{{Start: 0, End: 16383, Nodes: []redis.ClusterNode{{Addr: listener.Addr().String()}}}}, nil
		},
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func redirect(conn net.Conn, addr string) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		args := 0
		if _, err := fmt.Fscanf(in, "*%d\r\n", &args); err != nil {
			return
		}
		for range args {
			size := 0
			if _, err := fmt.Fscanf(in, "$%d\r\n", &size); err != nil {
				return
			}
			if _, err := in.Discard(size + 2); err != nil {
				return
			}
		}
		if _, err := io.WriteString(conn, "-MOVED 0 "+addr+"\r\n"); err != nil {
			return
		}
	}
}

// bothQueues are a list and a stream, and functions that push to them.
func bothQueues(t *testing.T, client redis.UniversalClient) map[string]struct {
	queue streams.Queue
	push  func(body string)
} {
	return map[string]struct {
		queue streams.Queue
		push  func(body string)
	}{
		"list": {
			newList(t, streams.ListOptions{Client: client, Key: "q", Log: slog.New(slog.DiscardHandler)}),
			func(body string) { must(t, client.RPush(t.Context(), "q", body).Err()) },
		},
		"stream": {
			newStream(t, streamOptions(client, "c")),
			func(body string) { push(t, client, body) },
		},
	}
}

func TestRedirectionsAreFollowed(t *testing.T) {
	server := env.AnyRedis(t)
	opts := streamOptions(server.Client(t), "loads the scripts, which no redirection leads to")
	opts.Key = "other"
	_, err := newStream(t, opts).Receive(t.Context(), 1)
	must(t, err)
	for name, side := range bothQueues(t, movedTo(t, server)) {
		want := []string{"a", "b", "c"}
		for _, body := range want {
			side.push(body)
		}
		got, err := side.queue.Receive(t.Context(), 3)
		if bodies := streamstest.Bodies(got); err != nil || !slices.Equal(bodies, want) {
			t.Errorf("%s: received %q, %v", name, bodies, err)
		}
	}
}

// What a queue remembers of a batch must not keep the whole reply allocated.
func TestAQueueRetainsNoBatch(t *testing.T) {
	for name, side := range bothQueues(t, env.AnyRedis(t).Client(t)) {
		side.push("first")
		side.push("last")
		held := streamstest.Receive(t, side.queue, 2)
		settleAll(t, side.queue, record.Ingested, held)
		reply := weak.Make(&held[1].Body[0])
		held = nil
		env.Eventually(t, soon, func() (bool, string) {
			runtime.GC()
			return reply.Value() == nil, name + ": it is still in memory"
		})
		runtime.KeepAlive(side.queue)
	}
}
