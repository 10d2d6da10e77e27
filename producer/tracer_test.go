package producer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/producer"
)

// numbering gives each message a number as its trace context, and notes how batches end.
type numbering struct {
	n     int
	begun int // batches
	ends  []string
}

func (n *numbering) Begin(_ context.Context, batch []producer.Message) func([]producer.Receipt, error) {
	n.begun++
	for i := range batch {
		n.n++
		batch[i].TraceParent, batch[i].TraceState = fmt.Sprint("parent-", n.n), fmt.Sprint("state-", n.n)
	}
	return func(receipts []producer.Receipt, err error) {
		queued := 0
		for _, r := range receipts {
			if r.Queued {
				queued++
			}
		}
		n.ends = append(n.ends, fmt.Sprintf("%d of %d queued, failed: %v", queued, len(batch), err != nil))
	}
}

func (n *numbering) wantEnds(t *testing.T, want ...string) {
	t.Helper()
	if fmt.Sprint(n.ends) != fmt.Sprint(want) {
		t.Errorf("batches ended as %q, want %q", n.ends, want)
	}
}

// wantNumbers expects each entry to have its own context.
func wantNumbers(t *testing.T, client redis.UniversalClient, n int) {
	t.Helper()
	entries, err := client.XRange(t.Context(), "s", "-", "+").Result()
	if err != nil || len(entries) != n {
		t.Fatalf("%d entries, %v, want %d", len(entries), err, n)
	}
	for i, e := range entries {
		if e.Values["traceparent"] != fmt.Sprint("parent-", i+1) || e.Values["tracestate"] != fmt.Sprint("state-", i+1) || e.Values["data"] == "" {
			t.Errorf("entry %d is %v", i, e.Values)
		}
	}
}

func TestTracerOfPublish(t *testing.T) {
	client, tracer := connect(t, env.Redis(t).URL()), &numbering{}
	p := publisher(t, client, producer.ToStream("s", 1), producer.Options{Batch: 2, Tracer: tracer})
	if _, err := p.Publish(t.Context(), bodies(0, 5)); err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, client, 5)
	tracer.wantEnds(t, "2 of 2 queued, failed: false", "2 of 2 queued, failed: false", "1 of 1 queued, failed: false")
}

// The caller's messages are its own.
func TestTracerChangesCopies(t *testing.T) {
	client := connect(t, env.Redis(t).URL())
	p := publisher(t, client, producer.ToStream("s", 1), producer.Options{Tracer: &numbering{}})
	messages := []producer.Message{{Body: []byte("{}")}}
	if _, err := p.Send(t.Context(), messages); err != nil || messages[0].TraceParent != "" {
		t.Errorf("%+v, %v", messages, err)
	}
	wantNumbers(t, client, 1)
}

const oneRecord = `{"customerId":"1","name":"A","email":"a@b.co","createdAt":"2024"}` + "\n"

func TestTracerOfLoad(t *testing.T) {
	client, tracer := connect(t, env.Redis(t).URL()), &numbering{}
	p := publisher(t, client, producer.ToStream("s", 1), producer.Options{Tracer: tracer})
	if _, err := producer.Load(t.Context(), strings.NewReader(strings.Repeat(oneRecord, 3)), p, producer.LoadOptions{Batch: 1}); err != nil {
		t.Fatal(err)
	}
	wantNumbers(t, client, 3)
	tracer.wantEnds(t, "1 of 1 queued, failed: false", "1 of 1 queued, failed: false", "1 of 1 queued, failed: false")
}

// Batches that a load gives up are ended too: those in flight when it fails, and those
// that were not sent because of that.
func TestTracerOfFailedLoad(t *testing.T) {
	client, tracer := connect(t, env.Redis(t).URL()), &numbering{}
	if err := client.Set(t.Context(), "s", "no stream", 0).Err(); err != nil {
		t.Fatal(err)
	}
	p := publisher(t, client, producer.ToStream("s", 1), producer.Options{Tracer: tracer})
	if _, err := producer.Load(t.Context(), strings.NewReader(strings.Repeat(oneRecord, 6)), p, producer.LoadOptions{Batch: 2}); err == nil {
		t.Fatal("the load did not fail")
	}
	// How many batches were in flight, and how large, depends on how fast lines were read.
	if len(tracer.ends) == 0 || len(tracer.ends) != tracer.begun {
		t.Errorf("%d batches began, and ended as %q", tracer.begun, tracer.ends)
	}
	for _, end := range tracer.ends {
		if !strings.HasPrefix(end, "0 of ") || !strings.HasSuffix(end, "failed: true") {
			t.Errorf("a batch ended as %q", end)
		}
	}
}
