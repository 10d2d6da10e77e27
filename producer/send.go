package producer

import (
	"context"
	"errors"

	"github.com/redis/go-redis/v9"
)

// pipeliner is a client or a single connection.
type pipeliner interface {
	Pipeline() redis.Pipeliner
}

// unconfirmed returns the indexes of the messages that are not known to be queued.
func unconfirmed(receipts []Receipt) []int {
	open := make([]int, 0, len(receipts))
	for i := range receipts {
		if !receipts[i].Queued {
			open = append(open, i)
		}
	}
	return open
}

// send writes the messages with the given indexes in one pipeline and marks those
// that Redis confirms. It does not stop when ctx ends, because it would then be
// unknown what was written.
func (p *Publisher) send(ctx context.Context, via pipeliner, messages []Message, receipts []Receipt, open []int) error {
	ctx = context.WithoutCancel(ctx)
	if p.target.list {
		return p.push(ctx, via, messages, receipts, open)
	}
	return p.add(ctx, via, messages, receipts, open)
}

// push appends the bodies with one RPUSH, which is atomic: no other client's
// bodies come between them.
func (p *Publisher) push(ctx context.Context, via pipeliner, messages []Message, receipts []Receipt, open []int) error {
	values := make([]any, len(open))
	for n, i := range open {
		values[n] = messages[i].Body
	}
	pipe := via.Pipeline()
	pipe.RPush(ctx, p.target.key, values...)
	if _, err := pipe.Exec(ctx); err != nil {
		return p.classify(err, p.target.key)
	}
	for _, i := range open {
		receipts[i].Queued = true
	}
	return nil
}

var errNoReply = errors.New("no reply")

func (p *Publisher) add(ctx context.Context, via pipeliner, messages []Message, receipts []Receipt, open []int) error {
	pipe := via.Pipeline()
	replies := make([]*redis.StringCmd, len(open))
	for n, i := range open {
		replies[n] = pipe.XAdd(ctx, &redis.XAddArgs{
			Stream: receipts[i].Key,
			Values: values(&messages[i]),
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
		worst = graver(worst, p.classify(err, receipts[i].Key))
	}
	return worst
}

// values are the fields of a stream entry: alternating names and values.
func values(m *Message) []any {
	all := make([]any, 0, 8)
	all = append(all, fieldData, m.Body)
	for _, f := range m.extra() {
		if f.value != "" {
			all = append(all, f.name, f.value)
		}
	}
	return all
}
