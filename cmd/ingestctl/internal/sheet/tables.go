package sheet

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"github.com/charmbracelet/x/ansi"

	"ingestion/internal/inspect"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
	"ingestion/streams"
)

// workersShown is how many workers `status` lists. `--json` lists all.
const workersShown = 10

// grid is a table without lines. Columns from the second on that are named in right are
// aligned to the right.
func grid(headers []string, rows [][]string, right ...int) string {
	isRight := map[int]bool{}
	for _, col := range right {
		isRight[col] = true
	}
	t := table.New().Border(lipgloss.HiddenBorder()).BorderTop(false).BorderBottom(false).BorderLeft(false).BorderRight(false).
		BorderHeader(false).BorderColumn(false).Wrap(false).Headers(headers...).Rows(rows...).
		StyleFunc(func(row, col int) lipgloss.Style {
			style := lipgloss.NewStyle()
			if row == table.HeaderRow {
				style = heading
			}
			if col > 0 {
				style = style.PaddingLeft(2)
			}
			if isRight[col] {
				style = style.Align(lipgloss.Right)
			}
			return style
		})
	return trimmed(t.Render())
}

// Partitions lists the partitions, at most limit of them: those that need attention
// first. It is empty if there is only one, or none could be read.
func (s Sheet) Partitions(limit int) string {
	all := s.State.Partitions
	if len(all) <= 1 || len(s.State.Accounts()) == 0 {
		return ""
	}
	return s.AllPartitions(limit)
}

// AllPartitions is Partitions, but not empty for a single one.
func (s Sheet) AllPartitions(limit int) string {
	shown := slices.Clone(s.State.Partitions)
	if limit < len(shown) {
		slices.SortStableFunc(shown, func(a, b inspect.Partition) int { return cmp.Compare(urgency(b), urgency(a)) })
		shown = shown[:limit]
	}
	var rows [][]string
	for _, p := range shown {
		rows = append(rows, partitionRow(p))
	}
	text := grid([]string{"PARTITION", "ACCOUNT", "UNDELIVERED", "LAG", "PENDING", "OLDEST", "DELAYED", "DEAD"}, rows, 2, 3, 4, 5, 6, 7)
	if rest := len(s.State.Partitions) - limit; rest > 0 {
		text += "\n" + faint.Render(fmt.Sprintf("and %s in no worse state", plural.Of(rest, "partition", "partitions")))
	}
	return text
}

// urgency orders partitions: those that cannot be read before those that do not balance
// before those that wait for longest.
func urgency(p inspect.Partition) time.Duration {
	const most = time.Duration(math.MaxInt64)
	if p.Err != nil {
		return most
	}
	if p.Verdict() != streams.Balanced {
		return most - 1
	}
	undelivered, _ := p.Age(p.OldestUndelivered)
	pending, _ := p.Age(p.OldestPending)
	return max(undelivered, pending)
}

func partitionRow(p inspect.Partition) []string {
	key := column(p.Key, 16)
	if p.Err != nil {
		return []string{key, bad.Render("down"), "-", "-", "-", "-", "-", "-"}
	}
	pending := unknown
	if p.GroupThere {
		pending = Short(p.Pending)
	}
	return []string{
		key, balance(p.Verdict()), undelivered(p), age(p, p.OldestUndelivered), pending, age(p, p.OldestPending),
		Short(p.Delayed), Short(p.DeadKept),
	}
}

// balance is a verdict in at most 7 columns.
func balance(v streams.Verdict) string {
	switch v {
	case streams.Balanced:
		return good.Render("ok")
	case streams.Unbalanced:
		return bad.Render("wrong")
	default:
		return doubt.Render(unknown)
	}
}

func undelivered(p inspect.Partition) string {
	if p.BacklogUnknown {
		return unknown
	}
	return Short(p.Undelivered)
}

// Workers lists the workers and what they hold, at most limit of them.
func (s Sheet) Workers(limit int) string {
	workers := s.State.Workers()
	var rows [][]string
	for _, w := range workers[:min(limit, len(workers))] {
		rows = append(rows, []string{column(w.Name, 48), workerState(w.State), held(w), idle(w)})
	}
	if len(rows) == 0 {
		rows = append(rows, []string{s.nobody(), "", "", ""})
	}
	text := grid([]string{"WORKER", "STATE", "HOLDS", "IDLE"}, rows, 2, 3)
	if rest := len(workers) - limit; rest > 0 {
		text += "\n" + faint.Render(fmt.Sprintf("and %s that hold no more", plural.Of(rest, "worker", "workers")))
	}
	return text
}

// nobody is what stands in place of workers.
func (s Sheet) nobody() string {
	if s.State.Mute() || s.State.Registered.Err != nil || len(s.State.Accounts()) < len(s.State.Partitions) {
		return unknown
	}
	return "none"
}

func workerState(state inspect.WorkerState) string {
	switch state {
	case inspect.Live:
		return good.Render(string(state))
	case inspect.Idle:
		return string(state)
	case inspect.Unclear:
		return doubt.Render(string(state))
	default:
		return bad.Render(string(state))
	}
}

func held(w inspect.Worker) string {
	if w.Held < 0 {
		return unknown
	}
	return Short(w.Held)
}

func expired(w inspect.Worker) string {
	if w.Held < 0 {
		return unknown
	}
	return Short(w.Stuck)
}

func idle(w inspect.Worker) string {
	if w.Idle < 0 {
		return "-"
	}
	return inspect.Age(w.Idle)
}

// Consumers lists all workers with what they say of themselves.
func (s Sheet) Consumers() string {
	var rows [][]string
	for _, w := range s.State.Workers() {
		version, host := "-", "-"
		if w.Registered != nil {
			version, host = column(w.Registered.Version, 12), column(w.Registered.Host, 24)
		}
		rows = append(rows, []string{column(w.Name, s.columns()-44), workerState(w.State), held(w), expired(w), idle(w), version, host}[:5+2*weigh(s.columns() >= 100)])
	}
	headers := []string{"WORKER", "STATE", "HOLDS", "EXPIRED", "IDLE", "VERSION", "HOST"}[:5+2*weigh(s.columns() >= 100)]
	if len(rows) == 0 {
		rows = [][]string{append([]string{s.nobody()}, make([]string, len(headers)-1)...)}
	}
	return grid(headers, rows, 2, 3, 4)
}

func weigh(holds bool) int {
	if holds {
		return 1
	}
	return 0
}

// Customers lists those who hit their limit most often lately, with a bar each.
func (s Sheet) Customers() string {
	r := s.State.Refused
	switch {
	case s.State.Source.IsList():
		return "Which customers hit their limit is only known of a stream."
	case r.Err != nil:
		return "Which customers hit their limit is unknown: " + logging.Printable(r.Err.Error())
	case len(r.Customers) == 0:
		return "No customer has hit its limit lately."
	}
	names := make([]string, len(r.Customers))
	for i, c := range r.Customers {
		names[i] = column(c.CustomerID, 32)
	}
	const number, gaps = 10, 4
	room := int64(s.columns() - widest(names, len("CUSTOMER")) - number - gaps)
	var rows [][]string
	for i, c := range r.Customers {
		bar := strings.Repeat("█", int(max(1, room*c.Count/max(1, r.Customers[0].Count))))
		rows = append(rows, []string{names[i], about(c), bar})
	}
	return grid([]string{"CUSTOMER", "OVER LIMIT", ""}, rows, 1)
}

// widest is the width of the widest text, but at least so much.
func widest(texts []string, least int) int {
	for _, text := range texts {
		least = max(least, lipgloss.Width(text))
	}
	return least
}

// Letters lists dead letters, the newest first.
func (s Sheet) Letters(l inspect.Letters) string {
	switch {
	case l.Err != nil:
		return "The dead letters are unknown: " + logging.Printable(l.Err.Error())
	case len(l.Letters) == 0:
		return "There are no dead letters."
	}
	names := make([]string, len(l.Letters))
	for i, letter := range l.Letters {
		names[i] = column(letter.CustomerID, 16)
	}
	const age, event, gaps = 5, 17, 6
	room := s.columns() - widest(names, len("CUSTOMER")) - age - event - gaps
	var rows [][]string
	for i, letter := range l.Letters {
		waited := max(0, s.State.At.Sub(streams.ArrivalOf(letter.ID)))
		rows = append(rows, []string{largest(waited), letter.Event, names[i], begin(letter.Reason, room)})
	}
	return grid([]string{"AGE", "EVENT", "CUSTOMER", "REASON"}, rows, 0)
}

// begin is the beginning of a text, in at most width columns.
func begin(text string, width int) string {
	return ansi.Truncate(logging.Printable(text), width, "…")
}
