package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"ingestion/bench/internal/local"
	"ingestion/bench/internal/sink"
)

const defaultDuration = 20 * time.Second

type latencyOptions struct {
	rate, rounds int
	duration     time.Duration
}

// arrivals notes how long records were under way.
type arrivals struct {
	mu   sync.Mutex
	took []time.Duration
}

// see takes a document whose name says when its record was sent.
func (a *arrivals) see(document []byte) {
	now := time.Now()
	name, _ := bsoncore.Document(document).Lookup("name").StringValueOK()
	sent, err := strconv.ParseInt(strings.TrimPrefix(name, "sent "), 10, 64)
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.took = append(a.took, now.Sub(time.Unix(0, sent)))
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.took)
}

func latency(ctx context.Context, out io.Writer, opts latencyOptions) (err error) {
	s, err := newSitting(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for range opts.rounds {
		r, err := s.latencyOnce(ctx, opts)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *sitting) latencyOnce(ctx context.Context, opts latencyOptions) (r result, err error) {
	if err := s.redis.Client.FlushAll(ctx).Err(); err != nil {
		return r, err
	}
	var seen arrivals
	counting, err := sink.Start(seen.see)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, counting.Close()) }()
	what := scenario{name: "latency", level: "INFO", processes: 1}
	sendDone := make(chan error, 1)
	total := int(opts.duration.Seconds() * float64(opts.rate))
	env := what.env(s.redis.Addr, counting.URI(), total)
	started := false
	usage, err := local.RunUntil(ctx, 1, s.worker, env, filepath.Join(s.dir, "log"), func() (bool, error) {
		if !started && s.redis.Client.Exists(ctx, "{"+streamKey+"}:ledger").Val() == 1 {
			started = true
			go func() { sendDone <- s.send(ctx, opts.rate, total) }()
		}
		return seen.count() >= total, nil
	})
	if err != nil {
		return r, err
	}
	if err := <-sendDone; err != nil {
		return r, err
	}
	slices.Sort(seen.took)
	at := func(q float64) float64 {
		return float64(seen.took[min(int(q*float64(total)), total-1)].Microseconds()) / 1000
	}
	return result{
		Scenario: fmt.Sprintf("latency at %d/s", opts.rate), Records: total, PerSecond: float64(opts.rate),
		WorkerMicros: float64(usage.CPU.Microseconds()) / float64(total), PeakRSSMiB: float64(usage.PeakRSS) / (1 << 20),
		P50Millis: at(0.5), P99Millis: at(0.99), P999Millis: at(0.999),
	}, nil
}

// send adds records at an even pace, one by one.
func (s *sitting) send(ctx context.Context, rate, total int) error {
	begin := time.Now()
	for n := range total {
		due := begin.Add(time.Duration(n) * time.Second / time.Duration(rate))
		time.Sleep(time.Until(due))
		body := fmt.Sprintf(`{"customerId":"c-%d","name":"sent %d","email":"ada@mail-host.org","createdAt":"2026-01-01T00:00:00Z"}`,
			n, time.Now().UnixNano())
		if err := s.redis.Client.XAdd(ctx, &redis.XAddArgs{Stream: streamKey, Values: []any{"data", body}}).Err(); err != nil {
			return fmt.Errorf("adding a record: %w", err)
		}
	}
	return nil
}
