package streams

import (
	"context"
	"sync"
	"time"
)

const (
	// MaxWatches is how many partitions of a Cluster are waited for at a time, each
	// on a connection of its own.
	MaxWatches = 64
	// watchTurn is how long a partition is waited for where there are more.
	watchTurn = 50 * time.Millisecond
)

// watch waits for the cold partitions of a Cluster, which refuses a command on
// several slots even if one node has them all. Each call waits for one of them
// and takes one entry at most; that is leased, and handed back in the end if
// nobody has received it.
type watch struct {
	calls sync.WaitGroup
	woken chan struct{} // something was found

	found   []finding // guarded by Partitions.mu, as is running
	running int
}

// finding is how a call ended.
type finding struct {
	*part
	batch []Delivery
	err   error
}

// askEach has calls wait for the cold partitions, and waits for the first that
// finds something.
func (p *Partitions) askEach(ctx context.Context, max int, wait time.Duration) error {
	p.asked = time.Now()
	cold, all := p.cold(len(p.parts))
	most := MaxWatches
	if p.opts.TakeNoMore {
		most = min(most, max-p.lead())
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
		p.watch.calls.Go(func() { p.wait(ctx, one, turn) })
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

func (p *Partitions) wait(ctx context.Context, one *part, turn time.Duration) {
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

// collect takes in what the calls have found.
func (p *Partitions) collect(ctx context.Context) error {
	p.mu.Lock()
	found := p.watch.found
	p.watch.found = nil
	p.mu.Unlock()
	var failure error
	for _, f := range found {
		f.watched = false
		if f.err != nil {
			if err := p.failed(ctx, f.part, f.err); err != nil {
				failure = err
			}
			continue
		}
		f.hot = f.hot || len(f.batch) > 0
		batch := f.took(ctx, f.batch, false)
		f.letGo(len(f.batch) - len(batch))
		p.keepAhead(batch)
	}
	return failure
}

// lead is how much was read ahead, or may be soon.
func (p *Partitions) lead() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.watch.running + len(p.ahead)
	for _, f := range p.watch.found {
		n += len(f.batch)
	}
	return n
}
