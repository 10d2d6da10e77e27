package console

import (
	"fmt"
	"strings"
	"time"

	"ingestion/internal/inspect"
	"ingestion/internal/plural"
)

// The geometry of a time line, in units of its drawing.
const (
	lineWidth, lineHeight   = 640, 260
	lineLeft, lineRight     = 56, 16
	lineTop, lineBottom     = 34, 46
	lineColumns             = 60
	windowsBack, windowsFwd = 2, 1
)

// timeline is a chart of a customer's window, from two windows before now to one after it:
// places and refusals by column, and how many places the window that ends there has.
type timeline struct {
	Width, Height           int
	Left, Right, Top, Floor float64 // of the plot
	Bars                    []bar
	Marks                   []mark
	Line                    string // points of the number in the window
	Limit                   *float64
	LimitRecords            int
	WindowFrom, Now         float64
	X, Y                    []tick
	Rows                    []lineRow
	Step                    string
	Later                   int    // places after the last column
	Refusals                string // what is not known of them; ""
	Partial                 bool
	Summary                 string
}

// bar is a column of places.
type bar struct {
	X, Y, Width, Height float64
	Reserved            bool
	Title               string
}

// mark is a refusal.
type mark struct {
	X, Y float64
	Text string
}

// lineRow is a column as a row of a table.
type lineRow struct {
	From               time.Time
	Admitted, Reserved int
	Refused            string // by dead letters
	refused            int
	InWindow           string // in the window that ends with the column
	inWindow           int    // negative if unknown
}

// newTimeline draws the window of a customer that has one.
func newTimeline(w *inspect.CustomerWindow) *timeline {
	window := w.Limit.Window.Milliseconds()
	step := max(1, (windowsBack+windowsFwd)*window/lineColumns)
	from := w.Now - windowsBack*window
	t := &timeline{
		Width: lineWidth, Height: lineHeight, Left: lineLeft, Right: lineWidth - lineRight, Top: lineTop, Floor: lineHeight - lineBottom,
		Step: inspect.Span(time.Duration(step) * time.Millisecond), LimitRecords: w.Limit.Records,
	}
	t.count(w, from, step)
	t.Refusals = refusalWords(w, time.UnixMilli(from))
	top, part := niceScale(int64(t.most(w)))
	x := func(at int64) float64 {
		return round(t.Left + (t.Right-t.Left)*float64(at-from)/float64(step*lineColumns))
	}
	y := func(n int) float64 { return round(t.Floor - (t.Floor-t.Top)*float64(n)/float64(top)) }
	for n := 0; n <= int(top); n += int(part) {
		t.Y = append(t.Y, tick{y(n), short(int64(n))})
	}
	t.WindowFrom, t.Now = x(w.Now-window), x(w.Now)
	t.drawColumns(from, step, x, y)
	t.drawLine(w, from, step, x, y)
	t.drawTimes(w, x)
	t.Summary = fmt.Sprintf("%s; records per %s from %s before now to %s after it", w.PlacesWords(), t.Step, inspect.Span(windowsBack*w.Limit.Window), inspect.Span(windowsFwd*w.Limit.Window))
	return t
}

// count counts places and refusals by column.
func (t *timeline) count(w *inspect.CustomerWindow, from, step int64) {
	t.Rows = make([]lineRow, lineColumns)
	for i := range t.Rows {
		begin := from + int64(i)*step
		t.Rows[i].From = time.UnixMilli(begin)
		end := begin + step
		if end < w.Now-w.Limit.Window.Milliseconds() { // the limiter keeps the places of two windows
			t.Rows[i].InWindow, t.Rows[i].inWindow = "unknown", -1
			continue
		}
		n, exact := w.Count(end-w.Limit.Window.Milliseconds(), end)
		t.Rows[i].inWindow, t.Rows[i].InWindow = n, plural.Thousands(n)
		if !exact {
			t.Rows[i].InWindow, t.Partial = "at least "+plural.Thousands(n), true
		}
	}
	column := func(at int64) *lineRow {
		if i := (at - from) / step; at >= from && i < lineColumns {
			return &t.Rows[i]
		}
		return nil
	}
	for _, p := range w.Around {
		switch row := column(p.At); {
		case row == nil && p.At > w.Now:
			t.Later++
		case row == nil:
		case p.At > w.Now:
			row.Reserved++
		default:
			row.Admitted++
		}
	}
	for i := range t.Rows {
		t.Rows[i].countRefused(w, time.Duration(step)*time.Millisecond)
	}
}

// countRefused says how many records were refused that arrived in the column: none yet if it lies ahead.
func (r *lineRow) countRefused(w *inspect.CustomerWindow, step time.Duration) {
	n, exact := w.Refused.Between(r.From, r.From.Add(step))
	switch r.refused = n; {
	case exact, r.From.UnixMilli() > w.Now:
		r.Refused = plural.Thousands(n)
	case n > 0:
		r.Refused = "at least " + plural.Thousands(n)
	default:
		r.Refused = unknown
	}
}

// refusalWords say what is not known of refusals in a time line that begins at a time; "" if all is.
func refusalWords(w *inspect.CustomerWindow, from time.Time) string {
	since := w.Refused.Since()
	switch {
	case w.RefusalsErr != nil:
		return "Refusals are unknown, since the dead letters could not be read."
	case !w.Refused.Kept():
		return "Refusals are unknown: by its settings (DEAD_LETTERS, RATE_LIMIT_POLICY), the service keeps no dead letters of records over their limit."
	case !since.After(from):
		return ""
	case since.UnixMilli() > w.Now:
		return "Refusals are unknown: the dead letters were trimmed, replayed or deleted."
	default:
		return "Before " + since.UTC().Format("15:04:05") + " UTC, refusals are unknown or more: dead letters of that time were not looked at, or trimmed, replayed or deleted."
	}
}

// most is the largest number to be drawn. The limit is one of them unless that would make all
// else flat.
func (t *timeline) most(w *inspect.CustomerWindow) int {
	most := 1
	for _, row := range t.Rows {
		most = max(most, row.inWindow, row.Admitted+row.Reserved)
	}
	if w.Limit.Records <= 4*most {
		most = max(most, w.Limit.Records)
	}
	return most
}

func (t *timeline) drawColumns(from, step int64, x func(int64) float64, y func(int) float64) {
	for i, row := range t.Rows {
		left, right := x(from+int64(i)*step), x(from+int64(i+1)*step)
		add := func(below, n int, reserved bool, what string) {
			if n > 0 {
				t.Bars = append(t.Bars, bar{
					X: left + 1, Y: y(below + n), Width: round(right - left - 2), Height: round(y(below) - y(below+n)), Reserved: reserved,
					Title: fmt.Sprintf("%s %s from %s UTC on", plural.Thousands(n), what, row.From.UTC().Format("15:04:05.000")),
				})
			}
		}
		add(0, row.Admitted, false, "admitted")
		add(row.Admitted, row.Reserved, true, "reserved")
		if row.refused > 0 {
			t.Marks = append(t.Marks, mark{X: round((left + right) / 2), Y: t.Top - 8, Text: fmt.Sprintf("%s refused from %s UTC on", row.Refused, row.From.UTC().Format("15:04:05.000"))})
		}
	}
}

// drawLine draws how many places are in the window that ends with each column.
func (t *timeline) drawLine(w *inspect.CustomerWindow, from, step int64, x func(int64) float64, y func(int) float64) {
	var points []string
	for i, row := range t.Rows {
		if row.inWindow < 0 {
			continue
		}
		begin, high := from+int64(i)*step, y(row.inWindow)
		points = append(points, fmt.Sprintf("%g,%g %g,%g", x(begin), high, x(begin+step), high))
	}
	t.Line = strings.Join(points, " ")
	if limit := y(w.Limit.Records); limit >= t.Top {
		t.Limit = &limit
	}
}

// drawTimes marks the windows before now and after it.
func (t *timeline) drawTimes(w *inspect.CustomerWindow, x func(int64) float64) {
	for n := -windowsBack; n <= windowsFwd; n++ {
		label := "now"
		ago := time.Duration(n) * w.Limit.Window
		switch {
		case n < 0:
			label = "−" + inspect.Span(-ago)
		case n > 0:
			label = "+" + inspect.Span(ago)
		}
		t.X = append(t.X, tick{x(w.Now + ago.Milliseconds()), label})
	}
}

// WindowWidth is that of the window that ends now, in the drawing.
func (t *timeline) WindowWidth() float64 { return round(t.Now - t.WindowFrom) }

// PlotHeight is that of the plot.
func (t *timeline) PlotHeight() float64 { return t.Floor - t.Top }

// Tip is where the marks of the times end.
func (t *timeline) Tip() float64 { return t.Floor + 4 }
