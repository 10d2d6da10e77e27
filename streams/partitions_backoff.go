package streams

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/retry"
)

// partBackoff keeps a partition that can't be read from blocking the others.
type partBackoff struct {
	until    time.Time
	failing  bool
	pauses   *retry.Backoff
	failures failureLog
}

func newPartBackoff(s *Stream) partBackoff {
	return partBackoff{
		pauses:   retry.Policy{Initial: 100 * time.Millisecond, Max: 2 * time.Second}.Start(),
		failures: failureLog{log: s.opts.Log, stream: s.keys.Main, recovery: "the partition can be read"},
	}
}

// active reports whether the partition is not to be read for now.
func (b *partBackoff) active() bool { return b.failing && time.Now().Before(b.until) }

func (b *partBackoff) begin() {
	b.failing = true
	b.until = time.Now().Add(b.pauses.Next())
}

func (b *partBackoff) succeeded() {
	if b.failing {
		b.failing = false
		b.pauses.Reset()
		b.failures.succeeded()
	}
}

// backOff pauses the partitions that an error concerns. If those are all partitions it
// returns the error: then the caller waits.
func (p *Partitions) backOff(ctx context.Context, one *part, err error) error {
	if isNoGroup(err) && one.groupKnown {
		one.groupKnown, one.hot = false, true // the next read creates the group again
		return nil
	}
	concerned := []*part{one}
	if !concernsPartition(err) {
		concerned = p.neighbours(ctx, one)
	}
	for _, c := range concerned {
		c.backoff.begin()
		c.hot = true
		c.noteFailure()
	}
	for _, c := range p.parts {
		if !c.backoff.active() {
			one.backoff.failures.failed(err)
			return nil
		}
	}
	for _, c := range p.parts {
		c.backoff.until = time.Time{}
	}
	return err
}

// neighbours are the partitions on the same node, including the given one.
func (p *Partitions) neighbours(ctx context.Context, one *part) []*part {
	cluster, ok := one.opts.Client.(*redis.ClusterClient)
	if !ok {
		return p.parts
	}
	node := func(s *part) string {
		master, err := cluster.MasterForKey(ctx, s.keys.Main)
		if err != nil {
			return ""
		}
		return master.Options().Addr
	}
	var same []*part
	at := node(one)
	for _, c := range p.parts {
		if c == one || node(c) == at {
			same = append(same, c)
		}
	}
	return same
}

// concernsPartition reports whether an error is the server's answer about one key,
// rather than about the server itself, or no answer at all.
func concernsPartition(err error) bool {
	var owner *OwnerError
	var answer redis.Error
	if errors.As(err, &owner) {
		return true
	}
	if !errors.As(err, &answer) {
		return isNoGroup(err)
	}
	for _, concernsNode := range []func(error) bool{
		redis.IsLoadingError, redis.IsReadOnlyError, redis.IsMasterDownError, redis.IsClusterDownError,
		redis.IsMaxClientsError, redis.IsAuthError, redis.IsOOMError,
	} {
		if concernsNode(err) {
			return false
		}
	}
	return !redis.HasErrorPrefix(err, "BUSY") && !redis.HasErrorPrefix(err, "MISCONF") && redisconn.Fault(err) == ""
}
