package main

import (
	"os"

	"github.com/spf13/cobra"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "system",
		Short: "Measure the worker as a process, compared with a bare loop of its commands",
		Long: `Measures the built worker on a redis-server of its own, with a MongoDB that only
counts (so that the store is not the bottleneck) or with FerretDB. Each round
refills the queue and runs each scenario once; the report has the medians over the
rounds. Only ratios within one sitting are meaningful: machines are noisy.

Results are JSON lines; progress goes to standard error. See docs/performance.md
for what is measured and how.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newSit(), newDrain(), newLatency(), newPartitions(), newNodes(), newReport())
	return root
}

func newSit() *cobra.Command {
	opts := sitOptions{latency: latencyOptions{rate: defaultRate}}
	command := &cobra.Command{
		Use:   "sit",
		Short: "Run all measurements of docs/performance.md (some 20 minutes on two cores)",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return sit(command.Context(), os.Stderr, opts)
		},
	}
	flags := command.Flags()
	flags.IntVar(&opts.rounds, "rounds", 5, "runs of each scenario")
	flags.IntVar(&opts.records, "records", 300_000, "records per run on the counting sink")
	flags.IntVar(&opts.ferret, "ferret-records", 50_000, "records per run on FerretDB")
	flags.IntVar(&opts.backlog, "backlog", 1_000_000, "records of the run whose memory is measured")
	flags.DurationVar(&opts.latency.duration, "duration", defaultDuration, "how long records are sent to measure latency")
	flags.StringVar(&opts.out, "out", "bench/results/sitting.jsonl", "file for the results")
	return command
}

func newDrain() *cobra.Command {
	var opts drainOptions
	command := &cobra.Command{
		Use:   "drain",
		Short: "Fill the queue and time the worker until it is empty",
		Example: `  go run ./bench/system drain --records 300000 --rounds 5 > results.jsonl
  go run ./bench/system drain --only backlog --records 1000000 --rounds 1
  go run ./bench/system drain --only ferret-ceiling,ferret-stream --records 30000`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return drain(command.Context(), os.Stdout, os.Stderr, opts)
		},
	}
	flags := command.Flags()
	flags.IntVar(&opts.records, "records", 200_000, "records per run")
	flags.IntVar(&opts.rounds, "rounds", 5, "runs of each scenario")
	flags.StringSliceVar(&opts.only, "only", nil, "scenarios to run (default: the quick ones): "+scenarioNames())
	return command
}

func newLatency() *cobra.Command {
	var opts latencyOptions
	command := &cobra.Command{
		Use:   "latency",
		Short: "Measure latency from XADD to storage, at a steady rate",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return measureLatency(command.Context(), os.Stdout, os.Stderr, opts)
		},
	}
	flags := command.Flags()
	flags.IntVar(&opts.rate, "rate", defaultRate, "records per second")
	flags.DurationVar(&opts.duration, "duration", defaultDuration, "duration")
	flags.IntVar(&opts.rounds, "rounds", 1, "runs")
	return command
}

func newReport() *cobra.Command {
	var opts reportOptions
	command := &cobra.Command{
		Use:     "report RESULTS.jsonl",
		Short:   "Print medians as Markdown tables, and draw plots",
		Example: `  go run ./bench/system report bench/results/sitting.jsonl --into docs/performance.md --plots docs`,
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, files []string) error {
			return report(command.OutOrStdout(), files[0], opts)
		},
	}
	command.Flags().StringVar(&opts.into, "into", "", "write the tables between the marks of this page instead of printing them")
	command.Flags().StringVar(&opts.plots, "plots", "", "also draw plots into this directory: "+barsFile+", "+memoryFile)
	return command
}
