package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/letters"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
)

// show prints what a change would do.
func (c *change) show(s *session, p *letters.Preview) error {
	if c.json {
		return c.report(s, p, letters.Done{}, false)
	}
	w := &fieldPrinter{w: s.out}
	w.line("%s would be %s", plural.Of(p.Matched, "dead letter", "dead letters"), c.done)
	if p.Matched == 0 {
		return w.err
	}
	for _, event := range slices.Sorted(maps.Keys(p.Events)) {
		w.line("  %s  %d", padded(column(event), 18), p.Events[event])
	}
	w.line("  %-18s  %d", "bytes of bodies", p.Bytes)
	w.line("  %-18s  %s", "oldest", p.Oldest.Format(time.RFC3339))
	w.line("  %-18s  %s", "newest", p.Newest.Format(time.RFC3339))
	if len(c.selected.Names) == 0 {
		w.line("for these and no others, add:\n  --through %s", c.token(s, p))
	}
	return w.err
}

func (c *change) token(s *session, p *letters.Preview) string {
	return s.letters().Token(string(c.action), &c.selected.Filter, p.Through)
}

// report prints what a change has done.
func (c *change) report(s *session, p *letters.Preview, done letters.Done, complete bool) error {
	if c.json {
		return c.reportJSON(s, p, done, complete)
	}
	_, err := fmt.Fprintf(s.out, "%s %s\n", plural.Of(done.Changed, "dead letter", "dead letters"), c.done)
	if gone := p.Matched - done.Changed - done.Left; complete && gone > 0 {
		fmt.Fprintf(s.err, "%s no longer there: another command has changed them meanwhile\n", plural.Of(gone, "dead letter was", "dead letters were"))
	}
	return err
}

func (c *change) reportJSON(s *session, p *letters.Preview, done letters.Done, complete bool) error {
	token := c.token(s, p)
	if len(c.selected.Names) > 0 {
		token = ""
	}
	summary := answer.LettersChangeOf(c.action, p, done, token)
	summary.DryRun, summary.Complete = c.dryRun, complete
	return answer.Write(s.out, summary, "")
}

// commandLine is the command that goes on with the rest.
func (c *change) commandLine(token string) string {
	words := []string{"ingestctl", "dead", string(c.action)}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, shellQuoted(value))
		}
	}
	add("--event", strings.Join(c.selected.Events, ","))
	if c.selected.OlderThan > 0 {
		add("--older-than", c.selected.OlderThan.String())
	}
	add("--customer", c.selected.Customer)
	add("--reason", c.selected.Reason)
	if c.selected.all {
		words = append(words, "--all")
	}
	add("--rate", c.rate.text)
	add("--through", token)
	return strings.Join(append(words, "--yes"), " ")
}

// shellQuoted quotes a word for a POSIX shell if it needs that.
func shellQuoted(word string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.,:/~+@%", r)
	}
	if word != "" && word[0] != '~' && strings.TrimFunc(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// changeProgress shows how far a change is.
type changeProgress struct {
	progress
	verb  string
	total int64
	start time.Time
}

func (c *change) progress(s *session, total int64) *changeProgress {
	now := time.Now()
	return &changeProgress{progress{w: s.err, terminal: logging.CanRedraw(s.err), printed: now}, c.done, total, now}
}

func (p *changeProgress) done(n int64) {
	line := fmt.Sprintf("%d of %s %s", n, plural.Of(p.total, "dead letter", "dead letters"), p.verb)
	if took := time.Since(p.start); n > 0 && n < p.total && took > time.Second {
		left := time.Duration(float64(took) / float64(n) * float64(p.total-n)).Round(time.Second)
		line += ", " + strconv.FormatFloat(float64(n)/took.Seconds(), 'f', 0, 64) + "/s, about " + left.String() + " left"
	}
	p.print(line)
}
