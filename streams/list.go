package streams

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/record"
)

// pollSlice is a single wait inside Redis: short, so that a shutdown, which
// waits for it, is quick. BLPOP takes whole seconds.
const pollSlice = time.Second

var (
	//go:embed list_once.lua
	onceSource string
	onceScript = redis.NewScript(onceSource)
)

// onceFor is how long Redis knows that something was done already: as long as a
// caller may repeat it, since Redis is away meanwhile.
const onceFor = time.Hour

// pushPage is how many records one LPUSH of the script takes: Lua passes some
// thousands of arguments at most.
const pushPage = 1000

// ListOptions configures a List.
type ListOptions struct {
	// Client must not repeat commands by itself: a pop whose reply was lost
	// would pop again.
	Client      redis.UniversalClient
	Key         string
	PollTimeout time.Duration // how long Receive waits
	DeadLetters DeadLetterOptions
	Log         *slog.Logger
}

// List is a Redis list as an at-most-once queue: what was popped and neither
// settled nor handed back when the process dies is lost. Extend does nothing,
// since a popped record is nobody else's. Nack and Settle may be repeated
// within an hour after a lost reply, of the same deliveries in the same order.
type List struct {
	opts  ListOptions
	keys  Keys
	sizer sizer

	lastReply int // bytes of the reply that was read last
	pops      atomic.Uint64
}

// NewList returns the queue on a list. It does not connect.
func NewList(opts ListOptions) *List {
	l := &List{opts: opts, keys: KeysOf(opts.Key)}
	l.pops.Store(rand.Uint64()) // the numbers of two workers lie far apart
	return l
}

// Receive pops the oldest records. A pop is never raced against ctx: one that
// is under way when ctx ends is waited for, one second at most.
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
		return l.fill(pops, popped[1], max)
	}
	return nil, nil
}

// fill adds what else waits to the first record. An error of its own does not
// keep that one, which is held already.
func (l *List) fill(ctx context.Context, first string, max int) ([]Delivery, error) {
	batch := []Delivery{{Body: []byte(first), Deliveries: 1}}
	l.sizer.observe(batch) // the others may be as large
	if n := l.sizer.limit(max) - 1; n > 0 {
		var err error
		if batch, err = l.pop(ctx, batch, n); err != nil {
			l.opts.Log.Warn("warning", "status", "error", "reason", fmt.Sprintf("LPOP %s %d failed; if the reply alone was lost, so are the records in it, but for %d that have come: %v", l.keys.Main, n, len(batch)-1, err))
		}
	}
	l.sizer.observe(batch)
	for i := range batch {
		batch[i].pop = l.pops.Add(1)
	}
	return batch, nil
}

// pop adds up to n records to a batch, which are parts of the reply. Where that is
// an error nothing was popped: then it asks once more by the library's own
// command, which follows a Cluster.
func (l *List) pop(ctx context.Context, batch []Delivery, n int) ([]Delivery, error) {
	reply, err := redisconn.Raw(ctx, l.opts.Client, min(l.lastReply, mostExpected), 1, "lpop", l.keys.Main, n)
	if err != nil {
		batch, _ = popped(batch, reply)
		return batch, err
	}
	if !isErrorReply(reply) {
		l.lastReply = len(reply)
		return popped(batch, reply)
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

// Try does nothing: a list does not deliver twice, so nothing is suspected.
func (l *List) Try(_ context.Context, d Delivery) (Delivery, bool, error) { return d, true, nil }

// Settle writes dead letters where they are kept. There is nothing to
// acknowledge: the pop has done that.
func (l *List) Settle(ctx context.Context, settlements []Settlement) (Settled, error) {
	var kept []*Settlement
	for i := range settlements {
		s := &settlements[i]
		if s.Outcome == record.Deferred {
			return Settled{}, errors.New("a list can't defer records: RATE_LIMIT_POLICY=defer needs QUEUE_MODE=stream")
		}
		if l.opts.DeadLetters.keeps(s) {
			kept = append(kept, s)
		}
	}
	if len(kept) > 0 {
		if err := l.bury(ctx, kept); err != nil {
			return Settled{}, fmt.Errorf("writing dead letters to %s: %w", l.keys.Dead, err)
		}
	}
	return Settled{Count: len(settlements)}, nil
}

func (l *List) bury(ctx context.Context, settlements []*Settlement) error {
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

// once begins a call of once.lua that is known by what is done and by the first
// delivery of those to which it is done.
func (l *List) once(what string, first *Delivery, key string) *redisconn.Call {
	pop := cmp.Or(first.pop, l.pops.Add(1))
	marker := "{" + l.keys.Main + "}:once:" + what + ":" + strconv.FormatUint(pop, 36)
	call := redisconn.NewCall(onceScript, []string{marker, key}, 1)
	call.Add(int(onceFor.Seconds()))
	return call
}

func addCommand(call *redisconn.Call, name string, words []any) {
	call.Add(name, len(words))
	call.Add(words...)
}

// Extend does nothing.
func (l *List) Extend(context.Context, []Delivery) ([]string, error) { return nil, nil }

// Nack pushes the records to the head of the list in their order.
func (l *List) Nack(ctx context.Context, held []Delivery) error {
	return l.push(ctx, "back", "LPUSH", slices.Backward(held), held)
}

// Requeue pushes records that can't be worked on for now to the list's tail: at
// its head they would hold up all others.
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
	for page := range slices.Chunk(bodies, pushPage) {
		addCommand(call, command, page)
	}
	if err := call.Run(ctx, l.opts.Client).Err(); err != nil {
		return fmt.Errorf("handing %d records back to %s: %w", len(held), l.keys.Main, err)
	}
	return nil
}

// Close does nothing: a List holds nothing itself.
func (l *List) Close(context.Context) error { return nil }
