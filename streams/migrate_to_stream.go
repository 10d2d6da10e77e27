package streams

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

var (
	//go:embed migrate_to_stream.lua
	toStreamSource string
	toStreamScript = redis.NewScript(needSource + toStreamSource)
)

// ToStream moves up to so many records from the head of the list to their partitions and
// returns how many; 0 if the list is empty. The order within a partition is that of the list. An entry
// has the body, byte for byte, and arrives when it is moved. Workers may run: a record
// that one of them pops is not moved.
//
// After an error some may have been moved: call it again to go on. The error is
// ErrMigrateBusy if workers pop all records before they can be moved; others come from
// Redis.
func (m *Migration) ToStream(ctx context.Context, most int) (int, error) {
	moved, err := repeat(ctx, func(ctx context.Context) (int, bool, error) { return m.stepToStream(ctx, most) })
	return moved, wrap(err, "moving records of %s to the stream", m.opts.List)
}

func (m *Migration) stepToStream(ctx context.Context, most int) (moved int, again bool, err error) {
	bodies, err := m.opts.Client.LRange(ctx, m.opts.List, 0, int64(m.step(most))-1).Result()
	if err != nil || len(bodies) == 0 {
		return 0, false, err
	}
	seen := make([]Delivery, len(bodies))
	keys := append([]string{m.opts.List}, m.opts.Stream...)
	call := redisconn.NewCall(toStreamScript, keys, 2*len(bodies))
	for i := range bodies {
		seen[i].Body = []byte(bodies[i])
		call.Add(1+m.home(seen[i].Body), &bodies[i])
	}
	m.sizer.observe(seen)
	reply, err := call.Run(ctx, m.opts.Client).Slice()
	if err != nil {
		return 0, false, err
	}
	moved = int(integer(reply[0]))
	if refused := text(reply[1]); refused != "" && moved == 0 {
		return 0, false, answer(refused) // otherwise the next step meets it again
	}
	return moved, true, nil
}

func (m *Migration) home(body []byte) int {
	if m.opts.Home == nil {
		return 0
	}
	return m.opts.Home(body)
}
