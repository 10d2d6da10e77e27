package producer

import (
	"context"
	"errors"

	"github.com/cenkalti/backoff/v4"
	"github.com/redis/go-redis/v9"
)

// pipeliner is what both a client and a single connection of it can do.
type pipeliner interface {
	Pipeline() redis.Pipeliner
}

// openOnes lists the bodies that have no confirmed receipt yet.
func openOnes(receipts []Receipt) []int {
	open := make([]int, 0, len(receipts))
	for i := range receipts {
		if !receipts[i].Queued {
			open = append(open, i)
		}
	}
	return open
}

// send writes the open bodies, given by their indexes, in one pipeline and marks
// those that Redis confirms. It isn't cut short by the end of ctx: what it wrote
// would be unknown.
func (p *Publisher) send(ctx context.Context, via pipeliner, bodies [][]byte, receipts []Receipt, open []int) error {
	ctx = context.WithoutCancel(ctx)
	if p.target.list {
		return p.push(ctx, via, bodies, receipts, open)
	}
	return p.add(ctx, via, bodies, receipts, open)
}

// push appends all open bodies by one RPUSH, which is atomic and keeps their
// order whatever else is pushed meanwhile.
func (p *Publisher) push(ctx context.Context, via pipeliner, bodies [][]byte, receipts []Receipt, open []int) error {
	values := make([]any, len(open))
	for n, i := range open {
		values[n] = bodies[i]
	}
	pipe := via.Pipeline()
	pipe.RPush(ctx, p.target.key, values...)
	if _, err := pipe.Exec(ctx); err != nil {
		return p.judge(err, p.target.key)
	}
	for _, i := range open {
		receipts[i].Queued = true
	}
	return nil
}

func (p *Publisher) add(ctx context.Context, via pipeliner, bodies [][]byte, receipts []Receipt, open []int) error {
	pipe := via.Pipeline()
	replies := make([]*redis.StringCmd, len(open))
	for n, i := range open {
		replies[n] = pipe.XAdd(ctx, &redis.XAddArgs{
			Stream: receipts[i].Key,
			Values: []any{"data", bodies[i]},
		})
	}
	_, execErr := pipe.Exec(ctx)
	var worst error
	for n, i := range open {
		id, err := replies[n].Result()
		if err == nil && id != "" {
			receipts[i].Queued, receipts[i].StreamID = true, id
			continue
		}
		if err == nil {
			err = errors.Join(errNoReply, execErr)
		}
		worst = graver(worst, p.judge(err, receipts[i].Key))
	}
	return worst
}

var errNoReply = errors.New("no reply")

// graver prefers the error that trying again can't heal.
func graver(a, b error) error {
	final := &backoff.PermanentError{}
	if a == nil || errors.Is(b, final) && !errors.Is(a, final) {
		return b
	}
	return a
}
