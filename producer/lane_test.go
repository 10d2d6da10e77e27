package producer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/producer"
)

// proxy stands between a producer and a server.
type proxy struct {
	listener net.Listener
	to       string

	mu     sync.Mutex
	asked  bytes.Buffer // what the producer has written
	budget []int64      // bytes of replies of the next connections, which are cut then
	gate   chan struct{}
}

// newProxy lets replies pass once gate is closed.
func newProxy(t testing.TB, to string, gate chan struct{}, budget ...int64) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &proxy{listener: l, to: to, gate: gate, budget: budget}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(client)
		}
	}()
	return p
}

func (p *proxy) url() string { return "redis://" + p.listener.Addr().String() }

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	go func() { _, _ = io.Copy(io.MultiWriter(p, server), client) }()
	p.mu.Lock()
	limit := int64(1) << 40
	if len(p.budget) > 0 {
		limit, p.budget = p.budget[0], p.budget[1:]
	}
	p.mu.Unlock()
	_, _ = io.CopyN(p.gated(client), server, limit)
}

// gated returns a writer that waits for the gate before replies to XADD or RPUSH.
func (p *proxy) gated(w io.Writer) io.Writer {
	return writerFunc(func(b []byte) (int, error) {
		if p.gate != nil && p.count("XADD")+p.count("RPUSH") > 0 {
			<-p.gate
		}
		return w.Write(b)
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// Write notes what the producer writes.
func (p *proxy) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked.Write(b)
}

func (p *proxy) count(command string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return bytes.Count(p.asked.Bytes(), []byte("\r\n"+command+"\r\n"))
}

func TestTwoBatchesAreInFlight(t *testing.T) {
	server := env.Redis(t)
	for name, c := range map[string]struct {
		target producer.Target
	}{
		"XADD":  {producer.ToStream("s", 2)},
		"RPUSH": {producer.ToList("l")},
	} {
		gate := make(chan struct{})
		p := newProxy(t, server.Addr, gate)
		to := publisher(t, connect(t, p.url()), c.target, producer.Options{})
		done := make(chan error, 1)
		go func() {
			sum, err := producer.Load(context.Background(), strings.NewReader(numbered(10)), to, producer.LoadOptions{Batch: 1})
			if sum.Sent != 10 && err == nil {
				err = fmt.Errorf("%+v", sum)
			}
			done <- err
		}()
		env.Eventually(t, timeout, func() (bool, string) {
			n := p.count(name)
			return n >= 2, fmt.Sprintf("%d × %s without a reply, want 2", n, name)
		})
		if n := p.count(name); n != 2 {
			t.Errorf("%d × %s without a reply, want 2", n, name)
		}
		close(gate)
		if err := <-done; err != nil {
			t.Error(err)
		}
		p.listener.Close()
	}
}

// TestOrderWithBrokenConnections cuts connections anywhere in the replies. Records
// whose replies are lost come again, but the first copy of each is in the order of
// the file, and the line to continue from holds at any time.
func TestOrderWithBrokenConnections(t *testing.T) {
	server := env.Redis(t)
	direct := server.Client(t)
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		key := fmt.Sprintf("q%d", run)
		target := producer.ToStream(key, 1)
		list := rapid.Bool().Draw(rt, "list")
		if list {
			target = producer.ToList(key)
		}
		budget := rapid.SliceOfN(rapid.Int64Range(0, 3000), 0, 5).Draw(rt, "bytes of replies")
		p := newProxy(t, server.Addr, nil, budget...)
		defer p.listener.Close()
		opts, err := redisconn.Parse(p.url(), "")
		must(rt, err)
		client := redisconn.New(opts, 2)
		defer client.Close()
		to, err := producer.NewPublisher(client, target, producer.Options{})
		must(rt, err)
		n := rapid.IntRange(1, 400).Draw(rt, "records")
		sum, err := producer.Load(context.Background(), strings.NewReader(numbered(n)), to, producer.LoadOptions{
			Batch: rapid.IntRange(1, 60).Draw(rt, "batch"),
			OnBatch: func(p producer.Progress) {
				if got := firstCopies(rt, direct, key, list); len(got) < p.Total.Next-1 {
					rt.Fatalf("%d records are queued, those before line %d should be", len(got), p.Total.Next)
				}
			},
		})
		if err != nil || sum.Sent != n || sum.Next != n+1 {
			rt.Fatalf("%+v, %v", sum, err)
		}
		if got := strings.Join(firstCopies(rt, direct, key, list), "\n") + "\n"; got != numbered(n) {
			rt.Fatalf("queued in another order:\n%s", got)
		}
		must(rt, direct.Del(context.Background(), key).Err())
	})
}

// firstCopies returns the first copy of each record in the queue, in order.
func firstCopies(t *rapid.T, client *redis.Client, key string, list bool) (first []string) {
	ctx := context.Background()
	var all []string
	if list {
		all = client.LRange(ctx, key, 0, -1).Val()
	} else {
		entries, err := client.XRange(ctx, key, "-", "+").Result()
		must(t, err)
		for _, e := range entries {
			all = append(all, e.Values["data"].(string))
		}
	}
	seen := map[string]bool{}
	for _, body := range all {
		if !seen[body] {
			seen[body] = true
			first = append(first, body)
		}
	}
	return first
}

// TestRefusedRecordsAreSentAgain fills Redis up to maxmemory in the middle of a load.
func TestRefusedRecordsAreSentAgain(t *testing.T) {
	server := env.Redis(t)
	direct := server.Client(t)
	limit := func(bytes string) { must(t, direct.ConfigSet(t.Context(), "maxmemory", bytes).Err()) }
	waits := 0
	to := publisher(t, connect(t, server.URL()), producer.ToStream("q", 1), producer.Options{OnWait: func(err error, _ time.Duration) {
		if !strings.Contains(err.Error(), "maxmemory") {
			t.Errorf("waits because %v", err)
		}
		if waits++; waits == 2 {
			limit("0")
		}
	}})
	batches := 0
	sum, err := producer.Load(t.Context(), strings.NewReader(numbered(3000)), to, producer.LoadOptions{Batch: 100, OnBatch: func(producer.Progress) {
		if batches++; batches == 10 {
			limit("1")
		}
	}})
	if err != nil || sum.Sent != 3000 || waits < 2 {
		t.Fatalf("%+v, %v after %d waits", sum, err, waits)
	}
	_, got := streamBodies(t, direct, "q")
	if strings.Join(got, "\n")+"\n" != numbered(3000) {
		t.Errorf("%d bodies are queued, not each line once in order", len(got))
	}
}

func TestInterruptionCompletesWhatIsInFlight(t *testing.T) {
	server := env.Redis(t)
	gate := make(chan struct{})
	p := newProxy(t, server.Addr, gate)
	defer p.listener.Close()
	to := publisher(t, connect(t, p.url()), producer.ToStream("q", 1), producer.Options{})
	ctx, interrupt := context.WithCancel(t.Context())
	type ending struct {
		sum producer.Summary
		err error
	}
	done := make(chan ending, 1)
	go func() {
		sum, err := producer.Load(ctx, strings.NewReader(numbered(10)), to, producer.LoadOptions{Batch: 1})
		done <- ending{sum, err}
	}()
	env.Eventually(t, timeout, func() (bool, string) { return p.count("XADD") == 2, "two batches are not sent" })
	interrupt()
	close(gate)
	if end := <-done; !errors.Is(end.err, context.Canceled) || end.sum.Sent != 2 || end.sum.Next != 3 {
		t.Errorf("interrupted with %+v", end)
	}
	if _, got := streamBodies(t, server.Client(t), "q"); strings.Join(got, "\n")+"\n" != numbered(2) {
		t.Errorf("%d bodies are queued, want 2", len(got))
	}
}

func TestSourceOfRecords(t *testing.T) {
	server := env.Redis(t)
	client := connect(t, server.URL())
	text := numbered(3) + "\n" + "{}\n"
	for name, c := range map[string]struct {
		o    producer.LoadOptions
		want []string
	}{
		"two in flight": {producer.LoadOptions{Source: "c.csv"}, []string{"c.csv:1", "c.csv:2", "c.csv:3", "c.csv:5"}},
		"one in flight": {producer.LoadOptions{Source: "c.csv", Rate: 1e6, Batch: 2}, []string{"c.csv:1", "c.csv:2", "c.csv:3", "c.csv:5"}},
		"none":          {producer.LoadOptions{}, []string{"", "", "", ""}},
	} {
		must(t, client.Del(t.Context(), "q").Err())
		sum, err := producer.Load(t.Context(), strings.NewReader(text), publisher(t, client, producer.ToStream("q", 1), producer.Options{}), c.o)
		if err != nil || sum.Sent != 4 {
			t.Fatalf("%s: %+v, %v", name, sum, err)
		}
		var got []string
		for _, e := range client.XRange(t.Context(), "q", "-", "+").Val() {
			source, _ := e.Values["source"].(string)
			got = append(got, source)
			if len(e.Values) > 1 && source == "" {
				t.Errorf("%s: entry %v", name, e.Values)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: sources %q, want %q", name, got, c.want)
		}
	}
}

// TestConnectionOfItsOwn expects that the client's own connections are not needed: the
// other connection has the same user, password and database.
func TestConnectionOfItsOwn(t *testing.T) {
	server := env.Redis(t, env.WithConfig("requirepass", "secret"))
	admin := redis.NewClient(&redis.Options{Addr: server.Addr, Password: "secret", DB: 5})
	defer admin.Close()
	must(t, admin.Do(t.Context(), "ACL", "SETUSER", "writer", "on", ">pw", "~*", "+rpush", "+xadd", "+select", "-ping").Err())
	for name, user := range map[string]string{"password": ":secret", "a user that may only write": "writer:pw"} {
		client := connect(t, "redis://"+user+"@"+server.Addr+"/5")
		seen := &batches{}
		client.AddHook(seen)
		sum, err := producer.Load(t.Context(), strings.NewReader(numbered(50)), publisher(t, client, producer.ToStream(name, 1), producer.Options{}), producer.LoadOptions{})
		if err != nil || sum.Sent != 50 {
			t.Errorf("%s: %+v, %v", name, sum, err)
		}
		if len(seen.sizes) > 0 {
			t.Errorf("%s: the client has sent pipelines of %v", name, seen.sizes)
		}
		if _, got := streamBodies(t, admin, name); strings.Join(got, "\n")+"\n" != numbered(50) {
			t.Errorf("%s: %d bodies are queued", name, len(got))
		}
	}
}
