package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"ingestion/cmd/internal/app"
	"ingestion/internal/config"
	"ingestion/internal/plural"
)

// line is the result in a line for people.
func (l *loading) line() string {
	var b strings.Builder
	if l.plan.dryRun {
		fmt.Fprintf(&b, "producer: dry run: %s would be sent", plural.Of(l.sum.Sent, "record", "records"))
	} else {
		fmt.Fprintf(&b, "producer: %s sent in %v", plural.Of(l.sum.Sent, "record", "records"), shown(l.sum.Elapsed))
		if seconds := l.sum.Elapsed.Seconds(); seconds > 0 && l.sum.Sent > 0 {
			fmt.Fprintf(&b, ", %.0f/s", float64(l.sum.Sent)/seconds)
		}
	}
	if l.sum.Rejected > 0 {
		fmt.Fprintf(&b, ", %d rejected", l.sum.Rejected)
	}
	if l.sum.Blank > 0 {
		fmt.Fprintf(&b, ", %s", plural.Of(l.sum.Blank, "blank line", "blank lines"))
	}
	if n := l.crowd.count(); n > 0 {
		fmt.Fprintf(&b, ", %d over the limit of their customers", n)
	}
	return b.String()
}

// shown rounds a time to milliseconds, or to microseconds if it is shorter.
func shown(d time.Duration) time.Duration {
	if d < time.Millisecond {
		return d.Round(time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

// summary is the result for programs.
type summary struct {
	File      string  `json:"file"` // "-" is standard input
	Format    string  `json:"format,omitempty"`
	Queue     string  `json:"queue,omitempty"`
	DryRun    bool    `json:"dryRun"`
	Rows      int     `json:"rows"`
	Sent      int     `json:"sent"` // in a dry run, those that would be sent
	Rejected  int     `json:"rejected"`
	Blank     int     `json:"blankLines"`
	OverLimit int     `json:"overLimit"` // of the sent ones, those that the limiter is likely to refuse
	NextLine  int     `json:"nextLine"`
	Seconds   float64 `json:"seconds"`
	ExitCode  int     `json:"exitCode"`
	Error     string  `json:"error,omitempty"`
}

// summary returns the result of a run that ended with this error, or nil, as JSON.
func (l *loading) summary(result error) ([]byte, error) {
	s := summary{
		File: cmp.Or(l.plan.file.Name, "-"), Format: string(l.head.Format), DryRun: l.plan.dryRun,
		Rows: l.sum.Sent + l.sum.Rejected, Sent: l.sum.Sent, Rejected: l.sum.Rejected, Blank: l.sum.Blank,
		OverLimit: l.crowd.count(), NextLine: l.sum.Next, Seconds: l.sum.Elapsed.Seconds(),
		ExitCode: app.ExitCode(result),
	}
	if !l.plan.dryRun && l.cfg != nil {
		s.Queue = l.cfg.StreamKey
		if l.cfg.QueueMode == config.ModeList {
			s.Queue = l.cfg.QueueKey
		}
	}
	if result != nil {
		s.Error = result.Error()
	}
	text, err := json.Marshal(s)
	return append(text, '\n'), err
}
