package streams

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

const (
	shortestRest = 100 * time.Millisecond
	longestRest  = 2 * time.Second
)

// rest is the time for which a partition that can't be read is left alone, so
// that it does not hold up the others.
type rest struct {
	until   time.Time
	pause   time.Duration
	trouble trouble
}

func newRest(s *Stream) rest {
	return rest{trouble: trouble{log: s.opts.Log, stream: s.keys.Main, what: "the partition can be read"}}
}

func (r *rest) now() bool { return r.pause > 0 && time.Now().Before(r.until) }

func (r *rest) begin() {
	r.pause = min(max(2*r.pause, shortestRest), longestRest)
	r.until = time.Now().Add(jitter(r.pause))
}

func (r *rest) over() {
	if r.pause > 0 {
		r.pause = 0
		r.trouble.over()
	}
}

// failed lets those rest whom an error concerns. It returns the error if
// that is all partitions: then waiting is up to the caller.
func (p *Partitions) failed(ctx context.Context, one *part, err error) error {
	if isNoGroup(err) && one.groupKnown {
		one.groupKnown, one.hot = false, true // the next read makes the group again
		return nil
	}
	concerned := []*part{one}
	if !concernsPartition(err) {
		concerned = p.neighbours(ctx, one)
	}
	for _, c := range concerned {
		c.rest.begin()
		c.hot = true
		c.noteFailure()
	}
	for _, c := range p.parts {
		if !c.rest.now() {
			one.rest.trouble.met(err)
			return nil
		}
	}
	for _, c := range p.parts {
		c.rest.until = time.Time{}
	}
	return err
}

// neighbours are the partitions on the same node.
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

// concernsPartition says whether an error is the server's answer about one key,
// rather than about itself or none at all.
func concernsPartition(err error) bool {
	var owner *OwnerError
	var answer redis.Error
	if errors.As(err, &owner) {
		return true
	}
	if !errors.As(err, &answer) {
		return isNoGroup(err)
	}
	for _, ofNode := range []func(error) bool{
		redis.IsLoadingError, redis.IsReadOnlyError, redis.IsMasterDownError, redis.IsClusterDownError,
		redis.IsMaxClientsError, redis.IsAuthError, redis.IsOOMError,
	} {
		if ofNode(err) {
			return false
		}
	}
	return !redis.HasErrorPrefix(err, "BUSY") && !redis.HasErrorPrefix(err, "MISCONF") && redisconn.Fault(err) == ""
}
