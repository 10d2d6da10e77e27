package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/plural"
	"ingestion/producer"
	"ingestion/producer/file"
)

// loading is one run of load.
type loading struct {
	cmd  *cobra.Command
	cfg  *config.Config
	log  *slog.Logger
	plan *plan
	in   *input

	bar      *bar
	rejects  *rejects
	rejected int
	crowd    *crowd
	head     file.Head
	sum      producer.Summary
}

// run loads the file and prints the summary.
func (l *loading) run() error {
	ctx := l.cmd.Context()
	var err error
	if l.rejects, err = openRejects(l.plan.rejects, l.plan.file.FromLine > 1); err != nil {
		return app.UsageError(fmt.Errorf("--rejects: %w", err))
	}
	err = l.load(ctx)
	if err = errors.Join(err, l.rejects.close(err == nil)); err != nil {
		return l.plan.resumable(ctx, err, l.sum.Next)
	}
	return l.verdict()
}

func (l *loading) load(ctx context.Context) error {
	l.bar = newBar(l.cmd.ErrOrStderr(), l.in)
	l.crowd = newCrowd(l.cfg)
	f, err := producer.Open(l.in, l.options())
	if err != nil {
		return err
	}
	defer f.Close()
	sink, closeSink, err := l.prepare(ctx, f)
	if err != nil {
		l.sum.Blank = f.Blank()
		return err
	}
	defer closeSink()
	l.rejects.begin(l.head)
	for _, note := range l.plan.mapper.Notes() {
		l.note(note)
	}
	l.sum, err = f.Load(ctx, sink)
	l.bar.finish()
	if err == nil && l.sum.Sent+l.sum.Rejected == 0 {
		l.note(l.plan.without(l.head))
	}
	fmt.Fprintln(l.cmd.ErrOrStderr(), l.line())
	return setup(l.cfg, err)
}

// prepare waits for the file and for Redis at the same time, so that what is wrong with
// one of them is told without waiting for the other.
func (l *loading) prepare(ctx context.Context, f *producer.File) (sink producer.Sink, closeSink func(), err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		if l.head, err = f.Head(ctx); l.head.Empty && err == nil {
			err = errEmpty
		}
		return err
	})
	g.Go(func() (err error) {
		sink, closeSink, err = l.sink(ctx)
		return err
	})
	if err = g.Wait(); err != nil && closeSink != nil {
		closeSink()
	}
	return sink, closeSink, err
}

// sink returns the queue or, in a dry run, nothing that is like one.
func (l *loading) sink(ctx context.Context) (producer.Sink, func(), error) {
	if l.plan.dryRun {
		return nowhere{}, func() {}, nil
	}
	return connect(ctx, l.cfg, l.log, l.plan.batch)
}

// nowhere takes records and drops them.
type nowhere struct{}

func (nowhere) Send(_ context.Context, messages []producer.Message) ([]producer.Receipt, error) {
	return make([]producer.Receipt, len(messages)), nil
}

func (l *loading) options() producer.LoadOptions {
	// If both are on a terminal, the bar replaces the events of the batches.
	quiet := l.plan.dryRun || l.bar.shown() && onTerminal(l.cmd.OutOrStdout())
	o := producer.LoadOptions{
		Options: l.plan.file, Batch: l.plan.batch, Rate: l.plan.rate,
		Validate: l.judge(),
		OnNote:   l.note,
		OnReject: l.reject,
		OnBatch: func(p producer.Progress) {
			l.bar.update(p)
			if !quiet && p.Records > 0 {
				queuedBatch(l.log, p)
			}
		},
	}
	o.Faults = l.faultsOf()
	if l.cfg.QueueMode == config.ModeStream {
		o.Source = l.plan.source
	}
	return o
}

func (l *loading) note(text string) {
	l.bar.clear()
	printNote(l.cmd.ErrOrStderr(), text)
}

// loggedRejects is the number of rejected rows that are logged if there is a file that
// has all of them.
const loggedRejects = 10

func (l *loading) reject(line file.Line, reason error) {
	reason = l.plan.explained(reason)
	l.rejects.add(line, reason)
	l.rejected++
	switch {
	case l.rejects == nil || l.rejected <= loggedRejects:
		l.bar.clear()
		rejectedRow(l.log, line, reason)
	case l.rejected == loggedRejects+1:
		l.bar.clear()
		l.log.Warn("warning", "reason", "more rows are rejected; "+reasonsOf(l.plan.rejects)+" has all of them")
	}
}

// verdict returns an error if more rows were rejected than are allowed.
func (l *loading) verdict() error {
	rows := l.sum.Sent + l.sum.Rejected
	if !l.plan.allowed.exceeded(l.sum.Rejected, rows) {
		return nil
	}
	err := fmt.Errorf("%d of %s rejected; --allow-invalid allows %s", l.sum.Rejected, plural.Of(rows, "row", "rows"), l.plan.allowed)
	if l.plan.rejects == "" {
		return fmt.Errorf("%w; --rejects FILE keeps them", err)
	}
	return fmt.Errorf("%w; they are in %s, the reasons in %s", err, l.plan.rejects, reasonsOf(l.plan.rejects))
}
