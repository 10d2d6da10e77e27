package streams

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// countLettersEvery is how often a list's dead letters are counted. Those of a stream
// are counted by its upkeep, which a list does not have.
const countLettersEvery = time.Minute

// watchLetters counts the dead letters, if they are on and it is time.
func (l *List) watchLetters(ctx context.Context) {
	now, last := time.Now().UnixMilli(), l.counted.Load()
	if l.opts.DeadLetters.On && now-last >= countLettersEvery.Milliseconds() && l.counted.CompareAndSwap(last, now) {
		l.checkLetters(ctx)
	}
}

// checkLetters counts the dead letters. What Redis does not tell, as to a user who may
// not ask, is taken as fine.
func (l *List) checkLetters(ctx context.Context) {
	count, err := l.opts.Client.XLen(ctx, l.keys.Dead).Result()
	if err != nil {
		return
	}
	bytes, err := l.opts.Client.MemoryUsage(ctx, l.keys.Dead).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		bytes = -1
	}
	maxmemory, _ := strconv.ParseInt(serverInfo(ctx, l.opts.Client, "memory")["maxmemory"], 10, 64)
	l.letters.note(l.keys.Dead, letterUse{count: count, bytes: bytes, maxmemory: maxmemory})
}
