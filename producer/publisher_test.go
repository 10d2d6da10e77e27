package producer_test

import (
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

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/producer"
	"ingestion/record"
)

const timeout = 30 * time.Second

// connect returns a client configured as in the programs.
func connect(t testing.TB, url string) redis.UniversalClient {
	t.Helper()
	options, err := redisconn.Parse(url, "")
	if err != nil {
		t.Fatal(err)
	}
	client := redisconn.New(options, 4)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func publisher(t testing.TB, client redis.UniversalClient, target producer.Target, opts producer.Options) *producer.Publisher {
	t.Helper()
	p, err := producer.NewPublisher(client, target, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func bodies(from, to int) (all [][]byte) {
	for i := from; i < to; i++ {
		all = append(all, fmt.Appendf(nil, `{"customerId":"c%d","name":"N","email":"n%d@quillmarsh.net","createdAt":"2024-01-01"}`, i%37, i))
	}
	return all
}

func streamBodies(t testing.TB, client redis.UniversalClient, key string) (ids, all []string) {
	t.Helper()
	entries, err := client.XRange(t.Context(), key, "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if len(e.Values) != 1 {
			t.Fatalf("entry %s has the fields %v, want data alone", e.ID, e.Values)
		}
		ids, all = append(ids, e.ID), append(all, e.Values["data"].(string))
	}
	return ids, all
}

func listBodies(t testing.TB, client redis.UniversalClient, key string) []string {
	t.Helper()
	all, err := client.LRange(t.Context(), key, 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func asStrings(bodies [][]byte) (out []string) {
	for _, b := range bodies {
		out = append(out, string(b))
	}
	return out
}

func TestPublishKeepsOrderAndBytes(t *testing.T) {
	server := env.SharedRedis(t)
	client := connect(t, server.URL)
	odd := [][]byte{[]byte("no JSON"), {}, {0xff, 0x00, '\n'}, []byte("{}")}
	sent := append(bodies(0, 1203), odd...)

	list := server.Prefix + "list"
	receipts, err := publisher(t, client, producer.ToList(list), producer.Options{Batch: 100}).Publish(t.Context(), sent)
	if err != nil {
		t.Fatal(err)
	}
	if got := listBodies(t, client, list); !slices.Equal(got, asStrings(sent)) {
		t.Errorf("the list has %d bodies, not those sent in their order", len(got))
	}
	for i, r := range receipts {
		if r != (producer.Receipt{Queued: true, Key: list}) {
			t.Fatalf("receipt %d is %+v", i, r)
		}
	}

	stream := server.Prefix + "stream"
	receipts, err = publisher(t, client, producer.ToStream(stream, 1), producer.Options{Batch: 100}).Publish(t.Context(), sent)
	if err != nil {
		t.Fatal(err)
	}
	ids, got := streamBodies(t, client, stream)
	if !slices.Equal(got, asStrings(sent)) {
		t.Errorf("the stream has %d bodies, not those sent in their order", len(got))
	}
	for i, r := range receipts {
		if r != (producer.Receipt{Queued: true, Key: stream, StreamID: ids[i]}) {
			t.Fatalf("receipt %d is %+v, its entry %s", i, r, ids[i])
		}
	}
}

func TestPublishToTheCustomersPartition(t *testing.T) {
	server := env.SharedRedis(t)
	client := connect(t, server.URL)
	const partitions = 5
	key := server.Prefix + "s"
	sent := append(bodies(0, 400), []byte("not JSON"), []byte(`{"customerId":7}`))
	receipts, err := publisher(t, client, producer.ToStream(key, partitions), producer.Options{}).Publish(t.Context(), sent)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for i, body := range sent {
		home := 0
		if i < 400 {
			home = record.HomePartition(fmt.Sprintf("c%d", i%37), partitions)
		}
		want := fmt.Sprintf("%s:%d", key, home)
		if receipts[i].Key != want {
			t.Fatalf("%s went to %s, want %s", body, receipts[i].Key, want)
		}
		entries, err := client.XRange(t.Context(), want, receipts[i].StreamID, receipts[i].StreamID).Result()
		if err != nil || len(entries) != 1 || entries[0].Values["data"] != string(body) {
			t.Fatalf("entry %s of %s is %v (%v), want %s", receipts[i].StreamID, want, entries, err, body)
		}
		used[want] = true
	}
	if len(used) != partitions {
		t.Errorf("%d of %d partitions are used", len(used), partitions)
	}
}

// batches records the number of commands in each pipeline.
type batches struct {
	mu    sync.Mutex
	sizes []int
}

func (b *batches) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (b *batches) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (b *batches) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		b.mu.Lock()
		b.sizes = append(b.sizes, len(cmds))
		b.mu.Unlock()
		return next(ctx, cmds)
	}
}

func TestPipelineSizes(t *testing.T) {
	server := env.SharedRedis(t)
	client := connect(t, server.URL)
	seen := &batches{}
	client.AddHook(seen)
	p := publisher(t, client, producer.ToStream(server.Prefix+"s", 1), producer.Options{Batch: 100})
	large := make([]byte, 3<<20)
	sent := append(bodies(0, 250), large, large, []byte("small"))
	if _, err := p.Publish(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	if want := []int{100, 100, 51, 2}; !slices.Equal(seen.sizes, want) {
		t.Errorf("pipelines of %v commands, want %v", seen.sizes, want)
	}
	if _, err := p.Publish(t.Context(), nil); err != nil || len(seen.sizes) != 4 {
		t.Errorf("publishing nothing: %v, %d pipelines", err, len(seen.sizes)-4)
	}
}

func TestPublishResumesAfterAnOutage(t *testing.T) {
	for _, mode := range []string{"list", "stream"} {
		t.Run(mode, func(t *testing.T) {
			server := env.Redis(t)
			target := producer.ToList("q")
			if mode == "stream" {
				target = producer.ToStream("q", 3)
			}
			waits := make(chan error, 100)
			p := publisher(t, connect(t, server.URL()), target, producer.Options{Batch: 50, OnWait: func(err error, _ time.Duration) { waits <- err }})
			sent := bodies(0, 3000)
			if _, err := p.Publish(t.Context(), sent[:1000]); err != nil {
				t.Fatal(err)
			}
			server.Kill()
			done := make(chan error, 1)
			var receipts []producer.Receipt
			go func() {
				var err error
				receipts, err = p.Publish(t.Context(), sent[1000:])
				done <- err
			}()
			if err := <-waits; !strings.Contains(err.Error(), "Redis server does not answer") {
				t.Errorf("the reason of the wait is %v", err)
			}
			<-waits
			server.Start()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			queued := map[string]int{}
			for _, key := range target.Keys() {
				var got []string
				if mode == "list" {
					got = listBodies(t, server.Client(t), key)
				} else {
					_, got = streamBodies(t, server.Client(t), key)
				}
				for _, b := range got {
					queued[b]++
				}
			}
			for i, b := range sent {
				if queued[string(b)] == 0 {
					t.Fatalf("body %d is lost", i)
				}
			}
			for i, r := range receipts {
				if !r.Queued {
					t.Fatalf("receipt %d is open", i)
				}
			}
		})
	}
}

func TestServerKilledDuringPublish(t *testing.T) {
	server := env.Redis(t)
	p := publisher(t, connect(t, server.URL()), producer.ToStream("q", 1), producer.Options{Batch: 20})
	sent := bodies(0, 6000)
	done := make(chan error, 1)
	go func() {
		_, err := p.Publish(t.Context(), sent)
		done <- err
	}()
	observer := server.Client(t)
	env.Eventually(t, timeout, func() (bool, string) {
		n, _ := observer.XLen(t.Context(), "q").Result()
		return n > 100, "nothing is queued"
	})
	server.Kill()
	server.Start()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	_, got := streamBodies(t, server.Client(t), "q")
	queued := map[string]bool{}
	for _, b := range got {
		queued[b] = true
	}
	if len(queued) != len(sent) {
		t.Errorf("%d of %d bodies are queued", len(queued), len(sent))
	}
	if extra := len(got) - len(sent); extra > 20 {
		t.Errorf("%d bodies are queued twice, more than one batch", extra)
	}
}

func TestPublishEndsWithTheContext(t *testing.T) {
	server := env.Redis(t)
	ctx, cancel := context.WithCancel(t.Context())
	p := publisher(t, connect(t, server.URL()), producer.ToList("q"), producer.Options{OnWait: func(error, time.Duration) { cancel() }})
	server.Stop()
	receipts, err := p.Publish(ctx, bodies(0, 3))
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "Redis server does not answer") {
		t.Errorf("got %v, want the context's error with the reason of the wait", err)
	}
	for _, r := range receipts {
		if r.Queued {
			t.Error("a body counts as queued without a server")
		}
	}
	if _, err := p.Publish(ctx, bodies(0, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
	if err := p.Ready(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Ready with a context that has ended: %v", err)
	}
}

func TestWrongType(t *testing.T) {
	server := env.SharedRedis(t)
	client := connect(t, server.URL)
	key := server.Prefix + "k"
	if err := client.HSet(t.Context(), key, "a", 1).Err(); err != nil {
		t.Fatal(err)
	}
	if err := client.Set(t.Context(), key+":1", "a", 0).Err(); err != nil {
		t.Fatal(err)
	}
	for kind, target := range map[string]producer.Target{
		"list":   producer.ToList(key),
		"stream": producer.ToStream(key, 2),
	} {
		p := publisher(t, client, target, producer.Options{OnWait: func(err error, _ time.Duration) { t.Errorf("waits: %v", err) }})
		receipts, err := p.Publish(t.Context(), bodies(0, 40))
		for what, err := range map[string]error{"Ready": p.Ready(t.Context()), "Publish": err} {
			var fault *producer.Fault
			if !errors.As(err, &fault) || !fault.AboutKey || !strings.Contains(err.Error(), "not a "+kind) || !strings.Contains(err.Error(), key) {
				t.Errorf("%s: got %v, want a fault of the key, which is not a %s", what, err, kind)
			}
		}
		for i, r := range receipts { // partition 0 accepts its records
			if r.Queued != (kind == "stream" && r.Key == key+":0") {
				t.Fatalf("receipt %d is %+v", i, r)
			}
		}
	}
	ok := publisher(t, client, producer.ToList(server.Prefix+"new"), producer.Options{})
	if err := ok.Ready(t.Context()); err != nil {
		t.Errorf("a key that does not exist: %v", err)
	}
}

func TestRefusedUser(t *testing.T) {
	locked := env.Redis(t, env.WithConfig("requirepass", "secret-word"))
	open := env.Redis(t)
	admin := open.Client(t)
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@read", "+ping").Err(); err != nil {
		t.Fatal(err)
	}
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "writer", "on", ">pw", "~q*", "+rpush", "+xadd").Err(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ url, say string }{
		"no password":      {"redis://" + locked.Addr, "wants a password"},
		"wrong password":   {"redis://:guess-work@" + locked.Addr, "refuses this user and password"},
		"may not write":    {"redis://reader:pw@" + open.Addr, "may not write"},
		"no such database": {"redis://" + open.Addr + "/77", "no database"},
	} {
		for _, target := range []producer.Target{producer.ToList("q:list"), producer.ToStream("q:stream", 1)} {
			p := publisher(t, connect(t, c.url), target, producer.Options{OnWait: func(err error, _ time.Duration) { t.Errorf("%s: waits: %v", name, err) }})
			_, err := p.Publish(t.Context(), bodies(0, 2))
			var fault *producer.Fault
			if !errors.As(err, &fault) || fault.AboutKey || !strings.Contains(err.Error(), c.say) {
				t.Errorf("%s: got %v", name, err)
			}
			if err != nil && strings.Contains(err.Error(), "guess-work") {
				t.Errorf("the password is in %v", err)
			}
		}
	}
	p := publisher(t, connect(t, "redis://writer:pw@"+open.Addr), producer.ToStream("q:stream", 1), producer.Options{})
	if err := p.Ready(t.Context()); err != nil {
		t.Errorf("a user that may only write: %v", err)
	}
	if _, err := p.Publish(t.Context(), bodies(0, 2)); err != nil {
		t.Errorf("a user that may only write: %v", err)
	}
}

func TestPublishWaitsForMemory(t *testing.T) {
	for _, target := range []producer.Target{producer.ToList("q"), producer.ToStream("q", 2)} {
		server := env.Redis(t, env.WithConfig("maxmemory", "1kb", "maxmemory-policy", "noeviction"))
		admin := server.Client(t)
		var reason error
		p := publisher(t, connect(t, server.URL()), target, producer.Options{OnWait: func(err error, _ time.Duration) {
			reason = err
			admin.ConfigSet(context.Background(), "maxmemory", "0")
		}})
		if _, err := p.Publish(t.Context(), bodies(0, 100)); err != nil {
			t.Fatal(err)
		}
		if reason == nil || !strings.Contains(reason.Error(), "at maxmemory") {
			t.Errorf("the reason of the wait is %v", reason)
		}
	}
}

func TestPublishWaitsForAFailover(t *testing.T) {
	server := env.Redis(t)
	admin := server.Client(t)
	_, port, _ := net.SplitHostPort(server.Addr)
	if err := admin.ReplicaOf(t.Context(), "127.0.0.1", port).Err(); err != nil {
		t.Fatal(err)
	}
	var reason error
	p := publisher(t, connect(t, server.URL()), producer.ToList("q"), producer.Options{OnWait: func(err error, _ time.Duration) {
		reason = err
		admin.ReplicaOf(context.Background(), "NO", "ONE")
	}})
	if _, err := p.Publish(t.Context(), bodies(0, 100)); err != nil {
		t.Fatal(err)
	}
	if reason == nil || !strings.Contains(reason.Error(), "read-only") {
		t.Errorf("the reason of the wait is %v", reason)
	}
	if n := admin.LLen(t.Context(), "q").Val(); n != 100 {
		t.Errorf("%d bodies are queued, want 100", n)
	}
}

// hook lets a test intercept pipelines.
type hook struct {
	batches
	pipeline func(ctx context.Context, cmds []redis.Cmder, next redis.ProcessPipelineHook) error
}

func (h *hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { return h.pipeline(ctx, cmds, next) }
}

func TestOnlyUnconfirmedBodiesAreSentAgain(t *testing.T) {
	server := env.SharedRedis(t)
	client := connect(t, server.URL)
	tries := 0
	client.AddHook(&hook{pipeline: func(ctx context.Context, cmds []redis.Cmder, next redis.ProcessPipelineHook) error {
		tries++
		if tries > 1 {
			return next(ctx, cmds)
		}
		for _, cmd := range cmds[60:] { // these never reach the server
			cmd.SetErr(io.ErrUnexpectedEOF)
		}
		if err := next(ctx, cmds[:60]); err != nil {
			return err
		}
		return io.ErrUnexpectedEOF
	}})
	key := server.Prefix + "s"
	sent := bodies(0, 100)
	receipts, err := publisher(t, client, producer.ToStream(key, 1), producer.Options{}).Publish(t.Context(), sent)
	if err != nil || tries != 2 {
		t.Fatalf("%v after %d tries", err, tries)
	}
	ids, got := streamBodies(t, client, key)
	if !slices.Equal(got, asStrings(sent)) {
		t.Errorf("%d bodies are queued, want each of 100 once", len(got))
	}
	for i, r := range receipts {
		if r.StreamID != ids[i] {
			t.Fatalf("receipt %d is %+v, its entry %s", i, r, ids[i])
		}
	}
}

func TestPublishCompletesTheCurrentBatch(t *testing.T) {
	server := env.SharedRedis(t)
	for _, target := range []producer.Target{producer.ToList(server.Prefix + "l"), producer.ToStream(server.Prefix+"s", 1)} {
		client := connect(t, server.URL)
		ctx, cancel := context.WithCancel(t.Context())
		client.AddHook(&hook{pipeline: func(ctx context.Context, cmds []redis.Cmder, next redis.ProcessPipelineHook) error {
			cancel()
			return next(ctx, cmds)
		}})
		receipts, err := publisher(t, client, target, producer.Options{Batch: 10}).Publish(ctx, bodies(0, 30))
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		for i, r := range receipts {
			if r.Queued != (i < 10) {
				t.Errorf("receipt %d is %+v, want the first batch and no more", i, r)
			}
		}
	}
}

func TestFaultTakesPrecedence(t *testing.T) {
	server := env.SharedRedis(t)
	client := connect(t, server.URL)
	key := server.Prefix + "s"
	must(t, client.Set(t.Context(), key+":1", "no stream", 0).Err())
	client.AddHook(&hook{pipeline: func(ctx context.Context, cmds []redis.Cmder, next redis.ProcessPipelineHook) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			if cmd.Err() == nil {
				cmd.SetErr(io.ErrUnexpectedEOF) // the replies before and after the refusal are lost
			}
		}
		return err
	}})
	var sent [][]byte
	for _, home := range []int{0, 1, 0} {
		for i := 0; ; i++ {
			if id := fmt.Sprint("c", i); record.HomePartition(id, 2) == home {
				sent = append(sent, fmt.Appendf(nil, `{"customerId":%q}`, id))
				break
			}
		}
	}
	_, err := publisher(t, client, producer.ToStream(key, 2), producer.Options{OnWait: func(err error, _ time.Duration) { t.Errorf("waits: %v", err) }}).Publish(t.Context(), sent)
	var fault *producer.Fault
	if !errors.As(err, &fault) {
		t.Errorf("got %v, want the fault at once", err)
	}
}

func TestNewPublisherValidates(t *testing.T) {
	client := connect(t, "redis://127.0.0.1:1")
	ring := redis.NewRing(&redis.RingOptions{})
	defer ring.Close()
	for name, c := range map[string]struct {
		client redis.UniversalClient
		target producer.Target
		opts   producer.Options
		says   []string
	}{
		"no client":        {nil, producer.ToList("q"), producer.Options{}, []string{"client is nil"}},
		"no target":        {client, producer.Target{}, producer.Options{}, []string{"no key", "no partition"}},
		"no key":           {client, producer.ToStream("", 1), producer.Options{}, []string{"no key"}},
		"no partition":     {client, producer.ToStream("s", 0), producer.Options{}, []string{"no partition"}},
		"negative options": {client, producer.ToList("q"), producer.Options{Batch: -1, Replicas: -1}, []string{"batch size -1", "replicas -1"}},
		"no WAIT":          {ring, producer.ToList("q"), producer.Options{Replicas: 1}, []string{"*redis.Ring"}},
	} {
		_, err := producer.NewPublisher(c.client, c.target, c.opts)
		for _, part := range c.says {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: got %v, want %q", name, err, part)
			}
		}
	}
}
