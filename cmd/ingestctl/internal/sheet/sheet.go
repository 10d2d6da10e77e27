// Package sheet shows the state of the queue as text: the parts that `status` prints one
// below the other, and `top` one at a time. Words carry everything; colour only helps.
package sheet

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"ingestion/internal/inspect"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/streams"
)

// Width is the number of columns that every part fits into.
const Width = 80

func (s Sheet) columns() int { return max(Width, s.Columns) }

// Sheet is a state, and what was found of it.
type Sheet struct {
	State    *inspect.Status
	Findings []inspect.Finding
	Columns  int // into which texts fit, at least Width; 0: Width
}

// New judges a state.
func New(s *inspect.Status, limits inspect.Limits) Sheet {
	return Sheet{State: s, Findings: s.Findings(limits)}
}

var (
	heading = lipgloss.NewStyle().Bold(true)
	good    = lipgloss.NewStyle().Foreground(lipgloss.Green)
	bad     = lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true)
	doubt   = lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	faint   = lipgloss.NewStyle().Faint(true)
)

// Text is all parts, and what to do in the last line. If height is not 0, only so many
// lines are made: partitions and workers that are in order are left out first.
func (s Sheet) Text(height int) string {
	text := s.text(len(s.State.Partitions), workersShown)
	for partitions, workers := len(s.State.Partitions), workersShown; over(text, height) > 0 && (partitions > fewest || workers > fewest); {
		if partitions > fewest {
			partitions--
		} else {
			workers--
		}
		text = s.text(partitions, workers)
	}
	return cut(text, height)
}

// fewest is how many partitions and workers are shown at least.
const fewest = 1

func (s Sheet) text(partitions, workers int) string {
	parts := []string{s.Title()}
	for _, part := range []string{s.Balance(), s.Partitions(partitions), s.Workers(workers), s.Past(), s.Servers(), s.Verdict()} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "\n\n") + "\n\n" + s.ToDo() + "\n"
}

func over(text string, height int) int {
	if height == 0 {
		return 0
	}
	return strings.Count(text, "\n") - height
}

// cut leaves out lines in the middle of what is still too high.
func cut(text string, height int) string {
	if over(text, height) <= 0 {
		return text
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	head, last := lines[:max(0, height-2)], lines[len(lines)-1]
	return strings.Join(append(head, faint.Render("… make the window higher to see the rest"), last), "\n") + "\n"
}

// Title names the queue and the time; in a second line it says who has paused the queue.
func (s Sheet) Title() string {
	name := "list " + column(s.State.Source.List, 48)
	if !s.State.Source.IsList() {
		name = fmt.Sprintf("%s, group %s, %s", column(streamOf(s.State.Source.Keys), 18), column(s.State.Source.Group, 14),
			plural.Of(len(s.State.Partitions), "partition", "partitions"))
	}
	at := s.State.At.UTC().Format(time.DateTime) + " UTC"
	title := heading.Render(name) + strings.Repeat(" ", max(2, s.columns()-lipgloss.Width(name)-len(at))) + at
	if c := s.State.Control; c.Active {
		title += "\n" + doubt.Render(fmt.Sprintf("PAUSED by %s %s", column(cmp.Or(c.By, "someone"), 40), inspect.PauseEnd(c.Control)))
	}
	return title
}

// streamOf is what the keys of the partitions begin with.
func streamOf(keys []string) string {
	if len(keys) == 1 {
		return keys[0]
	}
	return strings.TrimSuffix(keys[0], ":0")
}

// Verdict lists the findings; empty if there are none.
func (s Sheet) Verdict() string {
	var lines []string
	for _, f := range s.Findings {
		style := map[inspect.Severity]lipgloss.Style{inspect.Error: bad, inspect.Warning: doubt}[f.Severity]
		const word = 9
		text := lipgloss.NewStyle().Width(s.columns() - word).Render(sentence(f))
		lines = append(lines, lipgloss.JoinHorizontal(lipgloss.Top, style.Width(word).Render(strings.ToUpper(string(f.Severity))), text))
	}
	return trimmed(strings.Join(lines, "\n"))
}

func sentence(f inspect.Finding) string {
	text := logging.Printable(f.Text)
	if f.Subject != "" {
		text = column(f.Subject, 44) + ": " + text
	}
	if f.More > 0 {
		text += fmt.Sprintf(" (and %d more likewise)", f.More)
	}
	return text
}

// ToDo is what to do first, in one line.
func (s Sheet) ToDo() string {
	for _, f := range s.Findings {
		if f.Do != "" {
			word := "To do:"
			if f.Severity == inspect.Note {
				word = "Nothing urgent."
			}
			return heading.Render(word) + " " + f.Do + ": " + f.Command
		}
	}
	return "Nothing to do."
}

// column is a text that is safe to print, in at most width columns. What is cut is the
// beginning, since keys and names of workers differ at the end.
func column(text string, width int) string {
	text = cmp.Or(logging.Printable(text), "-")
	shown := text
	for over := ansi.StringWidth(text) - width; ansi.StringWidth(shown) > width; over++ {
		shown = ansi.TruncateLeft(text, over+1, "…")
	}
	return shown
}

// ends are the spaces and the codes of styles at the end of a line.
var ends = regexp.MustCompile(`(?m)(?: |\x1b\[[0-9;]*m)+$`)

// trimmed is a block without spaces at the ends of its lines.
func trimmed(block string) string {
	return ends.ReplaceAllStringFunc(block, func(end string) string { return strings.ReplaceAll(end, " ", "") })
}

// verdict is a word on an account.
func verdict(v streams.Verdict) string {
	switch v {
	case streams.Balanced:
		return good.Render(string(v))
	case streams.Unbalanced:
		return bad.Render(string(v))
	default:
		return doubt.Render(string(v))
	}
}
