package main

import (
	"fmt"
	"slices"
	"strings"
)

// drawMemory draws the worker's resident memory over a run.
func drawMemory(r result) string {
	const left, top, width, height = 80.0, 60.0, 860.0, 240.0
	title := fmt.Sprintf("Resident memory of the worker while it drains %s records", grouped(float64(r.Records)))
	s := newSVG(1000, 370, title, "A curve of MiB over seconds; the page has median and maximum.")
	values := r.Memory.MiB
	step := float64(r.Memory.StepMillis) / 1000
	x := newAxis(left, width, float64(len(values))*step)
	x.most = float64(len(values)) * step // the curve fills the width
	y := newAxis(0, height, slices.Max(values))
	bottom := top + height
	for _, v := range y.ticks() {
		s.line(left, bottom-y.at(v), left+width, bottom-y.at(v), grid, 1)
		s.text(left-8, bottom-y.at(v)+4, "end", faint, `font-size="11"`, shortly(v))
	}
	for _, v := range x.ticks() {
		s.line(x.at(v), bottom, x.at(v), bottom+5, faint, 1)
		s.text(x.at(v), bottom+20, "middle", faint, `font-size="11"`, shortly(v))
	}
	s.text(left+width/2, bottom+48, "middle", ink, "", "seconds since the start of the process")
	s.text(24, top+height/2, "middle", ink, fmt.Sprintf(`transform="rotate(-90 24 %.0f)"`, top+height/2), "MiB")
	var points strings.Builder
	for i, v := range values {
		fmt.Fprintf(&points, "%.1f,%.1f ", x.at((float64(i)+0.5)*step), bottom-y.at(v))
	}
	fmt.Fprintf(s, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", points.String(), workerColor)
	return s.end()
}
