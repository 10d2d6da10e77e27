package load

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// batch is the most records that one pipeline sends.
const batch = 200

// NewProducer has sent nothing yet.
func NewProducer(client *redis.Client, keys []string, records []Record) *Producer {
	return &Producer{Client: client, Keys: keys, Records: records, acked: map[EntryID]int{}, unanswered: map[int]int{}}
}

// Producer sends records and keeps a log of what Redis acknowledged. A record
// whose XADD was not acknowledged is sent again: its entry may be there once
// more than the log says, or not.
type Producer struct {
	Client  *redis.Client
	Keys    []string // the partitions' streams
	Records []Record

	away bool // nothing came through the last time

	mu         sync.Mutex
	acked      map[EntryID]int
	unanswered map[int]int // attempts without an answer, by record
}

// Acked adds what somebody else has sent to the log.
func (p *Producer) Acked(id EntryID, number int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.acked[id] = number
}

// Run spreads the records over a time and returns when all are acknowledged.
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
				break // Redis is away: a pause
			}
		}
	}
	return nil
}

// send returns the records that were not acknowledged. Once that is all of them
// it asks for a sign of life first: what was surely not sent need not count as
// perhaps there.
func (p *Producer) send(ctx context.Context, numbers []int) (open []int) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if p.away && p.Client.Ping(ctx).Err() != nil {
		return numbers
	}
	defer func() { p.away = len(open) == len(numbers) }()
	sent := make([]*redis.StringCmd, len(numbers))
	pipe := p.Client.Pipeline()
	for i, n := range numbers {
		r := &p.Records[n]
		sent[i] = pipe.XAdd(ctx, &redis.XAddArgs{Stream: p.Keys[r.Partition], Values: r.All()})
	}
	_, _ = pipe.Exec(ctx) // each command has its own error
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

// Acknowledged is how many records Redis has acknowledged so far.
func (p *Producer) Acknowledged() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.acked)
}

// Log is what was acknowledged, by entry, and how often a record was sent
// without an answer. It is complete when Run has returned.
func (p *Producer) Log() (acked map[EntryID]int, unanswered map[int]int) {
	return p.acked, p.unanswered
}
