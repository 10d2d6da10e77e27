package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"ingestion/bench/internal/load"
	"ingestion/bench/internal/local"
	"ingestion/bench/internal/sink"
	"ingestion/record"
)

// partitionOptions configures the measurement of streams with many partitions.
type partitionOptions struct {
	partitions       []int
	records, rounds  int
	rate             int           // lone records a second
	duration, longer time.Duration // of the sending, and of doing nothing
}

func newPartitions() *cobra.Command {
	var opts partitionOptions
	command := &cobra.Command{
		Use:   "partitions",
		Short: "Measure a stream with many partitions: one full, single records, idle",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return measurePartitions(command.Context(), command.OutOrStdout(), opts)
		},
	}
	flags := command.Flags()
	flags.IntSliceVar(&opts.partitions, "partitions", []int{1, 64, 256}, "numbers of partitions; the first one is the reference")
	flags.IntVar(&opts.records, "records", 200_000, "records in the full partition")
	flags.IntVar(&opts.rounds, "rounds", 5, "runs with a full partition")
	flags.IntVar(&opts.rate, "rate", 50, "single records per second")
	flags.DurationVar(&opts.duration, "duration", defaultDuration, "how long single records are sent")
	flags.DurationVar(&opts.longer, "idle", defaultDuration, "how long the worker is idle")
	return command
}

// measurePartitions prints a table. Each ratio is the median of the ratios
// within a round.
func measurePartitions(ctx context.Context, out io.Writer, opts partitionOptions) (err error) {
	s, err := newSitting(ctx, io.Discard, io.Discard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	rates := map[int][]float64{}
	for range opts.rounds {
		for _, n := range opts.partitions {
			rate, err := s.drainHot(ctx, n, opts.records)
			if err != nil {
				return fmt.Errorf("one of %d partitions: %w", n, err)
			}
			rates[n] = append(rates[n], rate)
		}
	}
	fmt.Fprintf(out, "| partitions | records/s, all in one | vs %d partition | single records: p50 ms | p99 | max | idle: %% of a core |\n|---|---|---|---|---|---|---|\n", opts.partitions[0])
	for _, n := range opts.partitions {
		lone, err := s.loneRecords(ctx, n, opts.rate, opts.duration)
		if err != nil {
			return fmt.Errorf("lone records in %d partitions: %w", n, err)
		}
		idle, err := s.idleShare(ctx, n, opts.longer)
		if err != nil {
			return fmt.Errorf("%d idle partitions: %w", n, err)
		}
		var ratios []float64
		for i, rate := range rates[n] {
			ratios = append(ratios, rate/rates[opts.partitions[0]][i])
		}
		fmt.Fprintf(out, "| %d | %.0f | %.2f | %.1f | %.1f | %.1f | %.2f |\n", n, median(rates[n]), median(ratios), lone.P50, lone.P99, lone.Max, 100*idle)
	}
	return nil
}

func partitioned(n int) scenario { return scenario{level: quiet, processes: 1, partitions: n} }

// hotPartition holds all records of drainHot.
const hotPartition = 0

// drainHot fills one of n partitions with records of its own customers and
// returns how many are settled per second, measured from the first poll that
// finds some settled.
func (s *sitting) drainHot(ctx context.Context, n, records int) (perSecond float64, err error) {
	if err := errors.Join(s.renewRedis(ctx), s.forgetLogs()); err != nil {
		return 0, err
	}
	what := partitioned(n)
	if err := s.fillHot(ctx, what, n, records); err != nil {
		return 0, err
	}
	documents, err := s.store(what, records)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, documents.stop()) }()
	key := what.keys()[hotPartition]
	var begun time.Time
	var first, last int64
	_, err = local.RunUntil(ctx, 1, s.worker, what.env(s.redis.Addr, documents.uri, records), s.log(), func() (bool, error) {
		settled, err := s.redis.Client.HMGet(ctx, "{"+key+"}:ledger", record.Ingested.String()).Result()
		if err != nil || settled[0] == nil {
			return false, err
		}
		fmt.Sscan(fmt.Sprint(settled[0]), &last)
		if begun.IsZero() {
			begun, first = time.Now(), last
		}
		if last < int64(records) {
			return false, nil
		}
		perSecond = float64(last-first) / time.Since(begun).Seconds()
		return true, nil
	})
	return perSecond, err
}

func (s *sitting) fillHot(ctx context.Context, what scenario, n, records int) error {
	key := what.keys()[hotPartition]
	customers := make([]string, 0, load.Customers)
	for i := 0; len(customers) < cap(customers); i++ {
		if id := fmt.Sprintf("customer-%d", i); record.HomePartition(id, n) == hotPartition {
			customers = append(customers, id)
		}
	}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const page = 1000
	for from := 0; from < records; from += page {
		pipe := s.redis.Client.Pipeline()
		for i := from; i < min(records, from+page); i++ {
			customer := customers[i%len(customers)]
			body := fmt.Sprintf(`{"customerId":"%s","name":"Ada Lovelace %d","email":"ada.%d@mail-host.org","createdAt":"%s"}`,
				customer, i, i, start.Add(time.Duration(i)*time.Millisecond).Format("2006-01-02T15:04:05.000Z"))
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: []any{"data", body}})
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return fmt.Errorf("filling %s: %w", key, err)
		}
	}
	return nil
}

// loneRecords sends single records to random ones of n idle partitions and
// measures the time from XADD until the sink has them.
func (s *sitting) loneRecords(ctx context.Context, n, rate int, duration time.Duration) (q quantiles, err error) {
	total := int(duration.Seconds() * float64(rate))
	seen := newArrivals(total)
	counting, err := sink.Start(sink.Options{Each: seen.see})
	if err != nil {
		return q, err
	}
	defer func() { err = errors.Join(err, counting.Close()) }()
	keys := partitioned(n).keys()
	var sending sync.WaitGroup
	defer sending.Wait()
	var failed error
	begun := false
	_, err = s.idle(ctx, n, counting.URI(), func(rest time.Duration) (bool, error) {
		if !begun && rest > 3*time.Second {
			begun = true
			sending.Go(func() {
				tick := time.NewTicker(time.Second / time.Duration(rate))
				defer tick.Stop()
				for range total {
					<-tick.C
					if failed = addTo(ctx, s.redis.Client, keys[rand.IntN(n)], time.Now()); failed != nil {
						return
					}
				}
			})
		}
		return seen.all(), nil
	})
	sending.Wait()
	if err = errors.Join(err, failed); err != nil {
		return q, err
	}
	return seen.latency().FromXADD, nil
}

// idleShare returns the CPU share of an idle worker, as the difference between
// a long run and a short one.
func (s *sitting) idleShare(ctx context.Context, n int, longer time.Duration) (share float64, err error) {
	counting, err := sink.Start(sink.Options{})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, counting.Close()) }()
	const short = 5 * time.Second
	var used []time.Duration
	for _, span := range []time.Duration{short, short + longer} {
		u, err := s.idle(ctx, n, counting.URI(), func(rest time.Duration) (bool, error) { return rest >= span, nil })
		if err != nil {
			return 0, err
		}
		used = append(used, u.CPU)
	}
	return (used[1] - used[0]).Seconds() / longer.Seconds(), nil
}

// idle runs a worker on n empty partitions until done, which gets the time
// since all of them are open.
func (s *sitting) idle(ctx context.Context, n int, mongo string, done func(rest time.Duration) (bool, error)) (local.Usage, error) {
	if err := errors.Join(s.renewRedis(ctx), s.forgetLogs()); err != nil {
		return local.Usage{}, err
	}
	what := partitioned(n)
	last := what.keys()[n-1]
	var open time.Time
	return local.RunUntil(ctx, 1, s.worker, what.env(s.redis.Addr, mongo, 0), s.log(), func() (bool, error) {
		if open.IsZero() {
			if s.redis.Client.Exists(ctx, "{"+last+"}:ledger").Val() == 1 {
				open = time.Now()
			}
			return false, ctx.Err()
		}
		return done(time.Since(open))
	})
}
