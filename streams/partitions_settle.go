package streams

import (
	"context"
	"errors"
	"sync"
	"time"
)

// BeginAttempt calls the partition's BeginAttempt.
func (p *Partitions) BeginAttempt(ctx context.Context, d Delivery) (Delivery, bool, error) {
	begun, held, err := p.parts[d.partition].BeginAttempt(ctx, d)
	begun.partition = d.partition
	return begun, held, err
}

// Settle settles the deliveries of all partitions concurrently. Since the caller
// repeats all of it after an error in one partition, deliveries are held until all
// partitions have succeeded.
func (p *Partitions) Settle(ctx context.Context, settlements []Settlement) (Settled, error) {
	var mu sync.Mutex
	var all Settled
	ended := map[*Stream]int{}
	err := distribute(p, settlements, partitionOfSettlement, func(s *Stream, own []Settlement) error {
		done, err := s.settle(ctx, own)
		mu.Lock()
		defer mu.Unlock()
		all.add(done)
		ended[s] = len(own) - len(done.Kept)
		return err
	})
	if err != nil {
		return Settled{}, err
	}
	for s, n := range ended {
		s.release(n)
	}
	return all, nil
}

// Extend renews the leases of the caller's deliveries and of buffered entries. If
// the caller has not called Receive for ten leases, it nacks the buffered ones
// instead: another worker may be able to process them.
func (p *Partitions) Extend(ctx context.Context, held []Delivery) ([]string, error) {
	nacked := p.nackBuffered(ctx, bufferLeases*p.parts[0].opts.ClaimIdle)
	byPartition := split(append(p.buffered(), held...), partitionOf)
	var mu sync.Mutex
	var lost []string
	err := p.each(func(one *part) error {
		own, err := one.Extend(ctx, byPartition[int32(one.index)])
		mu.Lock()
		defer mu.Unlock()
		lost = append(lost, own...)
		return err
	})
	return lost, errors.Join(nacked, err)
}

// Nack returns the deliveries of all partitions concurrently. Like Settle it releases
// none of them after an error.
func (p *Partitions) Nack(ctx context.Context, held []Delivery) error {
	return p.nackHeld(ctx, held, p.parts[0].opts.ClaimIdle)
}

// NackWithDelay is Nack for entries that can't be processed for now: they are
// claimed again, by any worker, only after a whole lease.
func (p *Partitions) NackWithDelay(ctx context.Context, held []Delivery) error {
	return p.nackHeld(ctx, held, 0)
}

func (p *Partitions) nackHeld(ctx context.Context, held []Delivery, idle time.Duration) error {
	err := p.nack(ctx, held, idle)
	if err == nil {
		p.release(held)
	}
	return err
}

// nackBuffered nacks the prefetched entries if Receive was not called within the given
// time. They are no longer held, even after an error: their leases expire.
func (p *Partitions) nackBuffered(ctx context.Context, silence time.Duration) error {
	entries := p.takeBuffered(silence)
	p.release(entries)
	return p.nack(ctx, entries, p.parts[0].opts.ClaimIdle)
}

func (p *Partitions) nack(ctx context.Context, held []Delivery, idle time.Duration) error {
	return distribute(p, held, partitionOf, func(s *Stream, own []Delivery) error { return s.nack(ctx, own, idle) })
}

func (p *Partitions) release(held []Delivery) {
	for i := range held {
		p.parts[held[i].partition].release(1)
	}
}

// Close nacks what is buffered and leaves the groups in which this consumer holds
// nothing.
func (p *Partitions) Close(ctx context.Context) error {
	p.watch.calls.Wait()
	return errors.Join(
		p.nackBuffered(ctx, 0),
		p.each(func(one *part) error { return one.Close(ctx) }))
}

// Maintain runs the upkeep of all partitions until ctx ends: see Stream.Maintain.
func (p *Partitions) Maintain(ctx context.Context) {
	_ = p.each(func(one *part) error { one.Maintain(ctx); return nil })
}

// each calls do for all partitions concurrently, so that a node that hangs blocks only
// its own. The pool of the client limits the commands in progress.
func (p *Partitions) each(do func(*part) error) error {
	errs := make([]error, len(p.parts))
	var wait sync.WaitGroup
	for i, one := range p.parts {
		wait.Go(func() { errs[i] = do(one) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

func partitionOf(d *Delivery) int32             { return d.partition }
func partitionOfSettlement(s *Settlement) int32 { return s.partition }

// distribute calls do concurrently with each partition's share of a list.
func distribute[T any](p *Partitions, list []T, of func(*T) int32, do func(*Stream, []T) error) error {
	if len(list) == 0 {
		return nil
	}
	shares := split(list, of)
	if len(shares) == 1 {
		return do(p.parts[of(&list[0])].Stream, list)
	}
	return p.each(func(one *part) error {
		if own := shares[int32(one.index)]; len(own) > 0 {
			return do(one.Stream, own)
		}
		return nil
	})
}

// split divides a list by partition and keeps its order within each.
func split[T any](list []T, of func(*T) int32) map[int32][]T {
	shares := map[int32][]T{}
	for start := 0; start < len(list); {
		at := of(&list[start])
		end := start + 1
		for end < len(list) && of(&list[end]) == at {
			end++
		}
		if shares[at] == nil {
			shares[at] = list[start:end:end]
		} else {
			shares[at] = append(shares[at], list[start:end]...)
		}
		start = end
	}
	return shares
}
