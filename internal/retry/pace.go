package retry

import (
	"context"
	"time"
)

const (
	// stepsPerSecond is how evenly a Pace spreads its work.
	stepsPerSecond = 10
	// maxLateness is how much time a Pace makes up for after a delay.
	maxLateness = time.Second
)

// Pace spreads work evenly over time. The zero value sets no limit. It is used by one
// goroutine at a time.
type Pace struct {
	PerSecond float64 // 0: no limit
	next      time.Time
}

// Step returns how much work to do between two calls of Await: at most what is given, and at
// least 1.
func (p *Pace) Step(most int) int {
	if p.PerSecond == 0 {
		return most
	}
	return int(min(float64(most), max(1, p.PerSecond/stepsPerSecond)))
}

// Await waits until there is room for n units of work. It returns ctx's error as soon as ctx
// ends.
func (p *Pace) Await(ctx context.Context, n int) error {
	if err := ctx.Err(); err != nil || p.PerSecond == 0 {
		return err
	}
	if now := time.Now(); now.Sub(p.next) > maxLateness {
		p.next = now
	}
	if err := Sleep(ctx, time.Until(p.next)); err != nil {
		return err
	}
	p.next = p.next.Add(time.Duration(float64(n) / p.PerSecond * float64(time.Second)))
	return nil
}
