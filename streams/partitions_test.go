package streams_test

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// openPartitions opens the queue of a consumer on n partitions of the stream "s".
func openPartitions(t *testing.T, client redis.UniversalClient, consumer string, n int, opts streams.PartitionsOptions, change func(*streams.StreamOptions)) *streams.Partitions {
	t.Helper()
	p, err := streams.NewPartitions(openStreams(t, client, consumer, n, change), opts)
	must(t, err)
	return p
}

func openStreams(t *testing.T, client redis.UniversalClient, consumer string, n int, change func(*streams.StreamOptions)) []*streams.Stream {
	t.Helper()
	var all []*streams.Stream
	for _, key := range record.PartitionKeys("s", n) {
		o := streamOptions(client, consumer)
		o.Key = key
		if change != nil {
			change(&o)
		}
		all = append(all, newStream(t, o))
	}
	return all
}

func add(t *testing.T, client redis.UniversalClient, key, body string) string {
	t.Helper()
	id, err := client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []any{"data", body}}).Result()
	must(t, err)
	return id
}

func TestPartitionsConform(t *testing.T) {
	const n = 3
	for _, opts := range []streams.PartitionsOptions{{}, {TakeNoMore: true}} {
		t.Run(fmt.Sprintf("%+v", opts), func(t *testing.T) {
			streamstest.Run(t, func(t *testing.T) *streamstest.Fixture {
				client := newClient(t, env.AnyRedis(t))
				consumers := 0
				open := func() streams.Queue {
					consumers++
					return openPartitions(t, client, fmt.Sprintf("c%d", consumers), n, opts, nil)
				}
				return &streamstest.Fixture{
					Queue:   open(),
					Another: open,
					Push: func(bodies ...string) {
						for _, b := range bodies {
							add(t, client, "s:1", b)
						}
					},
					Unfinished:  func() int { return unfinishedIn(t, client, "s:1") },
					DeadLetters: func() []string { return deadEvents(t, client, "s:1") },
					Break: func() func() {
						var repairs []func()
						for p := range n {
							repairs = append(repairs, spoil(t, client, fmt.Sprintf("s:%d", p)))
						}
						return func() {
							for _, repair := range repairs {
								repair()
							}
						}
					},
				}
			})
		})
	}
}

func TestIdlePartitionsDoNotDelayOthers(t *testing.T) {
	b := newRig(t)
	q := openPartitions(t, b.client, "c", 64, streams.PartitionsOptions{}, nil)
	for range 2 { // all are seen to be empty
		if got, err := q.Receive(t.Context(), 10); len(got) > 0 || err != nil {
			t.Fatal(got, err)
		}
	}
	var waits []time.Duration
	for i := range 50 {
		go func() {
			time.Sleep(time.Duration(i%5) * time.Millisecond)
			b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: fmt.Sprintf("s:%d", i*37%64), Values: []any{"data", fmt.Sprint(time.Now().UnixNano())}})
		}()
		got := streamstest.Receive(t, q, 1)
		var sent int64
		fmt.Sscan(string(got[0].Body), &sent)
		waits = append(waits, time.Duration(time.Now().UnixNano()-sent))
		settleAll(t, q, record.Ingested, got)
	}
	slices.Sort(waits)
	if median := waits[len(waits)/2]; median > 20*time.Millisecond {
		t.Errorf("the median wait is %v, %v at most", median, waits[len(waits)-1])
	}
}

func TestAHotPartitionDoesNotStarveOthers(t *testing.T) {
	for name, seenEmpty := range map[string]bool{"the other was seen to be empty": true, "the other may have records": false} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			q := openPartitions(t, b.client, "c", 8, streams.PartitionsOptions{}, nil)
			if seenEmpty {
				if got, err := q.Receive(t.Context(), 10); len(got) > 0 || err != nil {
					t.Fatal(got, err)
				}
			}
			for i := range 3000 {
				add(t, b.client, "s:0", fmt.Sprint(i))
			}
			settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 10))
			late := add(t, b.client, "s:5", "late")
			for begun := time.Now(); ; {
				got := streamstest.Receive(t, q, 10)
				settleAll(t, q, record.Ingested, got)
				if slices.ContainsFunc(got, func(d streams.Delivery) bool { return d.ID == late && string(d.Body) == "late" }) {
					break
				}
				if time.Since(begun) > soon || unfinishedIn(t, b.client, "s:0") == 0 {
					t.Fatal("the other partition's record came after all those of the hot one")
				}
			}
		})
	}
}

func TestAFailingPartitionDoesNotDelayOthers(t *testing.T) {
	b := newRig(t)
	log := func(o *streams.StreamOptions) { o.Log = slog.New(slog.NewJSONHandler(b.log, nil)) }
	q := openPartitions(t, b.client, "c", 3, streams.PartitionsOptions{}, log)
	for range 2 {
		if _, err := q.Receive(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
	}
	repair := spoil(t, b.client, "s:0") // WRONGTYPE
	must(t, b.client.XGroupDestroy(t.Context(), "s:1", "g").Err())
	add(t, b.client, "s:1", "of the group that is gone")
	add(t, b.client, "s:2", "of a sound one")
	bodies := streamstest.Bodies(streamstest.Receive(t, q, 2))
	slices.Sort(bodies)
	if want := []string{"of a sound one", "of the group that is gone"}; !slices.Equal(bodies, want) {
		t.Errorf("received %q, want %q", bodies, want)
	}
	if n := len(b.log.find("group_recreated")); n != 1 {
		t.Errorf("group_recreated %d times, want once", n)
	}
	env.Eventually(t, soon, func() (bool, string) {
		if _, err := q.Receive(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		logged := b.log.find("retrying")
		return len(logged) > 0 && strings.Contains(fmt.Sprint(logged[0]), "WRONGTYPE") && logged[0]["stream"] == "s:0", fmt.Sprint(logged)
	})
	repair()
	add(t, b.client, "s:0", "mended")
	streamstest.Receive(t, q, 1)
	if logged := b.log.find("retrying"); logged[len(logged)-1]["status"] != "success" {
		t.Errorf("the recovery was not logged: %v", logged)
	}
}

func TestPrefetchedEntriesAreNacked(t *testing.T) {
	b := newRig(t)
	q := openPartitions(t, b.client, "c", 8, streams.PartitionsOptions{}, nil)
	if _, err := q.Receive(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for p := range 8 {
		add(t, b.client, fmt.Sprintf("s:%d", p), fmt.Sprint(p))
	}
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 1))
	must(t, q.Close(t.Context()))
	other := openPartitions(t, b.client, "other", 8, streams.PartitionsOptions{}, nil)
	got := streamstest.Receive(t, other, 7)
	for _, d := range got {
		if d.Deliveries != 1 {
			t.Errorf("%s was delivered %d times, want 1: Nack uncounts a delivery", d.ID, d.Deliveries)
		}
	}
}

func TestTakeNoMore(t *testing.T) {
	b := newRig(t)
	q := openPartitions(t, b.client, "c", 8, streams.PartitionsOptions{TakeNoMore: true}, nil)
	if _, err := q.Receive(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for p := range 8 {
		add(t, b.client, fmt.Sprintf("s:%d", p), fmt.Sprint(p))
	}
	settleAll(t, q, record.Ingested, streamstest.Receive(t, q, 3))
	for p := range 8 {
		pending, err := b.client.XPending(t.Context(), fmt.Sprintf("s:%d", p), "g").Result()
		must(t, err)
		if pending.Count > 0 {
			t.Errorf("partition %d has %d pending", p, pending.Count)
		}
	}
}

// Entries of two partitions often have the same ID.
func TestTheSameIDInTwoPartitions(t *testing.T) {
	b := newRig(t)
	q := openPartitions(t, b.client, "c", 2, streams.PartitionsOptions{}, nil)
	for _, key := range []string{"s:0", "s:1"} {
		must(t, b.client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, ID: "7-0", Values: []any{"data", key}}).Err())
	}
	held := streamstest.Receive(t, q, 2)
	done, err := q.Settle(t.Context(), []streams.Settlement{
		{Delivery: &held[0], Outcome: record.Ingested}, {Delivery: &held[1], Outcome: record.Invalid, Reason: "r"},
	})
	if err != nil || done.Count != 2 {
		t.Fatal(done, err)
	}
	if dead := deadEvents(t, b.client, string(held[1].Body)); len(dead) != 1 {
		t.Errorf("dead letters of %s: %v", held[1].Body, dead)
	}
}
