package main

import (
	"fmt"
	"html"
	"strings"
)

// plot draws records a second as bars.
func plot(medians []result) string {
	const left, width, row, top = 210, 420, 30, 40
	var rows []result
	most := 1.0
	for _, r := range medians {
		if r.P50Millis == 0 {
			rows = append(rows, r)
			most = max(most, r.PerSecond)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13">`+"\n",
		left+width+110, top+row*len(rows)+10)
	fmt.Fprintln(&b, `<rect width="100%" height="100%" fill="#ffffff"/>`)
	fmt.Fprintf(&b, `<text x="%d" y="24" font-weight="bold">records a second, median</text>`+"\n", left)
	for i, r := range rows {
		y, color := top+row*i, "#2f6f9f"
		if strings.Contains(r.Scenario, "ceiling") {
			color = "#9aa5ad"
		}
		length := r.PerSecond / most * width
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-10, y+16, html.EscapeString(r.Scenario))
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="20" fill="%s"/>`+"\n", left, y+2, length, color)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d">%.0f</text>`+"\n", left+length+8, y+16, r.PerSecond)
	}
	fmt.Fprintln(&b, `</svg>`)
	return b.String()
}
