package top

import (
	"fmt"
	"strings"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/NimbleMarkets/ntcharts/v2/linechart/timeserieslinechart"
	"github.com/NimbleMarkets/ntcharts/v2/sparkline"

	"ingestion/cmd/ingestctl/internal/sheet"
	"ingestion/record"
)

var (
	bold  = lipgloss.NewStyle().Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
	line  = lipgloss.NewStyle().Foreground(lipgloss.Cyan)
)

// colours of outcomes only help: each has a row of its own.
func colour(o record.Outcome) lipgloss.Style {
	switch {
	case o == record.Ingested:
		return lipgloss.NewStyle().Foreground(lipgloss.Green)
	case o.Refused():
		return lipgloss.NewStyle().Foreground(lipgloss.Red)
	default:
		return lipgloss.NewStyle().Foreground(lipgloss.Yellow)
	}
}

// period is what a chart shows: points between two times.
type period struct {
	points   []point
	from, to time.Time
	step     time.Duration // to which numbers refer: a second, a minute, an hour
}

// columns spreads a value of the points over n columns, as the average per step; a column
// without a point is 0.
func (p period) columns(n int, value func(point) float64) []float64 {
	sums, spent := make([]float64, n), make([]time.Duration, n)
	for _, point := range p.points {
		at := int(int64(n) * int64(point.at.Sub(p.from)) / max(1, int64(p.to.Sub(p.from))))
		if at >= 0 && at < n && point.outcomes != nil {
			sums[at] += value(point)
			spent[at] += point.length
		}
	}
	for i := range sums {
		if spent[i] > 0 {
			sums[i] *= p.step.Seconds() / spent[i].Seconds()
		}
	}
	return sums
}

// throughput has a row for each outcome: what was settled with it most lately, and a chart
// of the time before.
func throughput(p period, width int) string {
	const name, number = 17, 9
	room := max(5, width-name-number-1)
	var rows []string
	for _, o := range record.Outcomes() {
		values := p.columns(room, func(point point) float64 { return point.outcomes[o] })
		chart := sparkline.New(room, 1, sparkline.WithStyle(colour(o)))
		peak := 0.0
		for _, v := range values {
			peak = max(peak, v)
		}
		chart.SetMax(max(peak, 1))
		chart.PushAll(values)
		chart.Draw()
		rows = append(rows, fmt.Sprintf("%-*s%*s %s", name, o, number, lately(p, o), chart.View()))
	}
	return strings.Join(rows, "\n")
}

// lately is the number of the last complete period: the current one has just begun.
func lately(p period, o record.Outcome) string {
	for i := len(p.points) - 1; i >= 0; i-- {
		point := p.points[i]
		if point.outcomes != nil && !point.at.Add(point.length).After(p.to.Add(point.length/2)) {
			return sheet.Short(int64(point.outcomes[o]*p.step.Seconds()/point.length.Seconds() + 0.5))
		}
	}
	return "-"
}

// leastLag is the least width of a chart with room for its axes; half of it the least height.
const leastLag = 16

// lag is a chart of undelivered entries over time.
func lag(p period, width, height int) string {
	most := 1.0
	var known []timeserieslinechart.TimePoint
	for _, point := range p.points {
		if point.undelivered >= 0 && !point.at.Before(p.from) {
			most = max(most, point.undelivered)
			known = append(known, timeserieslinechart.TimePoint{Time: point.at, Value: point.undelivered})
		}
	}
	if width < leastLag || height < leastLag/2 {
		return ""
	}
	if len(known) == 0 {
		return lipgloss.NewStyle().Width(width).Height(height).Render(faint.Render("nothing is known of this time"))
	}
	layout := "15:04"
	switch span := p.to.Sub(p.from); {
	case span > 24*time.Hour:
		layout = "Jan 2"
	case span <= liveLength:
		layout = "15:04:05"
	}
	chart := timeserieslinechart.New(width, height,
		timeserieslinechart.WithTimeRange(p.from, p.to), timeserieslinechart.WithYRange(0, most), timeserieslinechart.WithStyle(line),
		timeserieslinechart.WithAxesStyles(faint, faint), timeserieslinechart.WithXYSteps(2, 2),
		timeserieslinechart.WithXLabelFormatter(func(_ int, at float64) string { return time.Unix(int64(at), 0).UTC().Format(layout) }),
		timeserieslinechart.WithYLabelFormatter(func(_ int, n float64) string { return sheet.Short(int64(n + 0.5)) }))
	for _, point := range known {
		chart.Push(point)
	}
	chart.DrawBraille()
	return chart.View()
}
