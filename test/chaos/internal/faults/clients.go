package faults

import (
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

//go:embed interfere.lua
var interfereScript string

// States of an entry when another client took it.
const (
	Pending = "pending"
	Unread  = "unread"
	Settled = "settled"
)

// Taken is an entry that another client removed, skipped or had delivered again.
type Taken struct {
	Kind      Kind
	Partition int
	ID, State string
	Fields    []string
}

// Removed reports whether the entry is no longer on the stream.
func (t *Taken) Removed() bool {
	return t.Kind == PendingDeleted || t.Kind == UnreadDeleted || t.Kind == Trimmed
}

// Entry is an entry that another client adds.
type Entry struct {
	Number, Partition int
	Fields            []string
}

// Client is another client of the Redis that holds the streams.
type Client struct {
	Addr     string
	Keys     []string // the partitions' streams
	Group    string
	Ordinary func() (Entry, bool) // next record to send as a producer does; false if none is left
	Forged   func() (Entry, bool) // next record with further fields, the service's own among them
	Added    func(id string, e Entry)
	Took     func([]Taken)
}

// interfere acts only while Redis is up, so that each command has its reply.
func (in *Injector) interfere(ctx context.Context, f Fault) error {
	in.redisUp.Lock()
	defer in.redisUp.Unlock()
	client := in.Client.connect()
	defer client.Close()
	return in.Client.inject(ctx, client, f)
}

// deleteConsumers deletes the consumers of a worker that was just killed.
func (in *Injector) deleteConsumers(ctx context.Context, pid int) error {
	in.redisUp.Lock()
	defer in.redisUp.Unlock()
	client := in.Client.connect()
	defer client.Close()
	for p := range in.Client.Keys {
		if err := in.Client.take(ctx, client, DeadDeleted, p, "consumer", 0, fmt.Sprintf("-%d-", pid)); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) connect() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: c.Addr, MaxRetries: -1, ReadTimeout: 20 * time.Second})
}

func (c *Client) inject(ctx context.Context, client *redis.Client, f Fault) error {
	// Faults after which the checker can verify less hit the last partition only.
	last := len(c.Keys) - 1
	anywhere, some := int(f.Size)%len(c.Keys), 1+int(f.Size>>8)%40
	switch f.Kind {
	case PendingDeleted:
		return c.take(ctx, client, f.Kind, anywhere, "deleted", some, "")
	case UnreadDeleted:
		return c.addAndTake(ctx, client, f.Kind, anywhere, "unread", some)
	case GroupForward:
		return c.addAndTake(ctx, client, f.Kind, anywhere, "forward", some)
	case Trimmed:
		return c.take(ctx, client, f.Kind, anywhere, "trimmed", 25*some, "")
	case GroupBack:
		return c.take(ctx, client, f.Kind, last, "back", some, "")
	case ConsumerDeleted:
		return c.take(ctx, client, f.Kind, anywhere, "consumer", some, "")
	case IDAhead:
		ahead := time.Duration(1+some/2) * time.Second
		if anywhere == last && some%4 == 0 {
			ahead = time.Duration(some) * time.Minute
		}
		return c.addAhead(ctx, client, anywhere, ahead)
	case ForgedFields:
		return c.add(ctx, client, c.Forged, 1+some/4)
	}
	return fmt.Errorf("not a fault of another client: %s", f.Kind)
}

func (c *Client) take(ctx context.Context, client redis.Scripter, kind Kind, partition int, action string, most int, name string) error {
	reply, err := client.Eval(ctx, interfereScript, []string{c.Keys[partition]}, c.Group, action, most, name).Slice()
	if err != nil {
		return err
	}
	c.Took(readTaken(reply, kind, partition))
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

// addAndTake adds some entries in the same transaction, so that there are unread
// ones.
func (c *Client) addAndTake(ctx context.Context, client *redis.Client, kind Kind, partition int, action string, some int) error {
	var sent []Entry
	var ids []*redis.StringCmd
	var taken *redis.Cmd
	_, err := client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		for range 1 + some/8 {
			if e, ok := c.Ordinary(); ok {
				e.Partition = partition
				sent = append(sent, e)
				ids = append(ids, pipe.XAdd(ctx, &redis.XAddArgs{Stream: c.Keys[partition], Values: e.Fields}))
			}
		}
		taken = pipe.Eval(ctx, interfereScript, []string{c.Keys[partition]}, c.Group, action, some, "")
		return nil
	})
	if err != nil {
		return err
	}
	for i, e := range sent {
		c.Added(ids[i].Val(), e)
	}
	reply, err := taken.Slice()
	if err != nil {
		return err
	}
	c.Took(readTaken(reply, kind, partition))
	return nil
}

func (c *Client) add(ctx context.Context, client *redis.Client, next func() (Entry, bool), n int) error {
	for range n {
		e, ok := next()
		if !ok {
			return nil
		}
		id, err := client.XAdd(ctx, &redis.XAddArgs{Stream: c.Keys[e.Partition], Values: e.Fields}).Result()
		if err != nil {
			return err
		}
		c.Added(id, e)
	}
	return nil
}

// addAhead adds an entry whose ID is ahead of the clock and of all other IDs.
func (c *Client) addAhead(ctx context.Context, client *redis.Client, partition int, ahead time.Duration) error {
	const script = `
local now = redis.call('TIME')
local id = string.format('%.0f-0', now[1] * 1000 + ARGV[1])
local added = redis.pcall('XADD', KEYS[1], id, unpack(ARGV, 2))
if type(added) == 'table' and added['err'] then added = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2)) end
return added`
	e, ok := c.Ordinary()
	if !ok {
		return nil
	}
	e.Partition = partition
	args := []any{strconv.FormatInt(ahead.Milliseconds(), 10)}
	for _, text := range e.Fields {
		args = append(args, text)
	}
	id, err := client.Eval(ctx, script, []string{c.Keys[partition]}, args...).Text()
	if err == nil {
		c.Added(id, e)
	}
	return err
}
