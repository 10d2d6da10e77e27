package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"ingestion/bench/internal/load"
	"ingestion/bench/internal/local"
	"ingestion/bench/internal/sink"
)

type drainOptions struct {
	records, rounds int
	only            []string
}

// result is a line of the results.
type result struct {
	Scenario     string  `json:"scenario"`
	Records      int     `json:"records"`
	PerSecond    float64 `json:"recordsPerSecond"`
	WorkerMicros float64 `json:"workerCPUMicrosPerRecord,omitempty"`
	RedisMicros  float64 `json:"redisCPUMicrosPerRecord,omitempty"`
	PeakRSSMiB   float64 `json:"peakRSSMiB,omitempty"`

	P50Millis  float64 `json:"p50Millis,omitempty"`
	P99Millis  float64 `json:"p99Millis,omitempty"`
	P999Millis float64 `json:"p999Millis,omitempty"`
}

// sitting is what all runs have in common.
type sitting struct {
	dir                         string
	worker, ceiling, standalone string
	redis                       *local.Redis
}

func newSitting(ctx context.Context, base string) (*sitting, error) {
	dir, err := os.MkdirTemp(base, "ingestion-bench-")
	if err != nil {
		return nil, err
	}
	s := &sitting{dir: dir}
	programs, err := local.Build(ctx, dir, "ingestion/cmd/worker", "ingestion/bench/ceiling", "ingestion/cmd/standalone")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.worker, s.ceiling, s.standalone = programs[0], programs[1], programs[2]
	if s.redis, err = local.StartRedis(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

func (s *sitting) close() error { return errors.Join(s.redis.Close(), os.RemoveAll(s.dir)) }

func drain(ctx context.Context, out, progress io.Writer, opts drainOptions) (err error) {
	s, err := newSitting(ctx, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	lines := json.NewEncoder(out)
	for round := range opts.rounds {
		for _, what := range chosen(opts.only) {
			r, err := s.measure(ctx, what, opts.records)
			if err != nil {
				return fmt.Errorf("%s: %w", what.name, err)
			}
			fmt.Fprintf(progress, "%d/%d  %-26s %8.0f records/s  worker %5.1f µs  Redis %5.1f µs a record  %4.0f MiB\n",
				round+1, opts.rounds, what.name, r.PerSecond, r.WorkerMicros, r.RedisMicros, r.PeakRSSMiB)
			if err := lines.Encode(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// measure fills the queue and has it worked off once.
func (s *sitting) measure(ctx context.Context, what scenario, records int) (r result, err error) {
	if err := s.redis.Client.FlushAll(ctx).Err(); err != nil {
		return r, err
	}
	if err := load.Fill(ctx, s.redis.Client, what.list, what.keys(), records); err != nil {
		return r, err
	}
	mongoURI, stop, err := s.store(what)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	before, err := s.redis.CPU(ctx)
	if err != nil {
		return r, err
	}
	usage, err := s.work(ctx, what, what.env(s.redis.Addr, mongoURI, records), records)
	if err != nil {
		return r, err
	}
	after, err := s.redis.CPU(ctx)
	perRecord := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(records) }
	return result{
		Scenario: what.name, Records: records,
		PerSecond:    float64(records) / usage.Elapsed.Seconds(),
		WorkerMicros: perRecord(usage.CPU), RedisMicros: perRecord(after - before),
		PeakRSSMiB: float64(usage.PeakRSS) / (1 << 20),
	}, err
}

func (s *sitting) store(what scenario) (uri string, stop func() error, err error) {
	if what.ferret {
		m, err := local.StartMongo(s.standalone)
		if err != nil {
			return "", nil, err
		}
		return m.URI, m.Close, nil
	}
	counting, err := sink.Start(nil)
	if err != nil {
		return "", nil, err
	}
	return counting.URI(), counting.Close, nil
}

func (s *sitting) work(ctx context.Context, what scenario, env []string, records int) (local.Usage, error) {
	program, log := s.worker, filepath.Join(s.dir, "log")
	if what.ceiling {
		program = s.ceiling
	}
	if what.processes == 0 {
		return local.Run(ctx, program, env, log)
	}
	return local.RunUntil(ctx, what.processes, program, env, log, func() (bool, error) {
		var settled int64
		for _, key := range what.keys() {
			ledger, err := s.redis.Client.HGetAll(ctx, "{"+key+"}:ledger").Result()
			if err != nil {
				return false, err
			}
			settled += sumOutcomes(ledger)
		}
		return settled >= int64(records), nil
	})
}
