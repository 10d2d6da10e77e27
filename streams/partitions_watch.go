package streams

import (
	"context"
	"sync"
	"time"
)

const (
	// MaxWatches is how many partitions of a Cluster are watched at a time, each on a
	// connection of its own.
	MaxWatches = 64
	// watchTurn is how long a partition is watched if there are more.
	watchTurn = 50 * time.Millisecond
)

// watch waits for the cold partitions of a Cluster, which refuses a command on several
// hash slots even if one node has them all. Each call waits for one partition and
// reads at most one entry, which is prefetched.
type watch struct {
	calls sync.WaitGroup
	woken chan struct{} // signals that a call has ended

	found   []finding // guarded by Partitions.mu, as is running
	running int
}

// finding is the result of a call.
type finding struct {
	*part
	batch []Delivery
	err   error
}

// askEach starts calls for the cold partitions, and waits until one of them ends.
func (p *Partitions) askEach(ctx context.Context, max int, wait time.Duration) error {
	p.asked = time.Now()
	cold, all := p.cold(len(p.parts))
	most := MaxWatches
	if p.opts.TakeNoMore {
		most = min(most, max-p.ahead())
	}
	turn := pollSlice
	if !all || len(cold) > most {
		turn = watchTurn
	}
	for _, one := range cold {
		if one.watched {
			continue
		}
		if !p.mayWatch(most) {
			break
		}
		one.watched = true
		p.askFirst = one.index + 1
		p.watch.calls.Go(func() { p.await(ctx, one, turn) })
	}
	if wait == 0 {
		return p.collect(ctx)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-p.watch.woken:
	case <-timer.C:
	}
	return p.collect(ctx)
}

func (p *Partitions) mayWatch(most int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watch.running >= most {
		return false
	}
	p.watch.running++
	return true
}

// await is one call.
func (p *Partitions) await(ctx context.Context, one *part, turn time.Duration) {
	batch, err := one.readNew(ctx, 1, turn)
	one.hold(batch)
	p.mu.Lock()
	p.watch.running--
	p.watch.found = append(p.watch.found, finding{one, batch, err})
	p.mu.Unlock()
	select {
	case p.watch.woken <- struct{}{}:
	default:
	}
}

// collect prefetches what the ended calls have found.
func (p *Partitions) collect(ctx context.Context) error {
	p.mu.Lock()
	found := p.watch.found
	p.watch.found = nil
	p.mu.Unlock()
	var failure error
	for _, f := range found {
		f.watched = false
		if f.err != nil {
			if err := p.backOff(ctx, f.part, f.err); err != nil {
				failure = err
			}
			continue
		}
		f.hot = f.hot || len(f.batch) > 0
		batch := f.accept(ctx, f.batch, false)
		f.release(len(f.batch) - len(batch))
		p.prefetch(batch)
	}
	return failure
}
