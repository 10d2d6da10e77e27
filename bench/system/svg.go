package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The colors of the plots.
const (
	ink, faint, grid            = "#1c2733", "#4a5868", "#dde3ea"
	workerColor, redisColor     = "#2f6f9f", "#b5532a"
	ceilingColor, ceilingColor2 = "#9aa5ad", "#c4ab9f"
)

// svg is an SVG drawing under construction.
type svg struct {
	strings.Builder
	width, height float64
}

// newSVG begins a drawing on a light background. what is the description for
// screen readers.
func newSVG(width, height float64, title, what string) *svg {
	s := &svg{width: width, height: height}
	fmt.Fprintf(s, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" font-family="system-ui, sans-serif" font-size="13" role="img" aria-labelledby="title desc">`+"\n", width, height)
	fmt.Fprintf(s, "<title id=\"title\">%s</title>\n<desc id=\"desc\">%s</desc>\n", html.EscapeString(title), html.EscapeString(what))
	fmt.Fprintln(s, `<rect width="100%" height="100%" fill="#ffffff"/>`)
	s.text(20, 28, "start", ink, `font-size="16" font-weight="600"`, title)
	return s
}

func (s *svg) end() string {
	fmt.Fprintln(s, "</svg>")
	return s.String()
}

func (s *svg) text(x, y float64, anchor, color, more, text string) {
	fmt.Fprintf(s, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s" paint-order="stroke" stroke="#ffffff" stroke-width="2" %s>%s</text>`+"\n", x, y, anchor, color, more, html.EscapeString(text))
}

func (s *svg) rect(x, y, width, height float64, color string) {
	fmt.Fprintf(s, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", x, y, max(width, 0), height, color)
}

func (s *svg) line(x1, y1, x2, y2 float64, color string, width float64) {
	fmt.Fprintf(s, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" stroke="%s" stroke-width="%.1f"/>`+"\n", x1, y1, x2, y2, color, width)
}

// axis maps values from 0 to most to pixels from start on.
type axis struct{ start, length, most, step float64 }

// newAxis rounds the end of the axis up.
func newAxis(start, length, most float64) axis {
	step := niceStep(most / 5)
	return axis{start: start, length: length, most: max(math.Ceil(most/step)*step, step), step: step}
}

func (a axis) at(value float64) float64 { return a.start + value/a.most*a.length }

func (a axis) ticks() []float64 {
	var all []float64
	for v := 0.0; v <= a.most*1.0001; v += a.step {
		all = append(all, v)
	}
	return all
}

// niceStep returns the least of 1, 2, 2.5 and 5 times a power of ten that is at
// least value.
func niceStep(value float64) float64 {
	if !(value > 0) {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(value)))
	for _, f := range []float64{1, 2, 2.5, 5} {
		if f*power >= value {
			return f * power
		}
	}
	return 10 * power
}
