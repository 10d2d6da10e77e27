package inspect

import (
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/streams"
)

// Source is the queue that is looked at: a stream's partitions or a list. It is used
// concurrently, so the client must allow that.
type Source struct {
	Redis redis.UniversalClient
	Keys  []string      // of the partitions' streams, in order, then of other streams that are read; none in list mode
	Homes int           // how many of Keys are partitions; 0: all
	Group string        // the service group
	Lease time.Duration // a consumer that is idle for longer is silent: STREAM_CLAIM_IDLE_MS
	List  string        // key of the list in list mode; else empty
}

// IsList reports whether the queue is a list.
func (s Source) IsList() bool { return s.List != "" }

// Main is the key beside which the keys of the whole queue are: the list, or the first
// partition.
func (s Source) Main() string {
	if s.IsList() {
		return s.List
	}
	return s.Keys[0]
}

// all are the keys of the list or of the partitions.
func (s Source) all() []string {
	if s.IsList() {
		return []string{s.List}
	}
	return s.Keys
}

// deadLetters are the dead letters beside one of the keys.
func (s Source) deadLetters(key string) *streams.DeadLetters {
	if s.IsList() {
		return streams.NewListDeadLetters(s.Redis, key)
	}
	return streams.NewDeadLetters(s.Redis, key)
}
