package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"ingestion/bench/internal/local"
	"ingestion/bench/internal/sink"
	"ingestion/record"
)

const (
	defaultRate     = 1000
	defaultDuration = 20 * time.Second
)

type latencyOptions struct {
	rate, rounds int
	duration     time.Duration
}

func measureLatency(ctx context.Context, out, progress io.Writer, opts latencyOptions) (err error) {
	s, err := newSitting(ctx, out, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for range opts.rounds {
		if err := s.latencyOnce(ctx, opts); err != nil {
			return err
		}
	}
	return nil
}

func (s *sitting) latencyOnce(ctx context.Context, opts latencyOptions) error {
	r, err := s.timeRecords(ctx, opts)
	if err != nil {
		return fmt.Errorf("latency: %w", err)
	}
	fmt.Fprintf(s.progress, "    %s: p50 %.1f ms, p99 %.1f ms, p99.9 %.1f ms, %d of %d sent late\n", r.Scenario,
		r.Latency.FromXADD.P50, r.Latency.FromXADD.P99, r.Latency.FromXADD.P999, r.Latency.Late, r.Records)
	return s.lines.Encode(r)
}

// timeRecords sends records at a steady rate to a running worker and measures
// the time until the sink has them.
func (s *sitting) timeRecords(ctx context.Context, opts latencyOptions) (r result, err error) {
	if err := errors.Join(s.renewRedis(ctx), s.forgetLogs()); err != nil {
		return r, err
	}
	total := int(opts.duration.Seconds() * float64(opts.rate))
	seen := newArrivals(total)
	counting, err := sink.Start(sink.Options{Each: seen.see})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, counting.Close()) }()
	ctx, cancel := context.WithCancelCause(ctx)
	var sending sync.WaitGroup
	defer sending.Wait()
	defer cancel(nil)
	started := false
	what := scenario{level: "INFO", processes: 1}
	env := what.env(s.redis.Addr, counting.URI(), total)
	usage, err := local.RunUntil(ctx, 1, s.worker, env, s.log(), func() (bool, error) {
		if !started && s.redis.Client.Exists(ctx, "{"+streamKey+"}:ledger").Val() == 1 {
			started = true
			sending.Go(func() {
				if err := send(ctx, s.redis.Client, opts.rate, total); err != nil {
					cancel(err)
				}
			})
		}
		return seen.all(), nil
	})
	if err != nil {
		return r, err
	}
	count := func(context.Context) (int64, error) { return counting.Documents(), nil }
	left, err := s.traces(ctx, what, documents{count: count})
	if err != nil {
		return r, err
	}
	return result{
		Scenario: latencyAt(opts.rate), Records: total, PerSecond: float64(opts.rate),
		WorkerMicros: round(float64(usage.CPU.Microseconds())/float64(total), 100),
		PeakRSSMiB:   round(float64(usage.PeakRSS)/(1<<20), 10),
		Latency:      seen.latency(),
	}, left.verify(what, counts{record.Ingested: int64(total)})
}

func latencyAt(rate int) string { return fmt.Sprintf("latency at %d/s", rate) }
