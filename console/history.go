package console

import (
	"fmt"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/inspect"
	"ingestion/internal/plural"
	"ingestion/record"
	"ingestion/streams"
)

// span is how far the charts go back.
type span struct {
	Name    string
	Label   string
	Length  time.Duration
	Period  time.Duration // of one column
	Per     string        // what a period is called
	Current bool
}

var spans = []span{
	{Name: "hour", Label: "Last hour", Length: time.Hour, Period: time.Minute, Per: "minute"},
	{Name: "day", Label: "Last day", Length: 24 * time.Hour, Period: 15 * time.Minute, Per: "quarter of an hour"},
}

// past is what the charts of the overview show.
type past struct {
	Err     error // why nothing is known
	Unread  []answer.Unread
	Span    span
	Settled chart
	Charts  []chart  // of the outcomes that occurred
	Absent  []string // the outcomes that did not
	Waiting []chart
	Gaps    int // periods of which nothing is known
	Rows    []pastRow
	Columns []string // of Rows
}

// pastRow is a period in the table.
type pastRow struct {
	Start time.Time
	Cells []string
}

// pastOf prepares the charts of a history by minutes, which ends at a time.
func pastOf(h inspect.History, s span, end time.Time) past {
	p := past{Span: s, Unread: answer.UnreadPartitions(h.Unread)}
	if h.Err != nil && len(h.Unread) == 0 {
		p.Err = h.Err
		return p
	}
	periods := grouped(h.Periods, s, end)
	series := func(value func(*streams.Period) (int64, bool)) []point {
		points := make([]point, len(periods))
		for i := range periods {
			n, known := value(&periods[i].Period)
			points[i] = point{Start: periods[i].Start, Value: n, Known: known && periods[i].seen}
		}
		return points
	}
	draw := func(title, unit, summary string, value func(*streams.Period) (int64, bool)) chart {
		c := newChart(title, unit, series(value), s.Period)
		c.Summary = summaryOf(c.Points, summary)
		p.Columns = append(p.Columns, title)
		return c
	}
	per := "records a " + s.Per
	p.Settled = draw("All settled", per, "sum", func(x *streams.Period) (int64, bool) { return x.Settled(), true })
	for _, o := range record.Outcomes() {
		if !occurred(periods, o) {
			p.Absent = append(p.Absent, o.String())
			continue
		}
		p.Charts = append(p.Charts, draw(o.String(), per, "sum", func(x *streams.Period) (int64, bool) { return x.Outcomes[o], true }))
	}
	p.Waiting = []chart{
		draw("undelivered", "entries", "", func(x *streams.Period) (int64, bool) { return x.Undelivered, x.UndeliveredKnown }),
		draw("pending", "entries", "", func(x *streams.Period) (int64, bool) { return x.Pending, x.PendingKnown }),
		draw("deferred", "records", "", func(x *streams.Period) (int64, bool) { return x.Delayed, x.DelayedKnown }),
		draw("dead letters", "letters kept", "", func(x *streams.Period) (int64, bool) { return x.Dead, x.DeadKnown }),
	}
	p.addRows(periods)
	return p
}

// group is one or more minutes.
type group struct {
	streams.Period
	seen bool // a worker ran in it
}

// grouped sums up minutes to periods, of which the last one contains end. What waited is that of
// the last minute of each.
func grouped(minutes []streams.Period, s span, end time.Time) []group {
	n := int(s.Length / s.Period)
	first := end.UTC().Truncate(s.Period).Add(-time.Duration(n-1) * s.Period)
	groups := make([]group, n)
	for i := range groups {
		groups[i].Start, groups[i].Outcomes = first.Add(time.Duration(i)*s.Period), map[record.Outcome]int64{}
	}
	for _, m := range minutes {
		i := int(m.Start.Sub(first) / s.Period)
		if m.Start.Before(first) || i >= n {
			continue
		}
		g := &groups[i]
		start, outcomes := g.Start, g.Outcomes
		for o, count := range m.Outcomes {
			outcomes[o] += count
		}
		g.Period, g.seen = m, true
		g.Start, g.Outcomes = start, outcomes
	}
	return groups
}

func occurred(periods []group, o record.Outcome) bool {
	for i := range periods {
		if periods[i].Outcomes[o] > 0 {
			return true
		}
	}
	return false
}

// summaryOf says in words what a chart shows. kind is "sum" for what adds up.
func summaryOf(points []point, kind string) string {
	var sum, most int64
	last := -1
	for i, p := range points {
		if p.Known {
			sum, most, last = sum+p.Value, max(most, p.Value), i
		}
	}
	switch {
	case last < 0:
		return "nothing is known"
	case kind == "sum":
		return fmt.Sprintf("%s in all, at most %s", plural.Thousands(sum), plural.Thousands(most))
	case last < len(points)-2: // the period that runs now may not be noted yet
		return fmt.Sprintf("%s at %s, then unknown, at most %s", plural.Thousands(points[last].Value), points[last].Start.Format("15:04"), plural.Thousands(most))
	default:
		return fmt.Sprintf("%s at the end, at most %s", plural.Thousands(points[last].Value), plural.Thousands(most))
	}
}

// addRows adds the newest period first.
func (p *past) addRows(periods []group) {
	all := append(append([]chart{p.Settled}, p.Charts...), p.Waiting...)
	for i := len(periods) - 1; i >= 0; i-- {
		if !periods[i].seen {
			p.Gaps++
			continue
		}
		row := pastRow{Start: periods[i].Start}
		for _, c := range all {
			row.Cells = append(row.Cells, known(c.Points[i].Value, c.Points[i].Known))
		}
		p.Rows = append(p.Rows, row)
	}
}
