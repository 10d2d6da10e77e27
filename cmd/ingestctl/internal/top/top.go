// Package top shows the state of the queue live, on the whole terminal.
package top

import (
	"context"
	"errors"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"ingestion/internal/inspect"
)

// Options configures Run.
type Options struct {
	Source  inspect.Source
	Mongo   inspect.Pinger
	Limits  inspect.Limits
	Every   time.Duration // between two readings
	Input   io.Reader     // a terminal, or no key is read
	Output  io.Writer     // a terminal
	Environ []string      // says which colours the terminal has: TERM, COLORTERM, NO_COLOR
}

// Run shows the state until a key ends it, or ctx does, which is no error. However it
// ends, also by a panic, the terminal is as it was before.
func Run(ctx context.Context, opts Options) error {
	return run(ctx, opts, reader{
		status: func() *inspect.Status {
			return inspect.ReadStatus(ctx, opts.Source, inspect.Options{Mongo: opts.Mongo, History: time.Hour})
		},
		past:    func(s span) inspect.History { return inspect.ReadHistory(ctx, opts.Source, s.unit(), s.length()) },
		letters: func() inspect.Letters { return inspect.ReadLetters(ctx, opts.Source, mostLetters) },
	})
}

// reader reads what is shown. Its functions may be called at once.
type reader struct {
	status  func() *inspect.Status
	past    func(s span) inspect.History
	letters func() inspect.Letters
}

func run(ctx context.Context, opts Options, from reader) error {
	program := tea.NewProgram(newModel(opts, from), tea.WithInput(opts.Input), tea.WithOutput(opts.Output),
		tea.WithEnvironment(opts.Environ), tea.WithoutSignalHandler())
	// Not tea.WithContext, which closes the input while it is still being read.
	stop := context.AfterFunc(ctx, program.Quit)
	defer stop()
	_, err := program.Run()
	switch {
	case errors.Is(err, tea.ErrProgramPanic):
		return errors.New("a defect of this program has ended it; what went wrong is printed above")
	case errors.Is(err, tea.ErrInterrupted):
		return nil
	default:
		return err
	}
}
