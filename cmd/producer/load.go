package main

import (
	"errors"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
)

func loadCommand() *cobra.Command {
	f := &loadFlags{}
	cmd := &cobra.Command{
		Use:     "load FILE|-",
		Short:   "Send the records of a file",
		Long:    loadHelp,
		Example: loadExample,
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return f.load(cmd, args[0]) },
	}
	f.register(cmd.Flags())
	f.complete(cmd)
	return cmd
}

// load loads a file and writes the summary, also of a load that fails.
func (f *loadFlags) load(cmd *cobra.Command, name string) error {
	plan, err := f.plan(name)
	if clash := distinct(plan.file.Name, plan); clash != nil {
		return app.UsageError(errors.Join(err, clash)) // the file to load may be that of the summary
	}
	if plan.preview > 0 {
		plan.summary = "" // which is refused
	}
	to, fault := openSummary(plan.summary, cmd.OutOrStdout())
	if fault != nil {
		return app.UsageError(errors.Join(err, fault))
	}
	l := &loading{cmd: cmd, plan: plan}
	l.sum.Next = plan.file.FromLine
	if err != nil {
		err = app.UsageError(err)
	} else {
		err = l.start(name)
	}
	text, fault := l.summary(err)
	return errors.Join(err, fault, to.write(text))
}

// start opens what the load needs, and loads or shows the file.
func (l *loading) start(name string) (err error) {
	ctx := l.cmd.Context()
	if l.cfg, err = config.Load(); err != nil {
		return err
	}
	l.in, err = openInput(ctx, name, l.cmd.InOrStdin())
	if err != nil && ctx.Err() != nil {
		return l.plan.resumable(ctx, err, l.plan.file.FromLine)
	}
	if err != nil {
		return app.UsageError(err)
	}
	defer l.in.Close()
	if l.plan.preview > 0 {
		return preview(l.cmd, l.cfg, l.in, l.plan)
	}
	defer app.ReserveHeap()()
	log, buffer := app.NewLog(l.cfg, l.cmd.OutOrStdout())
	l.log = log
	return errors.Join(l.run(), buffer.Close())
}
