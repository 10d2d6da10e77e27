package streams

import (
	"context"
	"sync"
	"time"

	"ingestion/internal/redisconn"
)

const (
	// fillTime is how long Receive goes on for a fuller batch once it has something.
	fillTime = 2 * time.Millisecond
	// fillBytes is how large a batch may be that is filled further.
	fillBytes = replyBytes / 4
	// askPause is the least time between two calls for all partitions that were
	// empty, while others have records.
	askPause = 5 * time.Millisecond
	// askShare bounds what these calls cost: a twentieth of the time.
	askShare = 20
	// lookPause is between two looks for entries to take over. What falls due
	// within it is looked for together, so that the wait for new entries is not
	// broken off for each partition by itself.
	lookPause = 250 * time.Millisecond
)

// PartitionsOptions configures Partitions.
type PartitionsOptions struct {
	// TakeNoMore keeps Receive from taking more than it is asked for. Else it may
	// take up to one entry a partition beyond that, which the next call returns.
	TakeNoMore bool
}

// Partitions is all partitions of a stream as one queue. Those that had
// something when they were read last are hot: they are read one by one, in
// turn, without waiting. All others are cold, and asked together: one blocking
// command waits for all of them, on a Cluster a few commands, see watch. So none
// waits for its turn behind empty ones.
type Partitions struct {
	opts    PartitionsOptions
	parts   []*part
	cluster bool

	turn     int           // who is read first of those that are hot
	askFirst int           // who is asked first of those that are cold, if not all are
	asked    time.Time     // when the cold ones were asked last
	askTook  time.Duration // how long that lasted
	looked   time.Time     // when the last look for entries to take over ended
	lookAt   int           // where it is; 0: not under way
	tookOver bool          // the last batch was taken over: new entries are next

	mu       sync.Mutex
	ahead    []Delivery // read, not delivered yet
	received time.Time  // when Receive was called last
	watch    watch
}

// part is a partition and what its reader knows of it.
type part struct {
	*Stream
	index   int
	hot     bool
	rest    rest
	watched bool // a call of its own waits for it
}

// NewPartitions returns the queue on the partitions of one stream, which have
// the same options but for the key. It does not connect.
func NewPartitions(partitions []*Stream, opts PartitionsOptions) *Partitions {
	p := &Partitions{opts: opts, received: time.Now()}
	upkeep := make(chan struct{}, Upkeep)
	for i, s := range partitions {
		s.oneOfMany = len(partitions) > 1
		if !redisconn.IsCluster(s.opts.Client) { // there a node that hangs must not keep the others waiting
			s.upkeep = upkeep
		}
		p.parts = append(p.parts, &part{Stream: s, index: i, hot: true, rest: newRest(s)})
		p.cluster = redisconn.IsCluster(s.opts.Client)
	}
	p.watch.woken = make(chan struct{}, 1)
	return p
}

// Receive returns deliveries of one partition or of several.
func (p *Partitions) Receive(ctx context.Context, max int) ([]Delivery, error) {
	calls := context.WithoutCancel(ctx)
	deadline := time.Now().Add(p.parts[0].opts.PollTimeout)
	for ctx.Err() == nil {
		batch, err := p.receive(calls, max, deadline)
		if len(batch) > 0 || err != nil {
			return batch, err
		}
		if !time.Now().Before(deadline) {
			return nil, nil
		}
	}
	return nil, nil
}

func (p *Partitions) receive(ctx context.Context, max int, deadline time.Time) ([]Delivery, error) {
	if batch := p.takeAhead(max); len(batch) > 0 {
		return batch, nil
	}
	if err := p.collect(ctx); err != nil {
		return nil, err
	}
	if p.tookOver = !p.tookOver && p.lookDue(); p.tookOver {
		if batch, err := p.takeOver(ctx, max); len(batch) > 0 || err != nil {
			return batch, err
		}
		p.tookOver = false
	}
	hot := p.anyHot()
	if !hot || time.Since(p.asked) >= p.pauseToAsk() {
		wait := time.Duration(0)
		if !hot && !p.tookOver {
			wait = p.patience(deadline)
		}
		if err := p.ask(ctx, max, wait); err != nil {
			return nil, err
		}
	}
	return p.fill(ctx, p.takeAhead(max), max)
}

// fill adds what the hot partitions have, one after the other, until the batch
// is large or has lasted.
func (p *Partitions) fill(ctx context.Context, batch []Delivery, max int) ([]Delivery, error) {
	begun := time.Now()
	if p.opts.TakeNoMore {
		max -= p.lead()
	}
	for range p.parts {
		if len(batch) >= max || len(batch) > 0 && (time.Since(begun) > fillTime || large(batch)) {
			break
		}
		one := p.parts[p.turn]
		p.turn = (p.turn + 1) % len(p.parts)
		if !one.readable() {
			continue
		}
		got, err := p.read(ctx, one, max-len(batch))
		if err != nil {
			if len(batch) > 0 {
				break // the next call meets it again
			}
			return nil, err
		}
		if len(batch) == 0 {
			batch = got
		} else {
			batch = append(batch, got...)
		}
	}
	return batch, nil
}

func large(batch []Delivery) bool {
	bytes := 0
	for i := range batch {
		bytes += batch[i].size()
	}
	return bytes >= fillBytes
}

// read takes new entries of one partition, if there are any at once.
func (p *Partitions) read(ctx context.Context, one *part, max int) ([]Delivery, error) {
	batch, err := one.readAtOnce(ctx, max)
	if err != nil {
		return nil, p.failed(ctx, one, err)
	}
	one.rest.over()
	one.hot = len(batch) > 0
	one.hold(batch)
	return batch, nil
}

// readable says that the partition is hot, and free to be read.
func (one *part) readable() bool { return one.hot && !one.watched && !one.rest.now() }

// hold says that deliveries of the partition are held.
func (one *part) hold(batch []Delivery) {
	for i := range batch {
		batch[i].partition = int32(one.index)
	}
	one.held.Add(int64(len(batch)))
}

func (p *Partitions) anyHot() bool {
	for _, one := range p.parts {
		if one.readable() {
			return true
		}
	}
	return false
}

func (p *Partitions) pauseToAsk() time.Duration { return max(askPause, askShare*p.askTook) }

// patience is how long one wait inside Redis lasts.
func (p *Partitions) patience(deadline time.Time) time.Duration {
	until := min(pollSlice, time.Until(deadline), time.Until(p.looked.Add(p.pauseToLook())))
	for _, one := range p.parts {
		if one.rest.now() {
			until = min(until, time.Until(one.rest.until))
		}
	}
	return max(until, time.Millisecond)
}

// pauseToLook lasts until the first partition has something to look for.
func (p *Partitions) pauseToLook() time.Duration {
	next := time.Now().Add(pollSlice)
	for _, one := range p.parts {
		if at := one.nextTakeOver(); at.Before(next) {
			next = at
		}
	}
	return max(next.Sub(p.looked), min(lookPause, p.parts[0].opts.ClaimIdle/8))
}

func (p *Partitions) lookDue() bool {
	return p.lookAt > 0 || time.Since(p.looked) >= p.pauseToLook()
}

// takeOver goes through all partitions for entries of dead workers, and stops at
// the first that has some: the next call goes on there.
func (p *Partitions) takeOver(ctx context.Context, max int) ([]Delivery, error) {
	if p.opts.TakeNoMore {
		max -= p.lead()
	}
	for ; max > 0 && p.lookAt < len(p.parts); p.lookAt++ {
		one := p.parts[p.lookAt]
		if !one.groupKnown || one.rest.now() || time.Now().Before(one.nextTakeOver()) {
			continue
		}
		batch, err := one.Stream.takeOver(ctx, max)
		if err != nil {
			p.lookAt++
			return nil, p.failed(ctx, one, err)
		}
		if len(batch) > 0 {
			one.hold(batch)
			return batch, nil
		}
	}
	p.lookAt, p.looked = 0, time.Now()
	return nil, nil
}
