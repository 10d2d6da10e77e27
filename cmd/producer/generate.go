package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/plural"
	"ingestion/producer"
	"ingestion/record"
)

const generateHelp = `generate writes generated records to the queue until it is stopped.

Each customer in GEN_CUSTOMERS gets GEN_RPM records per minute, each shifted by up
to GEN_JITTER_MS. A fraction of them, GEN_INVALID_RATE, is invalid: broken JSON,
missing fields, bad addresses, bad dates and more. A flag overrides its variable.
Records missed during an outage of Redis are skipped, not sent all at once. If
Redis is still unavailable when --duration has passed, generate exits with code 1
and reports how many records were not sent.

The same --seed always generates the same records. Without it they differ from run
to run, and createdAt begins at the current time.

Each record is logged on standard output as an event "queued". An interruption
(Ctrl-C) is a clean shutdown.`

const generateExample = `  # as configured by the variables, until Ctrl-C
  producer generate

  # 1,000 records of 50 customers at a high rate, one in ten invalid
  producer generate --count 1000 --customers "$(seq -s, 1 50)" --rpm 6000 --invalid-rate 0.1

  # the same records every time, for two minutes
  producer generate --seed 7 --duration 2m`

type generateFlags struct {
	seed        uint64
	count       int
	duration    time.Duration
	customers   []string
	rpm         float64
	jitter      time.Duration
	invalidRate float64
}

func generateCommand() *cobra.Command {
	var f generateFlags
	cmd := &cobra.Command{
		Use:     "generate",
		Short:   "Write generated records at a steady rate",
		Long:    generateHelp,
		Example: generateExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := config.Load()
			if err != nil {
				return err
			}
			opts := f.options(cmd, cfg)
			log, buffer := app.NewLog(cfg, cmd.OutOrStdout())
			return errors.Join(generate(cmd, cfg, log, opts), buffer.Close())
		},
	}
	flags := cmd.Flags()
	flags.Uint64Var(&f.seed, "seed", 0, "generate the same records as every run with this seed")
	flags.IntVar(&f.count, "count", 0, "stop after this many records; 0 means no limit")
	app.DurationVar(flags, &f.duration, "duration", 0, "stop after this time, for example 90s or 1d; 0 means no limit")
	flags.StringSliceVar(&f.customers, "customers", nil, "customer IDs, comma-separated (GEN_CUSTOMERS)")
	flags.Float64Var(&f.rpm, "rpm", 0, "records per minute and customer (GEN_RPM)")
	app.DurationVar(flags, &f.jitter, "jitter", 0, "maximum random shift of each record, for example 500ms (GEN_JITTER_MS)")
	flags.Float64Var(&f.invalidRate, "invalid-rate", 0, "fraction of invalid records, 0 to 1 (GEN_INVALID_RATE)")
	return cmd
}

// options returns the values of the flags, or of the variables if flags are not
// given.
func (f generateFlags) options(cmd *cobra.Command, cfg *config.Config) producer.GeneratorOptions {
	given := cmd.Flags().Changed
	o := producer.GeneratorOptions{
		Customers: cfg.GenCustomers, PerMinute: cfg.GenRPM, Jitter: cfg.GenJitter.Duration(), InvalidRate: cfg.GenInvalidRate,
		Seed: f.seed, Count: f.count, Duration: f.duration,
	}
	if given("customers") {
		o.Customers = f.customers
	}
	if given("rpm") {
		o.PerMinute = f.rpm
	}
	if given("jitter") {
		o.Jitter = f.jitter
	}
	if given("invalid-rate") {
		o.InvalidRate = f.invalidRate
	}
	if !given("seed") {
		o.Seed, o.Epoch = rand.Uint64(), time.Now()
	}
	return o
}

func generate(cmd *cobra.Command, cfg *config.Config, log *slog.Logger, opts producer.GeneratorOptions) error {
	generator, err := producer.NewGenerator(opts)
	if err != nil {
		return app.UsageError(named(err, cmd.Flags().Changed))
	}
	ctx := cmd.Context()
	publisher, closeClient, err := connect(ctx, cfg, log, 0)
	if err != nil {
		return unlessInterrupted(ctx, err)
	}
	defer closeClient()
	begin, sent, invalid := time.Now(), 0, 0
	limited, cancel := within(ctx, opts.Duration)
	defer cancel()
	err = generator.Run(limited, func(ctx context.Context, batch []producer.Generated) error {
		receipts, err := publisher.Publish(ctx, bodiesOf(batch))
		for i, receipt := range receipts {
			if !receipt.Queued {
				continue
			}
			queuedRecord(log, batch[i], receipt)
			sent++
			if batch[i].Want != record.Ingested {
				invalid++
			}
		}
		return err
	})
	t := totals{sent: sent, elapsed: time.Since(begin)}
	t.note(invalid, "of them invalid")
	unsent := generator.Made() - sent
	t.note(unsent, "not sent")
	t.print(cmd.ErrOrStderr())
	if ctx.Err() == nil && limited.Err() != nil {
		err = overdue(err, unsent)
	}
	return unlessInterrupted(ctx, setup(cfg, err))
}

// grace is the time to send the last records after --duration.
const grace = 3 * time.Second

var errOver = errors.New("--duration has passed")

// within limits sending to the duration, if there is one, and grace. Otherwise it
// would never end while Redis is unavailable.
func within(ctx context.Context, duration time.Duration) (context.Context, context.CancelFunc) {
	if duration <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithDeadlineCause(ctx, time.Now().Add(duration).Add(grace), errOver)
}

// overdue returns the error of a run that took longer than the duration and grace.
func overdue(err error, unsent int) error {
	if errors.Is(err, errOver) {
		return fmt.Errorf("%w; %s not sent", err, plural.Of(unsent, "record was", "records were"))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // everything was sent, although late
	}
	return err
}

// unlessInterrupted drops the error of an interruption, which is the usual way to
// end generate.
func unlessInterrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// named replaces the names of options by those of the flags that are given, or else
// of their variables.
func named(err error, given func(flag string) bool) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var all []error
	for _, err := range joined.Unwrap() {
		var option *producer.OptionError
		if errors.As(err, &option) {
			setting := settings[option.Option]
			name := setting.variable
			if given(setting.flag) {
				name = "--" + setting.flag
			}
			err = fmt.Errorf("%s: %s", name, option.Problem)
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// settings has the flag and the variable of each option; some have no variable.
var settings = map[string]struct{ flag, variable string }{
	"Customers":   {"customers", "GEN_CUSTOMERS"},
	"PerMinute":   {"rpm", "GEN_RPM"},
	"Jitter":      {"jitter", "GEN_JITTER_MS"},
	"InvalidRate": {"invalid-rate", "GEN_INVALID_RATE"},
	"Count":       {"count", ""},
	"Duration":    {"duration", ""},
}

func bodiesOf(batch []producer.Generated) [][]byte {
	bodies := make([][]byte, len(batch))
	for i, made := range batch {
		bodies[i] = made.Body
	}
	return bodies
}
