package inspect_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/inspect"
	"ingestion/internal/test/env"
	"ingestion/limiter"
)

func tracer(t *testing.T) (*inspect.Tracer, *redis.Client) {
	t.Helper()
	client := env.Redis(t).Client(t)
	return tracerOn(t, client), client
}

func tracerOn(t *testing.T, client *redis.Client) *inspect.Tracer {
	t.Helper()
	l, err := limiter.New(client, limiter.Config{Limit: 5, Window: time.Minute, Bases: []string{"s"}})
	must(t, err)
	return &inspect.Tracer{Source: inspect.Source{Redis: client, Keys: []string{"s"}, Group: "g"}, Limiter: l}
}

func fillStream(t *testing.T, client *redis.Client, n int) {
	t.Helper()
	_, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
		for i := range n {
			body := fmt.Sprintf(`{"customerId":"%d","name":"Ada","email":"a%d@b.co","createdAt":"2026"}`, i%2, i)
			p.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", body}})
		}
		return nil
	})
	must(t, err)
}

// A scan that is interrupted returns what it has found, and says how far it came.
func TestInterruptedScan(t *testing.T) {
	tr, client := tracer(t)
	fillStream(t, client, 10_000)
	ctx, interrupt := context.WithCancel(t.Context())
	tr.Progress = func(l inspect.Looked) {
		if l.Seen >= 100 {
			interrupt()
		}
	}
	got, err := tr.ByCustomer(ctx, inspect.CustomerQuery{CustomerID: "1"})
	must(t, err)
	l := got.Looked[0]
	if !l.Interrupted || l.All() || l.Seen < 100 || l.Seen >= 10_000 || l.Total != 10_000 {
		t.Errorf("looked: %+v", l)
	}
	if got.Matches != l.Seen/2 || len(got.Ways) != 20 || got.Ways[0].State != inspect.StateUndelivered {
		t.Errorf("%d found among %d, %d followed", got.Matches, l.Seen, len(got.Ways))
	}

	sim, err := tr.Simulate(ctx, inspect.SimulationQuery{CustomerID: "1", Limit: limiter.Limit{Records: 1, Window: time.Hour}})
	if err == nil && sim.Arrivals > 0 {
		t.Errorf("after the interruption: %+v", sim)
	}
}

// The position of an undelivered entry is exact near the front, and estimated behind.
func TestPositionOfAnUndeliveredEntry(t *testing.T) {
	tr, client := tracer(t)
	for i := range 5000 {
		must(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", ID: fmt.Sprintf("%d-0", 1000+10*i), Values: []any{"data", "x"}}).Err())
	}
	must(t, client.XGroupCreate(t.Context(), "s", "g", "0").Err())
	for id, want := range map[string]string{
		"1000-0": "the next to be delivered", "1010-0": "1 entry is delivered before it", "20990-0": "1,999 entries are delivered before it",
		"50990-0": "about 5,000 entries are delivered before it", "31000-0": "about 3,000 entries are delivered before it",
	} {
		got, err := tr.ByID(t.Context(), id, -1)
		must(t, err)
		if steps := got.Ways[0].Steps; steps[len(steps)-1].Text != want {
			t.Errorf("%s: %q, want %q", id, steps[len(steps)-1].Text, want)
		}
	}
}

func TestCustomerAndTimeByTheRecordsRules(t *testing.T) {
	for given, want := range map[string]string{" 42 ": "42", "a\"\\b": "a\"\\b"} {
		if got, err := inspect.Customer(given); err != nil || got != want {
			t.Errorf("Customer(%q) = %q, %v", given, got, err)
		}
	}
	for _, bad := range []string{"", " ", "a\x00", "\xff", string(make([]byte, 300))} {
		if got, err := inspect.Customer(bad); err == nil {
			t.Errorf("Customer(%q) = %q", bad, got)
		}
	}
	at, err := inspect.CreatedAt("2026-01-31 13:00:00+01:00")
	if err != nil || !at.Equal(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("%v, %v", at, err)
	}
}

// Dead letters that can't be read are not known, and the stream is.
func TestACustomersTraceWithoutDeadLetters(t *testing.T) {
	tr, client := tracer(t)
	fillStream(t, client, 4)
	must(t, client.XGroupCreate(t.Context(), "s", "g", "0").Err())
	read := client.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "g", Consumer: "w", Streams: []string{"s", ">"}, Count: 2}).Val()
	settled := read[0].Messages[1].ID // that of customer 1
	must(t, client.XAck(t.Context(), "s", "g", settled).Err())
	must(t, client.Set(t.Context(), "{s}:dead", "x", 0).Err())
	got, err := tr.ByCustomer(t.Context(), inspect.CustomerQuery{CustomerID: "1"})
	must(t, err)
	if got.Matches != 2 || len(got.Ways) != 2 || got.Ways[0].State != inspect.StateUndelivered || got.Ways[1].State != inspect.StateSettled {
		t.Fatalf("%d found, %+v", got.Matches, got.Ways)
	}
	steps := got.Ways[1].Steps
	if last := steps[len(steps)-1]; !strings.Contains(last.Text, "whether there is a dead letter is unknown") && !strings.Contains(last.Text, "whether there is a document is unknown") {
		t.Errorf("%+v", last)
	}
	if len(got.Unread) != 1 || got.Unread[0].Key != "{s}:dead" || !strings.Contains(got.Unread[0].Err.Error(), "WRONGTYPE") {
		t.Errorf("unread: %+v", got.Unread)
	}
	if byID, err := tr.ByID(t.Context(), settled, -1); err != nil || !byID.Found() {
		t.Errorf("by ID: %+v, %v", byID, err)
	}
	for _, key := range []string{"s", "{s}:delayed"} {
		must(t, client.Del(t.Context(), key).Err())
		must(t, client.Set(t.Context(), key, "x", 0).Err())
	}
	if got, err := tr.ByCustomer(t.Context(), inspect.CustomerQuery{CustomerID: "1"}); err == nil {
		t.Errorf("without anything: %+v", got)
	}
}
