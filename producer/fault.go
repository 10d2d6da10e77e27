package producer

import (
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// Fault is an error that repeating can't heal, because a setting is wrong: the
// key has another type, Redis refuses the user. Its text says which variable to
// look at, and never holds a password.
type Fault struct {
	Variable string // for example "REDIS_URL"
	Problem  string // a sentence without the variable's name
	Err      error  // Redis' own error; nil where it is ours
}

func (f *Fault) Error() string { return f.Variable + ": " + f.Problem }

func (f *Fault) Unwrap() error { return f.Err }

func wrongType(t Target, key, found string) *Fault {
	other := "QUEUE_MODE=stream"
	if !t.list {
		other = "QUEUE_MODE=list"
	}
	if found != "" {
		found = " but a " + found
	}
	return &Fault{
		Variable: t.variable(),
		Problem:  fmt.Sprintf("the key %q in Redis is no %s%s; name another key, delete that one, or set %s", key, t.kind(), found, other),
	}
}

// faultOf finds out whether an error is the fault of a setting. Redis' errors
// come as text only, their first word is the class.
func faultOf(err error, t Target, key string) *Fault {
	switch {
	case redis.HasErrorPrefix(err, "WRONGTYPE"):
		f := wrongType(t, key, "")
		f.Err = err
		return f
	case redis.HasErrorPrefix(err, "NOPERM"), redis.IsPermissionError(err):
		return redisFault(err, fmt.Sprintf("this Redis user may not write to the key %q; it needs +rpush or +xadd, +type and ~%s* (%s)", key, t.key, reply(err)))
	}
	if problem := redisconn.Fault(err); problem != "" {
		return redisFault(err, problem)
	}
	return nil
}

func redisFault(err error, problem string) *Fault {
	return &Fault{Variable: "REDIS_URL", Problem: problem, Err: err}
}

func isRedisReply(err error) bool {
	var r redis.Error
	return errors.As(err, &r)
}

// reply is what Redis itself said, without what was wrapped around it.
func reply(err error) string {
	var r redis.Error
	if errors.As(err, &r) {
		return r.Error()
	}
	return err.Error()
}

// passing are the first words of Redis errors that time or a failover heals.
var passing = []string{
	"OOM", "LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS",
	"MOVED", "ASK", "MISCONF", "BUSY", "UNBLOCKED", "max number of clients reached",
}

// transient says whether trying again can help. Whatever is no answer of Redis
// is a matter of the connection, which can.
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

// explain puts the cause of a wait into words for the operator.
func explain(err error) error {
	switch {
	case redis.IsOOMError(err) || redis.HasErrorPrefix(err, "OOM"):
		return fmt.Errorf("the Redis of REDIS_URL is at maxmemory and takes no more records until there is room: %w", err)
	case redis.HasErrorPrefix(err, "LOADING"):
		return fmt.Errorf("the Redis of REDIS_URL is still loading its data: %w", err)
	case redis.HasErrorPrefix(err, "READONLY"):
		return fmt.Errorf("the Redis of REDIS_URL is a read-only replica, perhaps until a failover ends: %w", err)
	case redis.HasErrorPrefix(err, "NOREPLICAS"):
		return fmt.Errorf("the Redis of REDIS_URL has fewer replicas in reach than min-replicas-to-write: %w", err)
	case redis.HasErrorPrefix(err, "MISCONF"):
		return fmt.Errorf("the Redis of REDIS_URL can't write to its disk and takes no more records: %w", err)
	case isRedisReply(err):
		return fmt.Errorf("the Redis of REDIS_URL is not ready: %w", err)
	}
	return fmt.Errorf("the Redis of REDIS_URL does not answer: %w", err)
}
