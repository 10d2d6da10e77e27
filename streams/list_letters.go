package streams

import (
	"context"
	"errors"
	"strconv"
	"strings"
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
	l.letters.note(l.keys.Dead, letterUse{count: count, bytes: bytes, maxmemory: l.maxmemory(ctx)})
}

// maxmemory is that of the server, in bytes; 0 without a limit or if unknown. On a
// Cluster any node answers.
func (l *List) maxmemory(ctx context.Context) int64 {
	info, err := l.opts.Client.Info(ctx, "memory").Result()
	if err != nil {
		return 0
	}
	for line := range strings.SplitSeq(info, "\r\n") {
		if value, ok := strings.CutPrefix(line, "maxmemory:"); ok {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}
