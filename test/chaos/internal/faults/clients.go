package faults

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed take.lua
var takeScript string

// States in which a stranger met an entry.
const (
	Pending = "pending"
	Unread  = "unread"
	Settled = "settled"
)

// Taken is an entry that a stranger struck.
type Taken struct {
	Kind      Kind
	Partition int
	ID, State string
	Fields    []string
}

// Removed says that the entry is no longer on the stream.
func (t *Taken) Removed() bool {
	return t.Kind == PendingDeleted || t.Kind == UnreadDeleted || t.Kind == Trimmed
}

// Foreign is an entry that a stranger adds.
type Foreign struct {
	Number, Partition int
	Fields            []string
}

// Stranger is somebody else who has the streams' address.
type Stranger struct {
	Addr  string
	Keys  []string // the partitions' streams
	Group string
	Plain func() (Foreign, bool) // the next record to be sent as producers do
	Odd   func() (Foreign, bool) // the next one with fields that producers may set
	Added func(id string, f Foreign)
	Took  func([]Taken)
}

// strange strikes while Redis is there, so that each command has its answer.
func (s *Stage) strange(ctx context.Context, f Fault) error {
	s.redisThere.Lock()
	defer s.redisThere.Unlock()
	client := redis.NewClient(&redis.Options{Addr: s.Stranger.Addr, MaxRetries: -1, ReadTimeout: 20 * time.Second})
	defer client.Close()
	return s.Stranger.strike(ctx, client, f)
}

func (s *Stranger) strike(ctx context.Context, client *redis.Client, f Fault) error {
	// What leaves less for the checker to hold on to strikes the last partition only.
	last := len(s.Keys) - 1
	anywhere, some := int(f.Size)%len(s.Keys), 1+int(f.Size>>8)%40
	switch f.Kind {
	case PendingDeleted:
		return s.take(ctx, client, f.Kind, anywhere, "deleted", some, "")
	case UnreadDeleted:
		return s.addAndTake(ctx, client, f.Kind, anywhere, "unread", some)
	case GroupForward:
		return s.addAndTake(ctx, client, f.Kind, anywhere, "forward", some)
	case Trimmed:
		return s.take(ctx, client, f.Kind, anywhere, "trimmed", 25*some, "")
	case GroupBack:
		return s.take(ctx, client, f.Kind, last, "back", some, "")
	case ConsumerDeleted:
		return s.take(ctx, client, f.Kind, anywhere, "consumer", some, "")
	case IDAhead:
		ahead := time.Duration(1+some/2) * time.Second
		if anywhere == last && some%4 == 0 {
			ahead = time.Duration(some) * time.Minute
		}
		return s.addAhead(ctx, client, anywhere, ahead)
	case ForeignFields:
		return s.add(ctx, client, s.Odd, 1+some/4)
	}
	return fmt.Errorf("no stranger does that")
}

func (s *Stranger) take(ctx context.Context, client redis.Scripter, kind Kind, partition int, what string, most int, name string) error {
	reply, err := client.Eval(ctx, takeScript, []string{s.Keys[partition]}, s.Group, what, most, name).Slice()
	if err != nil {
		return err
	}
	s.Took(readTaken(reply, kind, partition))
	return nil
}

func readTaken(reply []any, kind Kind, partition int) []Taken {
	taken := make([]Taken, len(reply))
	for i, r := range reply {
		entry := r.([]any)
		taken[i] = Taken{Kind: kind, Partition: partition, ID: entry[0].(string), State: entry[1].(string)}
		for _, text := range entry[2].([]any) {
			taken[i].Fields = append(taken[i].Fields, text.(string))
		}
	}
	return taken
}

// addAndTake adds some entries in the same step, so that there are unread ones.
func (s *Stranger) addAndTake(ctx context.Context, client *redis.Client, kind Kind, partition int, what string, some int) error {
	var sent []Foreign
	var ids []*redis.StringCmd
	var taken *redis.Cmd
	_, err := client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		for range 1 + some/8 {
			if f, ok := s.Plain(); ok {
				f.Partition = partition
				sent = append(sent, f)
				ids = append(ids, pipe.XAdd(ctx, &redis.XAddArgs{Stream: s.Keys[partition], Values: f.Fields}))
			}
		}
		taken = pipe.Eval(ctx, takeScript, []string{s.Keys[partition]}, s.Group, what, some, "")
		return nil
	})
	if err != nil {
		return err
	}
	for i, f := range sent {
		s.Added(ids[i].Val(), f)
	}
	reply, err := taken.Slice()
	if err != nil {
		return err
	}
	s.Took(readTaken(reply, kind, partition))
	return nil
}

func (s *Stranger) add(ctx context.Context, client *redis.Client, next func() (Foreign, bool), n int) error {
	for range n {
		f, ok := next()
		if !ok {
			return nil
		}
		id, err := client.XAdd(ctx, &redis.XAddArgs{Stream: s.Keys[f.Partition], Values: f.Fields}).Result()
		if err != nil {
			return err
		}
		s.Added(id, f)
	}
	return nil
}

// addAhead adds an entry whose ID is ahead of the clock and of all others.
func (s *Stranger) addAhead(ctx context.Context, client *redis.Client, partition int, ahead time.Duration) error {
	const script = `
local now = redis.call('TIME')
local id = string.format('%.0f-0', now[1] * 1000 + ARGV[1])
local added = redis.pcall('XADD', KEYS[1], id, unpack(ARGV, 2))
if type(added) == 'table' and added['err'] then added = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2)) end
return added`
	f, ok := s.Plain()
	if !ok {
		return nil
	}
	f.Partition = partition
	args := []any{strconv.FormatInt(ahead.Milliseconds(), 10)}
	for _, text := range f.Fields {
		args = append(args, text)
	}
	id, err := client.Eval(ctx, script, []string{s.Keys[partition]}, args...).Text()
	if err == nil {
		s.Added(id, f)
	}
	return err
}

// strikeDead deletes the consumers of a worker that has just been killed.
func (s *Stage) strikeDead(ctx context.Context, pid int) error {
	s.redisThere.Lock()
	defer s.redisThere.Unlock()
	client := redis.NewClient(&redis.Options{Addr: s.Stranger.Addr, MaxRetries: -1, ReadTimeout: 20 * time.Second})
	defer client.Close()
	for p := range s.Stranger.Keys {
		if err := s.Stranger.take(ctx, client, DeadDeleted, p, "consumer", 0, fmt.Sprintf("-%d-", pid)); err != nil {
			return err
		}
	}
	return nil
}
