package streams_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// moving is a list "q" and a stream "s" with partitions, between which records are moved.
type moving struct {
	*rig
	keys []string
}

func newMoving(b *rig, partitions int) *moving {
	return &moving{b, record.PartitionKeys("s", partitions)}
}

// home is the partition of a body in these tests.
func (m *moving) home(body []byte) int {
	sum := 0
	for _, c := range body {
		sum += int(c)
	}
	return sum % len(m.keys)
}

func (m *moving) migration(client redis.UniversalClient) *streams.Migration {
	m.t.Helper()
	migration, err := streams.NewMigration(streams.MigrationOptions{Client: client, List: "q", Stream: m.keys, Group: "g", Home: m.home})
	must(m.t, err)
	return migration
}

func (m *moving) queue(p int, consumer string) *streams.Stream {
	return m.open(consumer, func(o *streams.StreamOptions) { o.Key = m.keys[p] })
}

func (m *moving) listed() []string {
	m.t.Helper()
	bodies, err := m.client.LRange(m.t.Context(), "q", 0, -1).Result()
	must(m.t, err)
	return bodies
}

// waiting returns the bodies of the undelivered entries of a partition.
func (m *moving) waiting(p int) (bodies []string) {
	m.t.Helper()
	after := "-"
	for _, g := range m.client.XInfoGroups(m.t.Context(), m.keys[p]).Val() {
		after = "(" + g.LastDeliveredID
	}
	for _, e := range m.client.XRange(m.t.Context(), m.keys[p], after, "+").Val() {
		bodies = append(bodies, fmt.Sprint(e.Values["data"]))
	}
	return bodies
}

// wantAccounts checks the account of each partition and returns the sum.
func (m *moving) wantAccounts() *streams.Account {
	m.t.Helper()
	accounts, err := streams.ReadAccounts(m.t.Context(), m.client, m.keys, "g")
	must(m.t, err)
	for _, a := range accounts {
		if a.Verdict() != streams.Balanced || a.Missing != 0 {
			m.t.Fatalf("%s is %s, with %d missing: %q", a.Key, a.Verdict(), a.Missing, a.Faults())
		}
	}
	return streams.Total(accounts)
}

// anyBodies are what producers may push: anything, some of it several times.
func anyBodies(random *rand.Rand, n int) []string {
	bodies := make([]string, n)
	for i := range bodies {
		switch random.IntN(5) {
		case 0:
			bodies[i] = fmt.Sprintf(`{"customerId":"%d"}`, random.IntN(3))
		case 1:
			bodies[i] = ""
		case 2:
			bodies[i] = strings.Repeat("é\x00\xff\r\n", random.IntN(50))
		default:
			bodies[i] = fmt.Sprint("record ", i)
		}
	}
	return bodies
}

// lossy is a client of which some replies are lost.
func (m *moving) lossy() (*redis.Client, *env.Cutter) {
	cutter := &env.Cutter{}
	client := redis.NewClient(&redis.Options{Addr: m.server.Addr, Dialer: cutter.Dial, Protocol: 2, MaxRetries: -1})
	m.t.Cleanup(func() { _ = client.Close() })
	return client, cutter
}

// moveAll calls a step until nothing is left. Before some steps the connection is about to
// break, and after some the program starts again.
func (m *moving) moveAll(random *rand.Rand, step func(*streams.Migration, int) (int, error)) (errs int) {
	m.t.Helper()
	client, cutter := m.lossy()
	migration := m.migration(client)
	for {
		if random.IntN(4) == 0 {
			cutter.Cut("evalsha", 1)
		}
		n, err := step(migration, 1+random.IntN(40))
		if err != nil {
			errs++
			migration = m.migration(client)
			continue
		}
		if n == 0 {
			return errs
		}
	}
}

func (m *moving) toStream(random *rand.Rand) int {
	return m.moveAll(random, func(g *streams.Migration, most int) (int, error) { return g.ToStream(m.t.Context(), most) })
}

func (m *moving) toList(random *rand.Rand) int {
	m.t.Helper()
	last, err := m.migration(m.client).LastEntries(m.t.Context())
	must(m.t, err)
	return m.moveAll(random, func(g *streams.Migration, most int) (int, error) { return g.ToList(m.t.Context(), most, last) })
}

// Whatever the records are and wherever connections break, there and back again each is
// there once, byte for byte, in its order, and the ledger is exact.
func TestMovedRecordsAreNeitherLostNorDoubled(t *testing.T) {
	b := newRig(t)
	lost := 0
	for seed := range uint64(30) {
		must(t, b.client.FlushAll(t.Context()).Err())
		random := rand.New(rand.NewPCG(seed, 7))
		m := newMoving(b, 1+random.IntN(4))
		if random.IntN(2) == 0 { // workers have run
			must(t, m.queue(0, "c").Open(t.Context()))
		}
		bodies := anyBodies(random, 1+random.IntN(600))
		must(t, b.client.RPush(t.Context(), "q", anySlice(bodies)...).Err())
		lost += m.toStream(random)
		if left := m.listed(); len(left) > 0 {
			t.Fatalf("seed %d: %d left", seed, len(left))
		}
		for p := range m.keys {
			var want []string
			for _, body := range bodies {
				if m.home([]byte(body)) == p {
					want = append(want, body)
				}
			}
			if !slices.Equal(m.waiting(p), want) {
				t.Fatalf("seed %d: partition %d has %q, want %q", seed, p, m.waiting(p), want)
			}
		}
		lost += m.toList(random)
		if got := m.listed(); !slices.Equal(inPartitions(m, got), inPartitions(m, bodies)) {
			t.Fatalf("seed %d: the list has %q, want %q", seed, got, bodies)
		}
		if a := m.wantAccounts(); a.Moved != int64(len(bodies)) || a.Undelivered+a.Settled() != 0 {
			t.Fatalf("seed %d: %d moved, %d undelivered of %d", seed, a.Moved, a.Undelivered, len(bodies))
		}
	}
	if lost == 0 {
		t.Error("no reply was lost")
	}
}

// inPartitions sorts bodies by partition, and keeps their order there.
func inPartitions(m *moving, bodies []string) []string {
	sorted := slices.Clone(bodies)
	slices.SortStableFunc(sorted, func(a, b string) int { return m.home([]byte(a)) - m.home([]byte(b)) })
	return sorted
}

func anySlice(list []string) (out []any) {
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

// Entries of several partitions go to the list in the order in which they arrived.
func TestEntriesAreMovedInTheOrderOfTheirArrival(t *testing.T) {
	m := newMoving(newRig(t), 3)
	var want []string
	for i := range 900 {
		body := fmt.Sprint(i)
		must(t, m.client.XAdd(t.Context(), &redis.XAddArgs{Stream: m.keys[rand.IntN(3)], ID: fmt.Sprintf("1000-%d", i+1), Values: []any{"data", body, "traceparent", "x"}}).Err())
		want = append(want, body)
	}
	m.toList(rand.New(rand.NewPCG(1, 1)))
	if !slices.Equal(m.listed(), want) {
		t.Errorf("the list has %q", m.listed())
	}
}

// While workers pop and producers push, no record is lost or there twice.
func TestMovingToAStreamWhileTheListIsInUse(t *testing.T) {
	m := newMoving(newRig(t), 2)
	const records = 3000
	var popped sync.Map
	var workers, producer sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	producer.Go(func() {
		for i := range records {
			m.client.RPush(context.WithoutCancel(ctx), "q", fmt.Sprint(i))
		}
	})
	for range 2 {
		workers.Go(func() {
			for ctx.Err() == nil {
				for _, body := range m.client.LPopCount(context.WithoutCancel(ctx), "q", 3).Val() {
					if _, twice := popped.LoadOrStore(body, true); twice {
						t.Errorf("%s was popped twice", body)
					}
				}
			}
		})
	}
	migration, moved := m.migration(m.client), 0
	for produced := false; !produced || m.client.LLen(t.Context(), "q").Val() > 0; {
		n, err := migration.ToStream(t.Context(), 50)
		if err != nil && !errors.Is(err, streams.ErrMigrateBusy) {
			t.Fatal(err)
		}
		moved += n
		select {
		case <-done(&producer):
			produced = true
		default:
		}
	}
	stop()
	workers.Wait()
	there := map[string]int{}
	popped.Range(func(body, _ any) bool { there[body.(string)]++; return true })
	if len(there)+moved != records || moved == 0 || len(there) == 0 {
		t.Errorf("%d popped and %d moved of %d", len(there), moved, records)
	}
	for p := range m.keys {
		for _, body := range m.waiting(p) {
			if there[body]++; m.home([]byte(body)) != p {
				t.Fatalf("record %s is in partition %d", body, p)
			}
		}
	}
	for i := range records {
		if n := there[fmt.Sprint(i)]; n != 1 {
			t.Fatalf("record %d is there %d times", i, n)
		}
	}
}

func done(group *sync.WaitGroup) <-chan struct{} {
	ended := make(chan struct{})
	go func() { group.Wait(); close(ended) }()
	return ended
}

func TestPendingAndDeferredEntriesAreNotMoved(t *testing.T) {
	m := newMoving(newRig(t), 2)
	q := m.queue(0, "c")
	must(t, q.Open(t.Context()))
	for _, key := range m.keys {
		for i := range 3 {
			must(t, m.client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []any{"data", fmt.Sprint(key, i)}}).Err())
		}
	}
	held := streamstest.Receive(t, q, 1)
	move := func() error {
		migration := m.migration(m.client)
		last, err := migration.LastEntries(t.Context())
		must(t, err)
		n, err := migration.ToList(t.Context(), 100, last)
		if (err == nil) != (n > 0) {
			t.Errorf("%d moved: %v", n, err)
		}
		return err
	}
	if err := move(); !errors.Is(err, streams.ErrMigratePending) {
		t.Errorf("with a pending entry: %v", err)
	}
	s := streamstest.All(record.Deferred, held)
	s[0].Due = time.UnixMilli(1)
	_, err := q.Settle(t.Context(), s)
	must(t, err)
	if err := move(); !errors.Is(err, streams.ErrMigrateDeferred) {
		t.Errorf("with a deferred record: %v", err)
	}
	must(t, q.MoveOnce(t.Context())) // back on the stream, with a note in {K}:returns
	must(t, move())
	if got := m.listed(); len(got) != 6 || got[5] != "s:00" {
		t.Errorf("the list has %q", got)
	}
	if a := m.wantAccounts(); a.Moved != 6 || a.Outcomes[record.Deferred] != 1 || a.Returned != 1 {
		t.Errorf("%+v", a)
	}
	if n := m.client.HLen(t.Context(), "{s:0}:returns").Val(); n != 0 {
		t.Errorf("%d notes are left", n)
	}
	if n := len(m.client.XInfoConsumers(t.Context(), m.keys[0], "g").Val()); n != 1 {
		t.Errorf("%d consumers, want the worker", n)
	}
}

// Only what was there when the migration began is moved.
func TestMovingToAListEndsWhereItBegan(t *testing.T) {
	m := newMoving(newRig(t), 1)
	m.pushMany(700)
	migration := m.migration(m.client)
	last, err := migration.LastEntries(t.Context())
	must(t, err)
	moved := 0
	for {
		n, err := migration.ToList(t.Context(), 300, last)
		must(t, err)
		if n == 0 {
			break
		}
		moved += n
		m.pushMany(10)
	}
	if moved != 700 || len(m.listed()) != 700 {
		t.Errorf("%d moved, %d on the list", moved, len(m.listed()))
	}
	if n, err := migration.ToList(t.Context(), 10, []string{""}); n != 0 || err != nil {
		t.Errorf("of an empty stream: %d, %v", n, err)
	}
}

func TestAnEntryWithoutABodyEndsTheMove(t *testing.T) {
	m := newMoving(newRig(t), 1)
	m.pushMany(3)
	m.add("no", "body")
	m.pushMany(2)
	migration := m.migration(m.client)
	last, err := migration.LastEntries(t.Context())
	must(t, err)
	n, err := migration.ToList(t.Context(), 5, last)
	must(t, err)
	if n != 3 {
		t.Errorf("%d moved before it", n)
	}
	var unfit *streams.UnfitEntryError
	if _, err = migration.ToList(t.Context(), 5, last); !errors.As(err, &unfit) || unfit.Key != "s" || !strings.Contains(err.Error(), `no field "data"`) {
		t.Errorf("%v", err)
	}
	q := m.queue(0, "c")
	settleAll(t, q, record.Malformed, streamstest.Receive(t, q, 1))
	if n, err = migration.ToList(t.Context(), 5, last); n != 2 || err != nil {
		t.Errorf("afterwards %d moved, %v", n, err)
	}
	m.wantAccounts()
}

// At maxmemory nothing is half done.
func TestNothingIsMovedAtMaxmemory(t *testing.T) {
	m := newMoving(newRig(t), 1)
	m.pushMany(3)
	must(t, m.queue(0, "c").Open(t.Context()))
	must(t, m.client.RPush(t.Context(), "q", "a", "b").Err())
	must(t, m.client.ConfigSet(t.Context(), "maxmemory", "1").Err())
	migration := m.migration(m.client)
	last, err := migration.LastEntries(t.Context())
	must(t, err)
	if n, err := migration.ToStream(t.Context(), 10); n != 0 || err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("to the stream: %d, %v", n, err)
	}
	if n, err := migration.ToList(t.Context(), 10, last); n != 0 || err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("to the list: %d, %v", n, err)
	}
	must(t, m.client.ConfigSet(t.Context(), "maxmemory", "0").Err())
	if len(m.listed()) != 2 || len(m.waiting(0)) != 3 {
		t.Errorf("the list has %q, the stream %q", m.listed(), m.waiting(0))
	}
	m.wantAccounts()
}

// Moved entries have ended: they are neither missing, nor counted twice after a new epoch.
func TestTheLedgerKnowsMovedEntries(t *testing.T) {
	m := newMoving(newRig(t), 1)
	q := m.queue(0, "c")
	must(t, q.Open(t.Context()))
	ids := m.pushMany(5)
	m.toList(rand.New(rand.NewPCG(3, 3)))
	m.pushMany(4)
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 2))
	must(t, q.DetectLossesOnce(t.Context()))
	must(t, q.TrimOnce(t.Context()))
	if a := m.wantAccounts(); a.Moved != 5 || a.Undelivered != 2 {
		t.Errorf("%+v", a)
	}
	if s := m.glance(); s.BacklogUnknown || s.Undelivered != 2 {
		t.Errorf("the backlog is %d, unknown: %v", s.Undelivered, s.BacklogUnknown)
	}
	if p := m.history(streams.Hours, time.Time{}); !p[0].UndeliveredKnown || p[0].Undelivered != 2 {
		t.Errorf("%+v", p)
	}
	m.setID(ids[0])
	must(t, q.DetectLossesOnce(t.Context()))
	if a := m.wantAccounts(); a.Epoch != 2 || a.Moved != 0 || a.MovedBefore != 5 || a.Undelivered != 8 {
		t.Errorf("after the group was set back: %+v", a)
	}
}

func TestAMigrationNeedsOneServer(t *testing.T) {
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}})
	defer client.Close()
	_, err := streams.NewMigration(streams.MigrationOptions{Client: client, List: "q", Stream: []string{"s"}, Group: "g"})
	if !errors.Is(err, streams.ErrMigrateCluster) {
		t.Error(err)
	}
	if _, err = streams.NewMigration(streams.MigrationOptions{}); err == nil {
		t.Error("without options")
	}
}

func TestTheMigrationOfAnotherGroup(t *testing.T) {
	m := newMoving(newRig(t), 1)
	m.pushMany(1)
	must(t, m.queue(0, "c").Open(t.Context()))
	migration, err := streams.NewMigration(streams.MigrationOptions{Client: m.client, List: "q", Stream: m.keys, Group: "h"})
	must(t, err)
	last, err := migration.LastEntries(t.Context())
	must(t, err)
	var owner *streams.OwnerError
	if _, err = migration.ToList(t.Context(), 1, last); !errors.As(err, &owner) {
		t.Error(err)
	}
}
