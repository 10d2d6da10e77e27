package console_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/console"
	"ingestion/internal/inspect"
	"ingestion/internal/test/browser"
	"ingestion/internal/test/env"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// prefix is where the console is mounted: its addresses have to be relative.
const prefix = "/ops/console"

// rig is a queue of two partitions, or more, on a redis-server, and a console that shows it.
type rig struct {
	t       testing.TB
	server  *env.RedisServer
	client  redis.UniversalClient
	keys    []string
	queues  []*streams.Stream
	limiter *limiter.Limiter
	store   *documents
	options console.Options
	url     string // of the console's first page, once it is served
}

func newRig(t testing.TB) *rig {
	t.Helper()
	return newRigOf(t, 2)
}

// newRigOf makes one of so many partitions.
func newRigOf(t testing.TB, partitions int) *rig {
	t.Helper()
	server := env.Redis(t, env.WithConfig("appendfsync", "no"))
	client, err := streams.NewClient(server.URL(), 64)
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	r := &rig{t: t, server: server, client: client, keys: record.PartitionKeys("crm", partitions), store: &documents{}}
	for _, key := range r.keys {
		r.queues = append(r.queues, r.queue(key, "worker-1"))
	}
	r.limiter, err = limiter.New(r.client, limiter.Config{
		Limit: 5, Window: time.Minute, Lateness: time.Hour, Reserve: true, MaxDelay: time.Hour, Bases: r.keys,
		Home: func(customer string) int { return record.HomePartition(customer, partitions) },
	})
	must(t, err)
	r.options = console.Options{
		Source:  inspect.Source{Redis: r.client, Keys: r.keys, Group: "ingestion", Lease: 30 * time.Second},
		Limiter: r.limiter, Store: r.store, Collection: "crm.customers", Changes: true,
	}
	return r
}

func home(customer string) int { return record.HomePartition(customer, 2) }

// queue opens a partition as a worker.
func (r *rig) queue(key, worker string) *streams.Stream {
	r.t.Helper()
	q, err := streams.NewStream(streams.StreamOptions{
		Client: r.client, Key: key, Group: "ingestion", Consumer: worker, PollTimeout: 100 * time.Millisecond, ClaimIdle: 30 * time.Second,
		Retention: time.Hour, DeadLetters: streams.DeadLetterOptions{On: true, Worker: worker}, Log: slog.New(slog.DiscardHandler),
	})
	must(r.t, err)
	must(r.t, q.Open(r.t.Context()))
	return q
}

// serve serves the console under a prefix until the test ends.
func (r *rig) serve() {
	r.t.Helper()
	server := httptest.NewServer(http.StripPrefix(prefix, console.Handler(r.options)))
	r.t.Cleanup(func() {
		server.CloseClientConnections() // of pages that are still open
		server.Close()
	})
	r.url = server.URL + prefix + "/"
}

// visit opens a tab on a page of the console.
func (r *rig) visit(path string) *browser.Page {
	r.t.Helper()
	p := browser.Open(r.t)
	r.see(p, path)
	return p
}

// see visits a page of the console.
func (r *rig) see(p *browser.Page, path string) {
	r.t.Helper()
	if status := p.Visit(r.url + path); status != http.StatusOK {
		r.t.Fatalf("%s: status %d\n%s", path, status, p.Text())
	}
}

// add queues a body, and returns the ID of its entry.
func (r *rig) add(partition int, body string, fields ...any) string {
	r.t.Helper()
	id, err := r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: r.keys[partition], Values: append([]any{"data", body}, fields...)}).Result()
	must(r.t, err)
	return id
}

// settle takes the next n entries of a partition, and settles them.
func (r *rig) settle(partition, n int, outcome record.Outcome, reason, customer string) {
	r.t.Helper()
	s := streamstest.All(outcome, r.receive(partition, n))
	for i := range s {
		s[i].Reason, s[i].CustomerID, s[i].Due = reason, customer, time.Now().Add(time.Hour)
	}
	_, err := r.queues[partition].Settle(r.t.Context(), s)
	must(r.t, err)
}

func (r *rig) receive(partition, n int) []streams.Delivery {
	r.t.Helper()
	var all []streams.Delivery
	for len(all) < n {
		got, err := r.queues[partition].Receive(r.t.Context(), n-len(all))
		must(r.t, err)
		all = append(all, got...)
	}
	return all
}

// documents stands for MongoDB. It is filled before it is asked.
type documents struct {
	all []store.Stored
}

func (d *documents) Check(context.Context) error { return nil }

func (d *documents) Indexed(context.Context, store.Field) (bool, error) { return true, nil }

func (d *documents) Find(_ context.Context, field store.Field, value string, limit int64) ([]store.Stored, error) {
	var found []store.Stored
	for _, s := range d.all {
		if int64(len(found)) < limit && map[store.Field]string{store.ByID: s.ID, store.ByCustomer: s.CustomerID, store.ByEmail: s.Email}[field] == value {
			found = append(found, s)
		}
	}
	return found, nil
}

// query is a part of an address with one parameter.
func query(name, value string) string { return url.Values{name: {value}}.Encode() }
