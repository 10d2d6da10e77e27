package streams

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/plural"
	"ingestion/internal/redisconn"
	"ingestion/record"
)

// maxPushPage is how many records one command of the script pushes: Lua passes only
// some thousand arguments to a command.
const maxPushPage = 1000

// ErrDefer means that a list was asked to defer a record.
var ErrDefer = errors.New("a list can't defer records")

// ListOptions configures a List.
type ListOptions struct {
	// Client must not retry commands: a pop whose reply was lost would pop again. It
	// must wait at least two seconds for a reply.
	Client redis.UniversalClient
	Key    string
	// PollTimeout is how long Receive waits for records; it waits in steps of a
	// second, and at least one.
	PollTimeout time.Duration
	DeadLetters DeadLetterOptions
	Log         *slog.Logger // nil: no log
}

func (o *ListOptions) validate() error {
	return errors.Join(
		require(o.Client != nil, "no client"),
		require(o.Key != "", "no key"),
		require(o.PollTimeout >= 0, "the poll timeout is negative"),
		o.DeadLetters.validate(),
	)
}

// List is a Redis list as an at-most-once queue: records that were popped and
// neither settled nor nacked are lost when the process dies. Nobody else can take
// them meanwhile, so Extend does nothing. Nack and Settle may be repeated within an
// hour after a lost reply, with the same deliveries in the same order.
type List struct {
	opts  ListOptions
	keys  Keys
	sizer sizer

	lastReply int           // size of the last reply, in bytes
	pops      atomic.Uint64 // number of the last pop
	letters   letterWatch
	counted   atomic.Int64 // Unix ms: when the dead letters were last counted
}

// NewList returns a queue on a list, or an error if the options are invalid. It does
// not connect.
func NewList(opts ListOptions) (*List, error) {
	if err := opts.validate(); err != nil {
		return nil, wrap(err, "invalid options for the list %q", opts.Key)
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	l := &List{opts: opts, keys: KeysOf(opts.Key), letters: letterWatch{log: opts.Log}}
	l.pops.Store(rand.Uint64()) // the numbers of two workers are far apart
	return l, nil
}

// Receive pops the oldest records. A pop in progress when ctx ends is awaited, for at
// most a second, since its records would be lost otherwise.
func (l *List) Receive(ctx context.Context, max int) ([]Delivery, error) {
	pops := context.WithoutCancel(ctx)
	deadline := time.Now().Add(l.opts.PollTimeout)
	for ctx.Err() == nil {
		popped, err := l.opts.Client.BLPop(pops, pollSlice, l.keys.Main).Result()
		switch {
		case errors.Is(err, redis.Nil):
			if time.Now().Before(deadline) {
				continue
			}
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("BLPOP %s: %w", l.keys.Main, err)
		}
		return l.fill(pops, popped[1], max), nil
	}
	return nil, nil
}

// fill adds further waiting records to the first one. If that fails it returns what
// it has, since those records have been popped.
func (l *List) fill(ctx context.Context, first string, max int) []Delivery {
	batch := []Delivery{{Body: []byte(first), Deliveries: 1}}
	l.sizer.observe(batch) // the others may be as large
	if n := l.sizer.limit(max) - 1; n > 0 {
		var err error
		if batch, err = l.pop(ctx, batch, n); err != nil {
			l.opts.Log.Warn("warning", "status", "error", "reason", fmt.Sprintf("LPOP %s %d failed; if only the reply was lost, so are its records, except for the %d received: %v", l.keys.Main, n, len(batch)-1, err))
		}
	}
	l.sizer.observe(batch)
	for i := range batch {
		batch[i].pop = l.pops.Add(1)
	}
	return batch
}

// pop appends up to n records, which share the memory of the reply. After an error
// reply, by which nothing was popped, it repeats the command through the client
// library, which follows redirections of a Cluster.
func (l *List) pop(ctx context.Context, batch []Delivery, n int) ([]Delivery, error) {
	reply, err := redisconn.Raw(ctx, l.opts.Client, min(l.lastReply, maxReserve), 1, "lpop", l.keys.Main, n)
	if err != nil {
		batch, _ = decodePopped(batch, reply)
		return batch, err
	}
	if !isErrorReply(reply) {
		l.lastReply = len(reply)
		return decodePopped(batch, reply)
	}
	more, err := l.opts.Client.LPopCount(ctx, l.keys.Main, n).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return batch, err
	}
	for _, body := range more {
		batch = append(batch, Delivery{Body: []byte(body), Deliveries: 1})
	}
	return batch, nil
}

// BeginAttempt returns the delivery: a list does not redeliver, so it has no
// quarantine.
func (l *List) BeginAttempt(_ context.Context, d Delivery) (Delivery, bool, error) {
	return d, true, nil
}

// Settle writes dead letters. There is nothing to acknowledge: popped records have
// left the list. A deferred record is ErrDefer.
func (l *List) Settle(ctx context.Context, settlements []Settlement) (Settled, error) {
	var refused []*Settlement
	for i := range settlements {
		s := &settlements[i]
		if s.Outcome == record.Deferred {
			return Settled{}, ErrDefer
		}
		if l.opts.DeadLetters.keeps(s) {
			refused = append(refused, s)
		}
	}
	if len(refused) > 0 {
		if err := l.writeDeadLetters(ctx, refused); err != nil {
			return Settled{}, fmt.Errorf("writing dead letters to %s: %w", l.keys.Dead, err)
		}
	}
	l.watchLetters(ctx)
	return Settled{Count: len(settlements)}, nil
}

func (l *List) writeDeadLetters(ctx context.Context, settlements []*Settlement) error {
	call := l.once("dead", settlements[0].Delivery, l.keys.Dead)
	now := time.Now()
	for _, s := range settlements {
		words := []any{"*"}
		if most := l.opts.DeadLetters.Max; most > 0 {
			words = []any{"MAXLEN", "=", most, "*"}
		}
		addCommand(call, "XADD", append(words, l.opts.DeadLetters.fields(s, now)...))
	}
	return call.Run(ctx, l.opts.Client).Err()
}

// Extend does nothing.
func (l *List) Extend(context.Context, []Delivery) ([]string, error) { return nil, nil }

// Nack pushes the records to the head of the list, in their order.
func (l *List) Nack(ctx context.Context, held []Delivery) error {
	return l.push(ctx, "back", "LPUSH", slices.Backward(held), held)
}

// Requeue pushes records that can't be processed for now to the tail of the list: at
// its head they would block all others.
func (l *List) Requeue(ctx context.Context, held []Delivery) error {
	return l.push(ctx, "requeue", "RPUSH", slices.All(held), held)
}

func (l *List) push(ctx context.Context, what, command string, order iter.Seq2[int, Delivery], held []Delivery) error {
	if len(held) == 0 {
		return nil
	}
	bodies := make([]any, 0, len(held))
	for _, d := range order {
		bodies = append(bodies, d.Body)
	}
	call := l.once(what, &held[0], l.keys.Main)
	for page := range slices.Chunk(bodies, maxPushPage) {
		addCommand(call, command, page)
	}
	if err := call.Run(ctx, l.opts.Client).Err(); err != nil {
		return fmt.Errorf("returning %s to %s: %w", plural.Of(len(held), "record", "records"), l.keys.Main, err)
	}
	return nil
}

// Close does nothing.
func (l *List) Close(context.Context) error { return nil }
