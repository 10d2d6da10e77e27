package streams

import (
	"context"
	"errors"
	"sync"
	"time"
)

// takeAhead returns what was read ahead.
func (p *Partitions) takeAhead(max int) []Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.received = time.Now()
	n := min(max, len(p.ahead))
	batch := p.ahead[:n:n]
	if p.ahead = p.ahead[n:]; len(p.ahead) == 0 {
		p.ahead = nil
	}
	return batch
}

func (p *Partitions) keepAhead(batch []Delivery) {
	if len(batch) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ahead == nil {
		p.ahead = batch
		return
	}
	p.ahead = append(p.ahead, batch...)
}

// undelivered lists what was read ahead.
func (p *Partitions) undelivered() []Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Delivery
	all = append(all, p.ahead...)
	for _, f := range p.watch.found {
		all = append(all, f.batch...)
	}
	return all
}

// takeUndelivered is for giving back what was read ahead, if the caller has not
// received for so long.
func (p *Partitions) takeUndelivered(silence time.Duration) []Delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.received) < silence {
		return nil
	}
	all := p.ahead
	p.ahead = nil
	for i := range p.watch.found {
		all = append(all, p.watch.found[i].batch...)
		p.watch.found[i].batch = nil
	}
	return all
}

// Try is the partition's.
func (p *Partitions) Try(ctx context.Context, d Delivery) (Delivery, bool, error) {
	tried, ours, err := p.parts[d.partition].Try(ctx, d)
	tried.partition = d.partition
	return tried, ours, err
}

// Settle calls each partition's.
func (p *Partitions) Settle(ctx context.Context, settlements []Settlement) (Settled, error) {
	var mu sync.Mutex
	var all Settled
	err := share(p, settlements, func(s *Settlement) int32 { return s.partition }, func(s *Stream, own []Settlement) error {
		done, err := s.Settle(ctx, own)
		mu.Lock()
		defer mu.Unlock()
		all.add(done)
		return err
	})
	if err != nil {
		return Settled{}, err
	}
	return all, nil
}

// Extend renews the lease on what the caller holds and on what was read ahead or
// taken over. If the caller has not received for ten leases, that is handed back
// instead: another worker may be able to work on it.
func (p *Partitions) Extend(ctx context.Context, held []Delivery) ([]string, error) {
	unwanted := p.takeUndelivered(unwantedLeases * p.parts[0].opts.ClaimIdle)
	handed := p.Nack(ctx, unwanted)
	held = append(p.undelivered(), held...)
	byPartition := split(held, func(d *Delivery) int32 { return d.partition })
	var mu sync.Mutex
	var lost []string
	err := p.each(func(one *part) error {
		own, err := one.Extend(ctx, byPartition[int32(one.index)])
		mu.Lock()
		defer mu.Unlock()
		lost = append(lost, own...)
		return err
	})
	return lost, errors.Join(handed, err)
}

// Nack calls each partition's.
func (p *Partitions) Nack(ctx context.Context, held []Delivery) error {
	return share(p, held, func(d *Delivery) int32 { return d.partition }, func(s *Stream, own []Delivery) error { return s.Nack(ctx, own) })
}

// NackWithDelay calls each partition's.
func (p *Partitions) NackWithDelay(ctx context.Context, held []Delivery) error {
	return share(p, held, func(d *Delivery) int32 { return d.partition }, func(s *Stream, own []Delivery) error { return s.NackWithDelay(ctx, own) })
}

// Close hands back what was read ahead or taken over and not delivered, and
// leaves the groups in which nothing is held.
func (p *Partitions) Close(ctx context.Context) error {
	p.watch.calls.Wait()
	return errors.Join(
		p.Nack(ctx, p.takeUndelivered(0)),
		p.each(func(one *part) error { return one.Close(ctx) }))
}

// Maintain keeps all partitions in order until ctx ends: see Stream.Maintain.
func (p *Partitions) Maintain(ctx context.Context) {
	_ = p.each(func(one *part) error { one.Maintain(ctx); return nil })
}

// each calls do for every partition, all at the same time: a node that hangs
// holds up its own only. The client's pool bounds what goes on in Redis.
func (p *Partitions) each(do func(*part) error) error {
	errs := make([]error, len(p.parts))
	var wait sync.WaitGroup
	for i, one := range p.parts {
		wait.Go(func() { errs[i] = do(one) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// share has each partition do its own of a list, all at the same time.
func share[T any](p *Partitions, list []T, of func(*T) int32, do func(*Stream, []T) error) error {
	if len(list) == 0 {
		return nil
	}
	own := split(list, of)
	if len(own) == 1 {
		return do(p.parts[of(&list[0])].Stream, list)
	}
	return p.each(func(one *part) error {
		if mine := own[int32(one.index)]; len(mine) > 0 {
			return do(one.Stream, mine)
		}
		return nil
	})
}

// split sorts a list by partition and keeps its order within each.
func split[T any](list []T, of func(*T) int32) map[int32][]T {
	own := map[int32][]T{}
	for start := 0; start < len(list); {
		at := of(&list[start])
		end := start + 1
		for end < len(list) && of(&list[end]) == at {
			end++
		}
		if own[at] == nil {
			own[at] = list[start:end:end]
		} else {
			own[at] = append(own[at], list[start:end]...)
		}
		start = end
	}
	return own
}
