package producer

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/retry"
)

// Fault is an error that no retry can mend because the configuration is wrong:
// the key has another type, or Redis refuses the user. Its message never contains
// a password.
type Fault struct {
	// AboutKey means that the target's key must be changed. Otherwise it is the
	// client: the server's address, the user or the password.
	AboutKey bool
	Problem  string
	Err      error // the error from Redis, or nil
}

func (f *Fault) Error() string { return f.Problem }

func (f *Fault) Unwrap() error { return f.Err }

// classify marks an error that no retry can mend as permanent, and explains any
// other.
func (p *Publisher) classify(err error, key string) error {
	if f := faultOf(err, p.target, key); f != nil {
		return retry.Permanent(f)
	}
	if redisconn.Misdirected(p.client, err) {
		return retry.Permanent(&Fault{Problem: redisconn.OneOfCluster, Err: err})
	}
	if !transient(err) {
		return retry.Permanent(fmt.Errorf("writing to the key %q is refused: %w", key, err))
	}
	return explain(err)
}

func wrongType(t Target, key, found string) *Fault {
	problem := fmt.Sprintf("the key %q is not a %s", key, t.kind())
	if found != "" {
		problem = fmt.Sprintf("the key %q is a %s, not a %s", key, found, t.kind())
	}
	return &Fault{AboutKey: true, Problem: problem}
}

// faultOf returns the Fault that an error from Redis stands for, or nil. The class
// of such an error is the first word of its text.
func faultOf(err error, t Target, key string) *Fault {
	switch {
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		f := wrongType(t, key, "")
		f.Err = err
		return f
	case redis.HasErrorPrefix(err, "NOPERM"), redis.IsPermissionError(err):
		return &Fault{Err: err, Problem: fmt.Sprintf("this Redis user may not write to the key %q; it needs +rpush or +xadd, +type and ~%s* (%s)", key, t.key, reply(err))}
	}
	if problem := redisconn.Fault(err); problem != "" {
		return &Fault{Err: err, Problem: problem}
	}
	return nil
}

func isRedisReply(err error) bool {
	var r redis.Error
	return errors.As(err, &r)
}

// reply returns the error as Redis sent it, without anything wrapped around it.
func reply(err error) string {
	var r redis.Error
	if errors.As(err, &r) {
		return r.Error()
	}
	return err.Error()
}

// passing are the first words of Redis errors that end by themselves or with a
// failover.
var passing = []string{
	"OOM", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS",
	"MOVED", "ASK", "MISCONF", "BUSY", "UNBLOCKED", "max number of clients reached",
}

// transient reports whether a retry may succeed. It may after any error that is
// not a reply, because that comes from the connection.
func transient(err error) bool {
	if errors.Is(err, redis.ErrClosed) {
		return false
	}
	if !isRedisReply(err) {
		return true
	}
	for _, word := range passing {
		if redis.HasErrorPrefix(err, word) {
			return true
		}
	}
	return false
}

// explain puts the reason for a retry into words.
func explain(err error) error {
	switch {
	case redis.IsOOMError(err) || redis.HasErrorPrefix(err, "OOM"):
		return fmt.Errorf("the Redis server is at maxmemory and accepts no records until memory is freed: %w", err)
	case redis.HasErrorPrefix(err, "LOADING"):
		return fmt.Errorf("the Redis server is loading its data: %w", err)
	case redis.HasErrorPrefix(err, "READONLY"):
		return fmt.Errorf("the Redis server is a read-only replica, perhaps during a failover: %w", err)
	case redis.HasErrorPrefix(err, "NOREPLICAS"):
		return fmt.Errorf("the Redis server reaches fewer replicas than min-replicas-to-write: %w", err)
	case redis.HasErrorPrefix(err, "MISCONF"):
		return fmt.Errorf("the Redis server can't write to its disk and accepts no records: %w", err)
	case isRedisReply(err):
		return fmt.Errorf("the Redis server is not ready: %w", err)
	}
	return fmt.Errorf("the Redis server does not answer: %w", redisconn.Plain(err))
}

// graver returns the error that matters more: one that no retry can mend.
func graver(a, b error) error {
	if a == nil || retry.IsPermanent(b) && !retry.IsPermanent(a) {
		return b
	}
	return a
}
