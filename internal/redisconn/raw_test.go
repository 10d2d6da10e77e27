package redisconn_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// clusterOf is a client for a Cluster of one node, a server that answers one
// command with the text given, over and over, and no other.
func clusterOf(t *testing.T, command, answer string, asked *atomic.Int64) redis.UniversalClient {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn, command, answer, asked)
		}
	}()
	addr := listener.Addr().String()
	client := redis.NewClusterClient(&redis.ClusterOptions{
		MaxRetries: -1, Protocol: 2, DisableIdentity: true,
		ClusterSlots: func(context.Context) ([]redis.ClusterSlot, error) {
			return []redis.ClusterSlot{{Start: 0, End: 16383, Nodes: []redis.ClusterNode{{Addr: addr}}}}, nil
		},
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// serve hangs up once it has answered.
func serve(conn net.Conn, command, answer string, asked *atomic.Int64) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		args := 0
		if _, err := fmt.Fscanf(in, "*%d\r\n", &args); err != nil {
			return
		}
		name := ""
		for i := range args {
			size := 0
			if _, err := fmt.Fscanf(in, "$%d\r\n", &size); err != nil {
				return
			}
			arg := make([]byte, size+2)
			if _, err := io.ReadFull(in, arg); err != nil {
				return
			}
			if i == 0 {
				name = strings.ToLower(string(arg[:size]))
			}
		}
		switch name {
		case command:
			asked.Add(1)
			_, _ = io.WriteString(conn, answer)
			return
		case "command":
			_, _ = io.WriteString(conn, "*0\r\n")
		default:
			_, _ = io.WriteString(conn, "-ERR unknown command\r\n")
		}
	}
}

// TestRawIsNotRepeated has a connection that breaks within the reply: a client
// for a Cluster repeats other commands then, a pop too.
func TestRawIsNotRepeated(t *testing.T) {
	var asked atomic.Int64
	client := clusterOf(t, "lpop", "*2\r\n$5\r\nhel", &asked)
	reply, err := redisconn.Raw(t.Context(), client, 0, 1, "lpop", "key", 5)
	if err == nil || string(reply) != "*2\r\n$5\r\nhel" {
		t.Errorf("a reply that broke off: %q, %v", reply, err)
	}
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestRawReturnsWhatTheServerWrote(t *testing.T) {
	for _, said := range []string{
		"*2\r\n$3\r\na\r\n\r\n$-1\r\n", "%1\r\n$1\r\ns\r\n*0\r\n", "_\r\n", "*-1\r\n",
		"-MOVED 1 127.0.0.1:1\r\n", "-READONLY no\r\n", "*1\r\n$9000\r\n" + strings.Repeat("x", 9000) + "\r\n",
	} {
		for _, expect := range []int{0, 1 << 20} {
			client := clusterOf(t, "get", said, new(atomic.Int64)) // its server answers once
			reply, err := redisconn.Raw(t.Context(), client, expect, 1, "get", "key")
			if err != nil || string(reply) != said {
				t.Errorf("%.40q came as %.40q, %v", said, reply, err)
			}
			if len(said) > 4096 && cap(reply) > 2*len(reply) {
				t.Errorf("%d bytes take up %d", len(reply), cap(reply))
			}
		}
	}
}
