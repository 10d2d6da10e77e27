package main

import (
	"fmt"
	"math"
)

const (
	barRow   = 32.0
	barGap   = 30.0 // before a group, its heading
	barsTop  = 84.0
	barsLeft = 210.0
)

// bars is the plot of speed and cost: records per second on the left, CPU time
// per record on the right, one row per scenario.
type bars struct {
	*svg
	all         *results
	speed, cost axis
}

func drawBars(all *results) string {
	rows := 0.0
	mostSpeed, mostCost := 0.0, 0.0
	for _, name := range all.names {
		if kindOf(name) != other {
			rows++
			mostSpeed = max(mostSpeed, all.of(name, perSecond))
			mostCost = max(mostCost, all.of(name, workerMicros), all.of(name, redisMicros))
		}
	}
	bottom := barsTop + rows*barRow + 3*barGap
	b := &bars{all: all,
		svg: newSVG(1000, bottom+70, "Records per second, and CPU time per record",
			"Bars of records per second, and of the CPU time of worker and Redis per record, for each scenario; the table has the same figures."),
		speed: newAxis(barsLeft, 310, mostSpeed),
		cost:  newAxis(barsLeft+420, 290, mostCost),
	}
	b.frame(bottom)
	y := barsTop
	for _, group := range []struct {
		kind    kind
		heading string
	}{{counted, "one process, counting sink"}, {onFerret, "one process, FerretDB"}, {several, "several processes, counting sink"}} {
		y = b.group(y, group.kind, group.heading)
	}
	return b.end()
}

// frame draws axes, grids and the legend.
func (b *bars) frame(bottom float64) {
	for _, a := range []struct {
		axis
		label string
	}{{b.speed, "records per second, median"}, {b.cost, "CPU per record in µs, median"}} {
		for _, v := range a.ticks() {
			b.line(a.at(v), barsTop-6, a.at(v), bottom, grid, 1)
			b.text(a.at(v), bottom+18, "middle", faint, `font-size="11"`, shortly(v))
		}
		b.text(a.start+a.length/2, bottom+42, "middle", ink, "", a.label)
	}
	x := 20.0
	for _, l := range []struct{ color, text string }{
		{workerColor, "worker"}, {redisColor, "Redis"}, {ceilingColor, "bare loop"}, {ceilingColor2, "its Redis"},
	} {
		b.rect(x, 46, 14, 12, l.color)
		b.text(x+20, 57, "start", ink, "", l.text)
		x += 50 + 7.5*float64(len(l.text))
	}
	b.line(x, 44, x, 60, ink, 2)
	b.text(x+8, 57, "start", ink, "", "target, computed from this sitting")
}

func (b *bars) group(y float64, want kind, heading string) float64 {
	first := true
	for _, name := range b.all.names {
		if kindOf(name) != want {
			continue
		}
		if first {
			b.text(20, y+18, "start", ink, `font-weight="600"`, heading)
			y, first = y+barGap, false
		}
		b.row(y, name, want)
		y += barRow
	}
	return y
}

func (b *bars) row(y float64, name string, want kind) {
	worker, redis := workerColor, redisColor
	if isCeiling(name) {
		worker, redis = ceilingColor, ceilingColor2
	}
	b.text(barsLeft-10, y+17, "end", ink, "", name)
	speed := b.all.of(name, perSecond)
	b.rect(b.speed.start, y+1, b.speed.at(speed)-b.speed.start, 22, worker)
	label := grouped(speed)
	if ratio := b.all.ratio(name, ceilingOf(name), perSecond); want != several && !math.IsNaN(ratio) && name != ceilingOf(name) {
		label += fmt.Sprintf(" (%.0f%%)", 100*ratio)
	}
	b.text(b.speed.at(speed)+6, y+16, "start", ink, `font-size="11"`, label)
	for i, f := range []figure{workerMicros, redisMicros} {
		top, value := y+1+11*float64(i), b.all.of(name, f)
		b.rect(b.cost.start, top, b.cost.at(value)-b.cost.start, 11, []string{worker, redis}[i])
		b.text(b.cost.at(value)+6, top+9, "start", ink, `font-size="10"`, fmt.Sprintf("%.1f", value))
	}
	b.marks(y, name)
}

// marks draws the targets.
func (b *bars) marks(y float64, name string) {
	for _, t := range targets {
		value := t.absolute(b.all)
		if t.scenario != name || math.IsNaN(value) {
			continue
		}
		switch t.mark {
		case onSpeed:
			b.line(b.speed.at(value), y-2, b.speed.at(value), y+26, ink, 2)
		case onWorker:
			b.line(b.cost.at(value), y-1, b.cost.at(value), y+12, ink, 2)
		case onRedis:
			b.line(b.cost.at(value), y+12, b.cost.at(value), y+25, ink, 2)
		}
	}
}

// shortly formats a number for an axis.
func shortly(v float64) string {
	if v >= 10_000 {
		return fmt.Sprintf("%gk", v/1000)
	}
	return fmt.Sprintf("%g", v)
}
