package load

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// batch is the maximum number of records in a pipeline.
const batch = 200

// NewProducer returns a producer of the records.
func NewProducer(client *redis.Client, keys []string, records []Record) *Producer {
	return &Producer{Client: client, Keys: keys, Records: records, acked: map[EntryID]int{}, unanswered: map[int]int{}}
}

// Producer sends records and logs what Redis acknowledges. A record whose XADD was
// not acknowledged is sent again, so the stream may hold it more often than the
// log says.
type Producer struct {
	Client  *redis.Client
	Keys    []string // the partitions' streams
	Records []Record

	down bool // the last pipeline failed as a whole

	mu         sync.Mutex
	acked      map[EntryID]int
	unanswered map[int]int // attempts without a reply, by record
}

// Acked logs an entry that another client sent.
func (p *Producer) Acked(id EntryID, number int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acked[id] = number
}

// Run sends the records, spread over a time, and returns when all are
// acknowledged.
func (p *Producer) Run(ctx context.Context, over time.Duration) error {
	begin := time.Now()
	var open []int
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for next := 0; next < len(p.Records) || len(open) > 0; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		due := len(p.Records)
		if spent := time.Since(begin); spent < over {
			due = int(float64(due) * float64(spent) / float64(over))
		}
		for ctx.Err() == nil {
			for ; next < due && len(open) < batch; next++ {
				open = append(open, next)
			}
			if len(open) == 0 {
				break
			}
			before := len(open)
			if open = p.send(ctx, open); len(open) == before {
				break // Redis is down: wait for the next tick
			}
		}
	}
	return nil
}

// send returns the records that were not acknowledged. After a pipeline that
// failed as a whole it sends a PING first: records that were certainly not sent
// need not count as possibly added.
func (p *Producer) send(ctx context.Context, numbers []int) (open []int) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if p.down && p.Client.Ping(ctx).Err() != nil {
		return numbers
	}
	defer func() { p.down = len(open) == len(numbers) }()
	sent := make([]*redis.StringCmd, len(numbers))
	pipe := p.Client.Pipeline()
	for i, n := range numbers {
		r := &p.Records[n]
		sent[i] = pipe.XAdd(ctx, &redis.XAddArgs{Stream: p.Keys[r.Partition], Values: r.All()})
	}
	_, _ = pipe.Exec(ctx) // each command has an error of its own
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, n := range numbers {
		id, err := sent[i].Result()
		if err != nil {
			p.unanswered[n]++
			open = append(open, n)
			continue
		}
		p.acked[EntryID{p.Records[n].Partition, id}] = n
	}
	return open
}

// Acknowledged returns how many records Redis has acknowledged so far.
func (p *Producer) Acknowledged() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.acked)
}

// Log returns the acknowledged records by entry, and how often each record was
// sent without a reply. Call it when Run has returned.
func (p *Producer) Log() (acked map[EntryID]int, unanswered map[int]int) {
	return p.acked, p.unanswered
}
