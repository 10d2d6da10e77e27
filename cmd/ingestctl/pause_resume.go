package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"ingestion/internal/answer"
	"ingestion/streams"
)

const resumeHelp = `resume ends a pause: all workers go on within 2 s. It says which pause that was,
or that there was none.

This command changes the queue. It does not ask, since pause undoes it.`

const resumeExample = `  ingestctl resume
  ingestctl resume --dry-run   shows the pause, and does not end it`

func resumeCommand() *cobra.Command {
	var dryRun, asJSON, yes bool
	cmd := &cobra.Command{
		Use:     "resume",
		Short:   "Let paused workers go on (changing)",
		Long:    resumeHelp,
		Example: resumeExample,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := open(cmd.Context(), cmd, nil)
			if err != nil {
				return err
			}
			defer s.close()
			return s.resume(cmd.Context(), dryRun, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as one JSON object")
	pauseApproval(cmd, &dryRun, &yes)
	return cmd
}

func (s *session) resume(ctx context.Context, dryRun, asJSON bool) error {
	end := streams.Resume
	if dryRun {
		end = streams.ReadControl
	}
	was, now, err := end(ctx, s.redis, s.controlKey())
	unknown := errors.Is(err, streams.ErrControlInvalid)
	switch {
	case err != nil && !unknown:
		return err
	case unknown && dryRun:
		fmt.Fprintf(s.err, "warning: the pause would be ended, but what it is is not known: %v\n", err)
	case unknown:
		fmt.Fprintf(s.err, "warning: the pause is ended, but what it was is not known: %v\n", err)
	}
	over := !was.Active(now)
	if asJSON {
		if over {
			was = streams.Control{}
		}
		out := answer.ResumedOf(s.queue(), was)
		out.DryRun = dryRun
		return answer.Write(s.out, out, "")
	}
	if unknown {
		w := &fieldPrinter{w: s.out}
		w.print(resumed(dryRun), s.queue())
		w.print("pause of", "unknown")
		return w.err
	}
	return s.printResumed(was, now, over, dryRun)
}

func (s *session) printResumed(was streams.Control, now time.Time, over, dryRun bool) error {
	w := &fieldPrinter{w: s.out}
	switch {
	case !over:
		w.print(resumed(dryRun), s.queue())
		w.print("pause of", pauseOf(was, now))
	case was.Until.IsZero():
		w.print("not paused", s.queue())
	default:
		w.print("not paused", s.queue())
		w.print("last pause", fmt.Sprintf("of %s, ended at %s", cmp.Or(was.By, "somebody"), was.Until.UTC().Format(time.RFC3339)))
	}
	return w.err
}

// resumed is what the queue is: in a dry run nothing changes.
func resumed(dryRun bool) string {
	if dryRun {
		return "paused"
	}
	return "resumed"
}
