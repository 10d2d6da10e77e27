package streams

import "time"

// Entries that were read beyond what Receive was asked for are prefetched: buffered
// until the next call, and leased meanwhile.

// takePrefetched returns up to max prefetched entries.
func (p *Partitions) takePrefetched(max int) []Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received = time.Now()
	n := min(max, len(p.prefetched))
	batch := p.prefetched[:n:n]
	if p.prefetched = p.prefetched[n:]; len(p.prefetched) == 0 {
		p.prefetched = nil
	}
	return batch
}

func (p *Partitions) prefetch(batch []Delivery) {
	if len(batch) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.prefetched == nil {
		p.prefetched = batch
		return
	}
	p.prefetched = append(p.prefetched, batch...)
}

// ahead is how many entries are prefetched, or may be soon.
func (p *Partitions) ahead() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.watch.running + len(p.prefetched)
	for _, f := range p.watch.found {
		n += len(f.batch)
	}
	return n
}

// buffered lists the prefetched entries.
func (p *Partitions) buffered() []Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Delivery
	all = append(all, p.prefetched...)
	for _, f := range p.watch.found {
		all = append(all, f.batch...)
	}
	return all
}

// takeBuffered empties the buffer and returns its entries to be nacked. It returns
// none if Receive was called within the given time.
func (p *Partitions) takeBuffered(silence time.Duration) []Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.received) < silence {
		return nil
	}
	all := p.prefetched
	p.prefetched = nil
	for i := range p.watch.found {
		all = append(all, p.watch.found[i].batch...)
		p.watch.found[i].batch = nil
	}
	return all
}
