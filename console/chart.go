package console

import (
	"fmt"
	"math"
	"time"

	"ingestion/internal/plural"
)

// Sizes of a chart in units of its viewBox. Charts are small and many, so that their texts can be
// read on a phone.
const (
	chartWidth, chartHeight = 340.0, 132.0
	chartLeft, chartRight   = 40.0, 8.0
	chartTop, chartBottom   = 10.0, 22.0
)

// point is a value of a period. One that is not known leaves a gap.
type point struct {
	Start time.Time
	Value int64
	Known bool
}

// chart is a column chart of one series.
type chart struct {
	Title   string
	Unit    string // records a minute
	Summary string // what the chart shows, for those who can't see it
	Columns []column
	Ticks   []tick // of the value
	Times   []tick // of the time
	Points  []point
	Base    float64 // y of the value 0

	Width, Height, Left, Right float64
}

// column is a known value.
type column struct {
	X, Y, Width, Height float64
	Text                string
}

// tick is a mark on an axis.
type tick struct {
	At    float64
	Label string
}

// newChart draws periods of a length, whose last one begins at end.
func newChart(title, unit string, points []point, length time.Duration) chart {
	c := chart{Title: title, Unit: unit, Points: points, Base: chartHeight - chartBottom,
		Width: chartWidth, Height: chartHeight, Left: chartLeft, Right: chartWidth - chartRight}
	most := int64(0)
	for _, p := range points {
		if p.Known {
			most = max(most, p.Value)
		}
	}
	top, step := niceScale(most)
	y := func(value int64) float64 { return round(c.Base - (c.Base-chartTop)*float64(value)/float64(top)) }
	for v := int64(0); v <= top; v += step {
		c.Ticks = append(c.Ticks, tick{At: y(v), Label: short(v)})
	}
	width := (c.Right - c.Left) / float64(max(1, len(points)))
	for i, p := range points {
		if p.Known && p.Value > 0 {
			at := y(p.Value)
			c.Columns = append(c.Columns, column{
				X: round(c.Left + float64(i)*width), Y: at, Width: round(max(width-1, .7*width)), Height: round(c.Base - at),
				Text: p.Start.Format("15:04") + ": " + plural.Thousands(p.Value),
			})
		}
	}
	c.addTimes(points, length, width)
	return c
}

// addTimes marks round times: every quarter of an hour, or every six hours.
func (c *chart) addTimes(points []point, length time.Duration, width float64) {
	every := 15 * time.Minute
	if length*time.Duration(len(points)) > 2*time.Hour {
		every = 6 * time.Hour
	}
	for i, p := range points {
		if p.Start.Equal(p.Start.Truncate(every)) {
			c.Times = append(c.Times, tick{At: round(c.Left + float64(i)*width), Label: p.Start.Format("15:04")})
		}
	}
}

// niceScale returns a round number that is at least most, and a round part of it: at most four
// of them.
func niceScale(most int64) (top, step int64) {
	if most <= 2 {
		return 2, 1
	}
	raw := float64(most) / 3
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if factor*unit >= raw {
			step = int64(max(1, factor*unit))
			break
		}
	}
	return (most + step - 1) / step * step, step
}

// short is a number in a few characters: 12, 1.2k, 35M.
func short(n int64) string {
	value, suffix := float64(n), ""
	for _, s := range []string{"k", "M", "G", "T"} {
		if value < 1000 {
			break
		}
		value, suffix = value/1000, s
	}
	if suffix == "" || value >= 100 || value == math.Trunc(value) {
		return fmt.Sprintf("%.0f%s", value, suffix)
	}
	return fmt.Sprintf("%.1f%s", value, suffix)
}

// round keeps the numbers in the page short.
func round(x float64) float64 { return math.Round(x*10) / 10 }
