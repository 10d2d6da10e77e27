package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"ingestion/bench/internal/load"
	"ingestion/bench/internal/local"
	"ingestion/bench/internal/sink"
	"ingestion/record"
)

// nodeOptions configures the measurement of a Cluster's nodes.
type nodeOptions struct {
	partitions               []int
	masters, records, rounds int
	replicas                 bool
}

func newNodes() *cobra.Command {
	var opts nodeOptions
	command := &cobra.Command{
		Use:   "nodes",
		Short: "Measure what each node of a Cluster, and a worker, spend on a record",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return measureNodes(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), opts)
		},
	}
	flags := command.Flags()
	flags.IntSliceVar(&opts.partitions, "partitions", []int{1, 2, 4, 8, 64}, "numbers of partitions; the first one is the reference")
	flags.IntVar(&opts.masters, "masters", 3, "masters of the Cluster")
	flags.IntVar(&opts.records, "records", 200_000, "records per run")
	flags.IntVar(&opts.rounds, "rounds", 5, "runs of each number of partitions")
	flags.BoolVar(&opts.replicas, "replicas", false, "each master has a replica")
	return command
}

// nodeCost is CPU time in µs for each record, and the speed.
type nodeCost struct {
	perSecond     float64
	worker        float64
	add, work     float64 // of all masters: to add the records, and to process them
	busiest       float64 // add and work of the master with most
	replicas      float64 // of all replicas, for both
	withPartition int     // masters that have one
}

func (c nodeCost) masters() float64 { return c.add + c.work }

// measureNodes prints a table. Each ratio is the median of the ratios within a
// round.
func measureNodes(ctx context.Context, out, progress io.Writer, opts nodeOptions) (err error) {
	s, err := newSitting(ctx, io.Discard, io.Discard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	costs := map[int][]nodeCost{}
	for round := range opts.rounds {
		for _, n := range opts.partitions {
			c, err := s.drainCluster(ctx, n, opts)
			if err != nil {
				return fmt.Errorf("%d partitions: %w", n, err)
			}
			fmt.Fprintf(progress, "%2d  %3d partitions  %8.0f records/s  worker %.1f µs  masters %.1f µs  busiest %.1f µs\n", round+1, n, c.perSecond, c.worker, c.masters(), c.busiest)
			costs[n] = append(costs[n], c)
		}
	}
	fmt.Fprintf(out, "| partitions | masters with one | records/s | vs %d | worker CPU | vs %[1]d | CPU of all masters: add | process | vs %[1]d | busiest master | vs %[1]d | all replicas |\n", opts.partitions[0])
	fmt.Fprintln(out, "|---|---|---|---|---|---|---|---|---|---|---|---|")
	for _, n := range opts.partitions {
		writeNodes(out, n, costs[n], costs[opts.partitions[0]])
	}
	return nil
}

func writeNodes(out io.Writer, n int, costs, reference []nodeCost) {
	of := func(f func(nodeCost) float64) (value, ratio float64) {
		var values, ratios []float64
		for i, c := range costs {
			values, ratios = append(values, f(c)), append(ratios, f(c)/f(reference[i]))
		}
		return median(values), median(ratios)
	}
	speed, faster := of(func(c nodeCost) float64 { return c.perSecond })
	worker, workerRatio := of(func(c nodeCost) float64 { return c.worker })
	add, _ := of(func(c nodeCost) float64 { return c.add })
	work, _ := of(func(c nodeCost) float64 { return c.work })
	_, masters := of(nodeCost.masters)
	busiest, busiestRatio := of(func(c nodeCost) float64 { return c.busiest })
	replicas, _ := of(func(c nodeCost) float64 { return c.replicas })
	fmt.Fprintf(out, "| %d | %d | %s | %.2f | %.1f | %.2f | %.1f | %.1f | %.2f | %.1f | %.2f | %.1f |\n", n, costs[0].withPartition,
		grouped(speed), faster, worker, workerRatio, add, work, masters, busiest, busiestRatio, replicas)
}

// drainCluster fills the partitions of a new Cluster and has a worker process all.
func (s *sitting) drainCluster(ctx context.Context, n int, opts nodeOptions) (c nodeCost, err error) {
	cluster, err := local.StartCluster(ctx, opts.masters, opts.replicas)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, cluster.Close(), s.forgetLogs()) }()
	counting, err := sink.Start(sink.Options{Remember: opts.records})
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, counting.Close()) }()
	what := partitioned(n)
	begun, err := used(ctx, cluster)
	if err != nil {
		return c, err
	}
	if err := load.Fill(ctx, cluster.Client, false, what.keys(), opts.records, load.Later); err != nil {
		return c, err
	}
	filled, err := used(ctx, cluster)
	if err != nil {
		return c, err
	}
	env := append(what.env("", counting.URI(), opts.records), "REDIS_URL="+cluster.URL())
	usage, err := local.RunUntil(ctx, 1, s.worker, env, s.log(), func() (bool, error) {
		settled, err := settledOf(ctx, cluster.Client, what.keys())
		return settled >= int64(opts.records), err
	})
	if err != nil {
		return c, err
	}
	worked, err := used(ctx, cluster)
	if err != nil {
		return c, err
	}
	if got, want := counting.Documents(), int64(load.Good(opts.records)); got != want {
		return c, fmt.Errorf("%d documents, want %d", got, want)
	}
	return costOf(opts, usage, begun, filled, worked, spread(ctx, cluster, what.keys())), nil
}

func costOf(opts nodeOptions, usage local.Usage, begun, filled, worked []time.Duration, with int) nodeCost {
	micros := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 / float64(opts.records) }
	c := nodeCost{perSecond: float64(opts.records) / usage.Elapsed.Seconds(), worker: micros(usage.CPU), withPartition: with}
	for i := range worked {
		all := micros(worked[i] - begun[i])
		if i >= opts.masters {
			c.replicas += all
			continue
		}
		c.add += micros(filled[i] - begun[i])
		c.work += micros(worked[i] - filled[i])
		c.busiest = max(c.busiest, all)
	}
	return c
}

// used is the CPU time of the masters, and then of the replicas.
func used(ctx context.Context, cluster *local.Cluster) ([]time.Duration, error) {
	var all []time.Duration
	for _, list := range [][]*local.Redis{cluster.Masters, cluster.Replicas} {
		for _, r := range list {
			cpu, err := r.CPU(ctx)
			if err != nil {
				return nil, err
			}
			all = append(all, cpu)
		}
	}
	return all, nil
}

// spread is how many masters have a partition.
func spread(ctx context.Context, cluster *local.Cluster, keys []string) int {
	with := map[string]bool{}
	for _, key := range keys {
		if master, err := cluster.Client.MasterForKey(ctx, key); err == nil {
			with[master.Options().Addr] = true
		}
	}
	return len(with)
}

// settledOf counts the settled entries.
func settledOf(ctx context.Context, client redis.Cmdable, keys []string) (n int64, err error) {
	replies := make([]*redis.SliceCmd, len(keys))
	_, err = client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, key := range keys {
			replies[i] = pipe.HMGet(ctx, "{"+key+"}:ledger", record.Ingested.String(), record.Duplicate.String(), record.Malformed.String())
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, reply := range replies {
		for _, value := range reply.Val() {
			var count int64
			if value != nil {
				fmt.Sscan(fmt.Sprint(value), &count)
			}
			n += count
		}
	}
	return n, nil
}
