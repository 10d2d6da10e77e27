package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/producer"
	"ingestion/record"
)

const loadHelp = `load writes the records of a file to the queue, in order. "-" is standard input.

The file has one JSON object per line (NDJSON), or is CSV with a header such as
customerId,name,email,createdAt, separated by comma, semicolon or tab; other
columns become other fields. The format is detected from the first line. A .csv or
.tsv file whose header names none of the four fields is an error unless --format
is given. The file may be compressed with gzip. Blank lines are skipped.

Records are sent unchanged and validated by the worker. With --validate, invalid
records are reported and skipped.

If load is interrupted or fails, it exits with code 1 and prints the line to
continue from: all records before that line are queued, and records that are sent
again are harmless.

Each batch is logged on standard output as an event "queued" with its count.`

const loadExample = `  producer load customers.ndjson
  producer load customers.csv --validate --rate 500
  zcat export.gz | producer load -

  # after "continue with --from-line 40001"
  producer load customers.ndjson --from-line 40001`

type loadFlags struct {
	format   string
	rate     float64
	fromLine int
	validate bool
	batch    int
}

func loadCommand() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:     "load FILE|-",
		Short:   "Send the records of a file",
		Long:    loadHelp,
		Example: loadExample,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(); err != nil {
				return app.UsageError(err)
			}
			cfg, err := config.Load()
			if err != nil {
				return err
			}
			in, err := openInput(cmd.Context(), args[0], cmd.InOrStdin())
			if err != nil && cmd.Context().Err() != nil {
				return f.resumable(cmd.Context(), err, f.fromLine)
			}
			if err != nil {
				return app.UsageError(err)
			}
			defer in.Close()
			log, buffer := app.NewLog(cfg, cmd.OutOrStdout())
			return errors.Join(load(cmd, cfg, log, in, f), buffer.Close())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "", "ndjson or csv; detected by default")
	flags.Float64Var(&f.rate, "rate", 0, "maximum records per second; 0 means no limit")
	flags.IntVar(&f.fromLine, "from-line", 1, "line of the file to begin with; the first is 1")
	flags.BoolVar(&f.validate, "validate", false, "report and skip invalid records")
	flags.IntVar(&f.batch, "batch", 500, "maximum records in one batch")
	return cmd
}

func (f loadFlags) check() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	format := producer.Format(f.format)
	fault(format != producer.Detect && format != producer.NDJSON && format != producer.CSV, "--format: %q is neither ndjson nor csv", f.format)
	if err := producer.CheckRate(f.rate); err != nil {
		faults = append(faults, fmt.Errorf("--rate: %w", err))
	}
	fault(f.fromLine < 1, "--from-line: %d is out of range: the first line is 1", f.fromLine)
	fault(f.batch < 1 || f.batch > 10_000, "--batch: %d is out of range: want 1 to 10000", f.batch)
	return errors.Join(faults...)
}

func load(cmd *cobra.Command, cfg *config.Config, log *slog.Logger, in *input, f loadFlags) error {
	ctx := cmd.Context()
	publisher, closeClient, err := connect(ctx, cfg, log, f.batch)
	if err != nil {
		return f.resumable(ctx, err, f.fromLine)
	}
	defer closeClient()
	bar := newBar(cmd.ErrOrStderr(), in)
	sum, err := producer.Load(ctx, in, publisher, f.options(cfg, log, bar, cmd, in.name))
	bar.finish()
	t := totals{sent: sum.Sent, elapsed: sum.Elapsed}
	t.note(sum.Skipped, "skipped")
	t.note(sum.Blank, "blank lines")
	t.print(cmd.ErrOrStderr())
	return f.resumable(ctx, setup(cfg, err), sum.Next)
}

func (f loadFlags) options(cfg *config.Config, log *slog.Logger, bar *bar, cmd *cobra.Command, name string) producer.LoadOptions {
	// If both are on a terminal, the bar replaces the events of the batches.
	quiet := bar.shown() && onTerminal(cmd.OutOrStdout())
	o := producer.LoadOptions{
		ReaderOptions: producer.ReaderOptions{Format: producer.Format(f.format), Name: name, FromLine: f.fromLine},
		Batch:         f.batch,
		Rate:          f.rate,
		OnBatch: func(p producer.Progress) {
			bar.update(p)
			if !quiet {
				queuedBatch(log, p)
			}
		},
	}
	if f.validate {
		decoder := record.Decoder{MaxBytes: cfg.MaxRecordBytes}
		o.Validate = func(body []byte) error { _, err := decoder.Decode(body); return err }
		o.OnSkip = func(line int, reason error) {
			bar.clear()
			skipped(log, line, reason)
		}
	}
	return o
}

// resumable adds to an error the line to continue from.
func (f loadFlags) resumable(ctx context.Context, err error, next int) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return fmt.Errorf("interrupted; continue with --from-line %d", next)
	}
	if errors.Is(err, producer.ErrNoHeader) {
		return fmt.Errorf("%w; add a header, or send each line unchanged with --format ndjson", err)
	}
	var unreadable *producer.LineError
	if errors.As(err, &unreadable) {
		if unreadable.BadRecord {
			return fmt.Errorf("%w; fix it and continue with --from-line %d, or skip it with --from-line %d", err, next, unreadable.Line+1)
		}
		return fmt.Errorf("%w; once the file is complete, continue with --from-line %d", err, next)
	}
	if next == f.fromLine {
		return err // nothing was sent: the same command can be repeated
	}
	return fmt.Errorf("%w; continue with --from-line %d", err, next)
}
