package main

import (
	"os"

	"github.com/spf13/cobra"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "system",
		Short: "Measure the worker as a process, beside the bare loop of its commands",
		Long: `Measures the built worker on a redis-server of its own, with a MongoDB that only
counts (so that the store is not the limit) or with FerretDB. Every round fills
the queue anew and runs each scenario once; what is reported is the median over
the rounds. Only ratios within one sitting mean something: machines are noisy.

Results are JSON lines on standard output, progress is on standard error.`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newDrain(), newLatency(), newReport())
	return root
}

func newDrain() *cobra.Command {
	var opts drainOptions
	command := &cobra.Command{
		Use:   "drain",
		Short: "Fill the queue and time the worker until it is empty",
		Example: `  go run ./bench/system drain --records 300000 --rounds 5 > results.jsonl
  go run ./bench/system drain --only stream --records 1000000 --rounds 1
  go run ./bench/system drain --only ferret-ceiling,ferret-stream --records 30000`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return drain(command.Context(), os.Stdout, os.Stderr, opts)
		},
	}
	flags := command.Flags()
	flags.IntVar(&opts.records, "records", 200_000, "records a run")
	flags.IntVar(&opts.rounds, "rounds", 5, "runs of each scenario")
	flags.StringSliceVar(&opts.only, "only", nil, "scenarios to run, instead of those that are quick: "+scenarioNames())
	return command
}

func newLatency() *cobra.Command {
	var opts latencyOptions
	command := &cobra.Command{
		Use:   "latency",
		Short: "Time records from XADD to being durable, at a steady rate",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return latency(command.Context(), os.Stdout, opts)
		},
	}
	flags := command.Flags()
	flags.IntVar(&opts.rate, "rate", 1000, "records a second")
	flags.DurationVar(&opts.duration, "duration", defaultDuration, "how long")
	flags.IntVar(&opts.rounds, "rounds", 1, "runs")
	return command
}

func newReport() *cobra.Command {
	var svg string
	command := &cobra.Command{
		Use:   "report RESULTS.jsonl...",
		Short: "Print medians as a Markdown table, and draw them",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, files []string) error {
			return report(command.OutOrStdout(), files, svg)
		},
	}
	command.Flags().StringVar(&svg, "svg", "", "also draw records a second into this file")
	return command
}
