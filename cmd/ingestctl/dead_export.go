package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"ingestion/cmd/internal/app"
	"ingestion/internal/answer"
	"ingestion/internal/letters"
	"ingestion/internal/plural"
)

const exportHelp = `export writes the bodies of dead letters as they are, oldest first, one on a
line, which "producer load --as-is" sends again byte for byte.

This command is read-only. The bodies contain personal data, unmasked; a file is
readable for its owner only, and replaces an older one when it is complete. A
pipe or a device is written to as it is.

A dead letter that can't be such a line is not in the export, but listed, and
the exit code is 1: an entry that had not exactly one body, and a body that is
blank, has several lines or is not valid UTF-8. --details writes everything
about all dead letters, also about these, as "ingestctl dead list --json" prints
it, with the number of the line in the export.

At the end, export prints the command that deletes what it has read.`

const exportExample = `  ingestctl dead export --output dead.ndjson
  ingestctl dead export --event rejected --output r.ndjson --details r.details
  producer load --as-is dead.ndjson
  ingestctl dead export --customer 42 | jq .email`

// export is a run of the command.
type export struct {
	selected        selection
	output, details string
	json            bool
}

func exportCommand() *cobra.Command {
	var e export
	cmd := &cobra.Command{
		Use:     "export",
		Short:   "Write the bodies of dead letters for \"producer load\"",
		Long:    exportHelp,
		Example: exportExample,
		Args:    cobra.NoArgs,
		RunE:    e.run,
	}
	e.selected.addFilters(cmd)
	cmd.Flags().Int64Var(&e.selected.limit, "limit", 0, "at most `N` dead letters, the oldest of each partition; 0 means no limit")
	cmd.Flags().StringVar(&e.output, "output", "-", "write to this `FILE`; - is standard output")
	cmd.Flags().StringVar(&e.details, "details", "", "write everything about the dead letters to this `FILE`")
	cmd.Flags().BoolVar(&e.json, "json", false, "print a summary as one JSON object; needs --output")
	return cmd
}

func (e *export) run(cmd *cobra.Command, _ []string) error {
	if err := errors.Join(e.selected.check(cmd, false), notEmpty(cmd, "output", "details")); err != nil {
		return app.UsageError(err)
	}
	if e.json && e.output == "-" {
		return app.UsageError(errors.New("--json needs --output: standard output has the bodies"))
	}
	if e.details == "-" && e.output == "-" {
		return app.UsageError(errors.New("--details: standard output has the bodies; name a file"))
	}
	if sameTarget(e.output, e.details) {
		return app.UsageError(errors.New("--output and --details are the same file"))
	}
	s, err := open(cmd.Context(), cmd, nil)
	if err != nil {
		return err
	}
	defer s.close()
	if err := e.selected.Fix(cmd.Context(), s.redis); err != nil {
		return err
	}
	x := exporter{session: s, through: make(letters.Through, s.letters().Partitions())}
	if err := e.write(cmd.Context(), &x); err != nil {
		return err
	}
	return e.finish(s, &x)
}

// write writes both files.
func (e *export) write(ctx context.Context, x *exporter) (err error) {
	out, err := createTarget(e.output, x.session.out)
	if err != nil {
		return err
	}
	defer out.discard()
	details, err := createTarget(e.details, x.session.out)
	if err != nil {
		return err
	}
	defer details.discard()
	x.out, x.details = out, details
	for l, err := range x.session.letters().Selected(ctx, &e.selected.Filter, nil, false) {
		if err == nil && e.selected.limit > 0 && x.read == e.selected.limit {
			break
		}
		if err == nil {
			err = x.write(&l)
		}
		if err != nil {
			return err
		}
	}
	if err := out.keep(); err != nil {
		return err
	}
	return details.keep()
}

// maxListed is how many letters that are not in an export are listed.
const maxListed = 20

// exporter writes letters, and counts them.
type exporter struct {
	session      *session
	out, details io.Writer
	read, lines  int64
	head         int64 // empty lines before the first one
	unfit        int64
	through      letters.Through
}

func (x *exporter) write(l *letters.Letter) error {
	x.read++
	x.through[l.Partition] = l.ID
	detail := struct {
		answer.Letter
		Line *int64 `json:"line"`
	}{Letter: answer.LetterOf(l)}
	if why := letters.NoLine(l); why == "" {
		at, err := x.line(l.Data)
		if err != nil {
			return err
		}
		detail.Line = &at
	} else if x.unfit++; x.unfit <= maxListed {
		fmt.Fprintf(x.session.err, "not exported: %s: %s\n", l.Name, why)
	}
	return answer.Write(x.details, detail, "")
}

// line writes a line and returns its number.
func (x *exporter) line(body string) (int64, error) {
	if x.lines == 0 {
		head := letters.Head(body)
		x.head = int64(len(head))
		body = head + body
	}
	x.lines++
	_, err := io.WriteString(x.out, body+"\n")
	return x.head + x.lines, err
}

// exportSummary is the result of export as JSON.
type exportSummary struct {
	Version  int     `json:"version"`
	Output   string  `json:"output"`
	Details  *string `json:"details"`
	Read     int64   `json:"read"`
	Exported int64   `json:"exported"`
	Unfit    int64   `json:"unfit"`
	// PurgeThrough is what "dead purge --through" takes to delete what was read.
	PurgeThrough *string `json:"purgeThrough"`
}

// finish says what was exported.
func (e *export) finish(s *session, x *exporter) error {
	token := s.letters().Token(string(letters.Purge), &e.selected.Filter, x.through)
	if e.json {
		summary := exportSummary{1, e.output, answer.Text(e.details), x.read, x.lines, x.unfit, answer.Text(token)}
		if err := answer.Write(s.out, summary, ""); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.err, "%s exported\n", plural.Of(x.lines, "dead letter", "dead letters"))
	if token != "" && (x.unfit == 0 || e.details != "") {
		c := change{action: letters.Purge, selected: e.selected}
		c.selected.all = !c.selected.Narrow()
		fmt.Fprintf(s.err, "to delete what was read:\n  %s\n", c.commandLine(token))
	}
	if x.unfit == 0 {
		return nil
	}
	err := fmt.Errorf("%s can't be lines that \"producer load\" takes, and are not in the export", plural.Of(x.unfit, "dead letter", "dead letters"))
	if e.details == "" {
		err = fmt.Errorf("%w; --details FILE writes these too", err)
	}
	return err
}
