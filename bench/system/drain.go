package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"ingestion/bench/internal/load"
	"ingestion/bench/internal/local"
)

type drainOptions struct {
	records, rounds int
	only            []string
}

// sitting holds what all runs share.
type sitting struct {
	dir                         string
	worker, ceiling, standalone string
	redis                       *local.Redis
	lines                       *json.Encoder
	progress                    io.Writer
}

// newSitting builds the programs and starts Redis. Results are written to out.
func newSitting(ctx context.Context, out, progress io.Writer) (*sitting, error) {
	dir, err := os.MkdirTemp("", "ingestion-bench-")
	if err != nil {
		return nil, err
	}
	s := &sitting{dir: dir, lines: json.NewEncoder(out), progress: progress}
	programs, err := local.Build(ctx, dir, "ingestion/cmd/worker", "ingestion/bench/ceiling", "ingestion/cmd/standalone")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.worker, s.ceiling, s.standalone = programs[0], programs[1], programs[2]
	if s.redis, err = local.StartRedis(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.lines.Encode(heading{thisMachine(ctx, s.redis)}); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *sitting) close() error { return errors.Join(s.redis.Close(), os.RemoveAll(s.dir)) }

// renewRedis restarts Redis: in a flushed one, memory and cleanup of the
// previous data would be charged to the next run.
func (s *sitting) renewRedis(ctx context.Context) error {
	if err := s.redis.Close(); err != nil {
		return err
	}
	fresh, err := local.StartRedis(ctx)
	if err == nil {
		s.redis = fresh
	}
	return err
}

func drain(ctx context.Context, out, progress io.Writer, opts drainOptions) (err error) {
	s, err := newSitting(ctx, out, progress)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	for round := range opts.rounds {
		for _, what := range inTurn(chosen(opts.only), round) {
			if err := s.drainOnce(ctx, round, what, opts.records); err != nil {
				return err
			}
		}
	}
	return nil
}

// drainOnce measures a scenario once and writes the result.
func (s *sitting) drainOnce(ctx context.Context, round int, what scenario, records int) error {
	r, err := s.measure(ctx, what, records)
	if err != nil {
		return fmt.Errorf("%s: %w", what.name, err)
	}
	fmt.Fprintf(s.progress, "%2d  %-26s %8.0f records/s  worker %5.1f µs  Redis %5.1f µs per record  %4.0f MiB\n",
		round+1, what.name, r.PerSecond, r.WorkerMicros, r.RedisMicros, r.PeakRSSMiB)
	return s.lines.Encode(r)
}

// measure fills the queue and drains it once.
func (s *sitting) measure(ctx context.Context, what scenario, records int) (r result, err error) {
	if err := errors.Join(s.renewRedis(ctx), s.forgetLogs()); err != nil {
		return r, err
	}
	if err := load.Fill(ctx, s.redis.Client, what.list, what.keys(), records, what.repeated(), what.fields()...); err != nil {
		return r, err
	}
	documents, err := s.store(what, records)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, documents.stop()) }()
	env := what.env(s.redis.Addr, documents.uri, records)
	if what.spans {
		spans := newCollector()
		defer spans.Close()
		env = append(env, "OTEL_EXPORTER_OTLP_ENDPOINT="+spans.URL)
	}
	before, err := s.redis.CPU(ctx)
	if err != nil {
		return r, err
	}
	usage, err := s.work(ctx, what, env, records)
	if err != nil {
		return r, err
	}
	after, err := s.redis.CPU(ctx)
	perRecord := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(records) }
	r = result{
		Scenario: what.name, Records: records,
		PerSecond:    round(float64(records)/usage.Elapsed.Seconds(), 1),
		WorkerMicros: round(perRecord(usage.CPU), 100), RedisMicros: round(perRecord(after-before), 100),
		PeakRSSMiB: round(float64(usage.PeakRSS)/(1<<20), 10),
	}
	if what.series {
		r.Memory = memoryOf(usage.RSS)
	}
	if err != nil {
		return r, err
	}
	left, err := s.traces(ctx, what, documents)
	if err != nil {
		return r, err
	}
	return r, left.verify(what, made(records))
}

func (s *sitting) work(ctx context.Context, what scenario, env []string, records int) (local.Usage, error) {
	program := s.worker
	if what.ceiling {
		program = s.ceiling
	}
	if what.processes == 0 {
		return local.Run(ctx, program, env, s.log())
	}
	return local.RunUntil(ctx, what.processes, program, env, s.log(), func() (bool, error) {
		settled, err := s.ledger(ctx, what)
		return settled.sum() >= int64(records), err
	})
}
