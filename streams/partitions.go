package streams

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"ingestion/internal/redisconn"
)

const (
	// fillTime is how long Receive fills a batch up once it has something.
	fillTime = 2 * time.Millisecond
	// fillBytes is the size from which a batch is not filled up.
	fillBytes = replyBytes / 4
	// minAskPause is the least time between two joint reads of the cold partitions
	// while others have records.
	minAskPause = 5 * time.Millisecond
	// askShare limits the cost of these reads to a twentieth of the time.
	askShare = 20
	// minReclaimPause is the least time between two rounds of reclaiming. Partitions
	// that are due within it share a round, so that the wait for new entries is not
	// interrupted for each of them.
	minReclaimPause = 250 * time.Millisecond
)

// PartitionsOptions configures Partitions.
type PartitionsOptions struct {
	// TakeNoMore limits what Receive takes from Redis to what it was asked for.
	// Otherwise it may take up to one entry of each partition more, which the next
	// call returns.
	TakeNoMore bool
}

// Partitions combines all partitions of a stream into one queue. A partition is hot if
// its last read returned something: hot ones are read in turn, without waiting. The
// others are cold and read jointly: one blocking command waits for all of them (on a
// Cluster several, see watch). So no partition waits behind empty ones.
type Partitions struct {
	opts    PartitionsOptions
	parts   []*part
	cluster bool

	// Used by Receive only.
	turn        int           // the hot partition to be read next
	askFirst    int           // the first cold partition of the next joint read, if it can't include all
	asked       time.Time     // when the cold ones were last read
	askTook     time.Duration // how long that took
	reclaimed   time.Time     // when the last round of reclaiming ended
	reclaimNext int           // the next partition in the current round; 0: no round in progress
	justClaimed bool          // the last batch was reclaimed: new entries are next

	mu         sync.Mutex
	prefetched []Delivery // read, not returned yet
	received   time.Time  // when Receive was last called
	watch      watch
}

// part is a partition and what its reader knows of it.
type part struct {
	*Stream
	index   int
	hot     bool
	backoff partBackoff
	watched bool // a watch waits for it
}

// NewPartitions returns a queue on the partitions of one stream, in their order, or an
// error if there are none or their options differ in more than the key. It does
// not connect.
func NewPartitions(partitions []*Stream, opts PartitionsOptions) (*Partitions, error) {
	if err := validatePartitions(partitions); err != nil {
		return nil, wrap(err, "invalid partitions")
	}
	p := &Partitions{opts: opts, received: time.Now(), cluster: redisconn.IsCluster(partitions[0].opts.Client)}
	upkeep := make(chan struct{}, MaxUpkeep)
	letters := &letterWatch{log: partitions[0].opts.Log, separate: p.cluster}
	for i, s := range partitions {
		s.oneOfMany, s.letters = len(partitions) > 1, letters
		if !p.cluster { // on a Cluster a node that hangs must not block the upkeep on others
			s.upkeep = upkeep
		}
		p.parts = append(p.parts, &part{Stream: s, index: i, hot: true, backoff: newPartBackoff(s)})
	}
	p.watch.woken = make(chan struct{}, 1)
	return p, nil
}

func validatePartitions(partitions []*Stream) error {
	if len(partitions) == 0 {
		return errors.New("there are none")
	}
	keys := map[string]bool{}
	first := &partitions[0].opts
	for _, s := range partitions {
		if keys[s.opts.Key] {
			return fmt.Errorf("the key %q occurs twice", s.opts.Key)
		}
		keys[s.opts.Key] = true
		if s.opts.Client != first.Client || s.opts.Group != first.Group || s.opts.Consumer != first.Consumer || s.opts.ClaimIdle != first.ClaimIdle {
			return fmt.Errorf("%q and %q differ in client, group, consumer or lease", first.Key, s.opts.Key)
		}
	}
	return nil
}

// Receive returns deliveries of one or several partitions.
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

// receive looks, in this order, for prefetched entries, for those of dead workers
// (every other time at most) and for new ones.
func (p *Partitions) receive(ctx context.Context, max int, deadline time.Time) ([]Delivery, error) {
	if batch := p.takePrefetched(max); len(batch) > 0 {
		return batch, nil
	}
	if err := p.collect(ctx); err != nil {
		return nil, err
	}
	if p.justClaimed = !p.justClaimed && p.reclaimDue(); p.justClaimed {
		if batch, err := p.reclaim(ctx, max); len(batch) > 0 || err != nil {
			return batch, err
		}
		p.justClaimed = false
	}
	hot := p.anyHot()
	if !hot || time.Since(p.asked) >= p.askPause() {
		wait := time.Duration(0)
		if !hot {
			wait = p.pollWait(deadline)
		}
		if err := p.ask(ctx, max, wait); err != nil {
			return nil, err
		}
	}
	return p.fill(ctx, p.takePrefetched(max), max)
}

// fill adds entries of the hot partitions in turn until the batch is full or large, or
// fillTime has passed.
func (p *Partitions) fill(ctx context.Context, batch []Delivery, max int) ([]Delivery, error) {
	begin := time.Now()
	if p.opts.TakeNoMore {
		max -= p.ahead()
	}
	for range p.parts {
		if len(batch) >= max || len(batch) > 0 && (time.Since(begin) > fillTime || large(batch)) {
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

// read returns new entries of one partition without waiting.
func (p *Partitions) read(ctx context.Context, one *part, max int) ([]Delivery, error) {
	batch, err := one.readNow(ctx, max)
	if err != nil {
		return nil, p.backOff(ctx, one, err)
	}
	one.backoff.succeeded()
	one.hot = len(batch) > 0
	one.hold(batch)
	return batch, nil
}

// readable reports whether the partition is hot and nothing prevents reading it.
func (one *part) readable() bool { return one.hot && !one.watched && !one.backoff.active() }

// hold counts deliveries of the partition as held.
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

func (p *Partitions) askPause() time.Duration { return max(minAskPause, askShare*p.askTook) }

// pollWait is how long to wait inside Redis.
func (p *Partitions) pollWait(deadline time.Time) time.Duration {
	until := min(pollSlice, time.Until(deadline), time.Until(p.reclaimed.Add(p.reclaimPause())))
	for _, one := range p.parts {
		if one.backoff.active() {
			until = min(until, time.Until(one.backoff.until))
		}
	}
	return max(until, time.Millisecond)
}

// reclaimPause lasts until a partition has something to reclaim or to scan for.
func (p *Partitions) reclaimPause() time.Duration {
	next := time.Now().Add(pollSlice)
	for _, one := range p.parts {
		if at := one.nextReclaim(); at.Before(next) {
			next = at
		}
	}
	return max(next.Sub(p.reclaimed), min(minReclaimPause, p.parts[0].opts.ClaimIdle/8))
}

func (p *Partitions) reclaimDue() bool {
	return p.reclaimNext > 0 || time.Since(p.reclaimed) >= p.reclaimPause()
}

// reclaim asks the partitions for entries of dead workers and stops at the first one
// that has some: the next call continues there.
func (p *Partitions) reclaim(ctx context.Context, max int) ([]Delivery, error) {
	if p.opts.TakeNoMore {
		max -= p.ahead()
	}
	for ; max > 0 && p.reclaimNext < len(p.parts); p.reclaimNext++ {
		one := p.parts[p.reclaimNext]
		if !one.groupKnown || one.backoff.active() || time.Now().Before(one.nextReclaim()) {
			continue
		}
		batch, err := one.Stream.reclaim(ctx, max)
		if err != nil {
			p.reclaimNext++
			return nil, p.backOff(ctx, one, err)
		}
		if len(batch) > 0 {
			one.hold(batch)
			return batch, nil
		}
	}
	p.reclaimNext, p.reclaimed = 0, time.Now()
	return nil, nil
}
