package streams

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

var (
	//go:embed deadletters_replay.lua
	replaySource string
	//go:embed deadletters_purge.lua
	purgeSource string

	replayScript = redis.NewScript(needSource + replaySource)
	purgeScript  = redis.NewScript(needSource + purgeSource)
)

// DeadLetter is one refused record as it is kept.
type DeadLetter struct {
	ID         string // of the dead letter itself, not of the entry it was
	Event      string // the outcome, for example "parse_error"
	Reason     string
	StreamID   string // the entry; empty in list mode
	Origin     string // the first entry, where it was put back since
	Deliveries int64
	FailedAt   string // RFC 3339, ms
	Worker     string
	Data       string // the body as it came; of an entry that was not one body all fields as JSON, to be read by people
	// Fields are those of an entry that was not one body, names and values in turn,
	// byte for byte; else nil. They are kept in the dead letter's field `fields` as
	// netstrings, and are what is put back.
	Fields []string
}

// DeadLetters is where the dead letters of one partition, or of a list, are.
type DeadLetters struct {
	client redis.UniversalClient
	keys   Keys
	kind   string // of the queue: "stream" or "list"
}

// NewDeadLetters returns that of a stream's partition.
func NewDeadLetters(client redis.UniversalClient, streamKey string) *DeadLetters {
	return &DeadLetters{client: client, keys: KeysOf(streamKey), kind: "stream"}
}

// NewListDeadLetters returns that of a list.
func NewListDeadLetters(client redis.UniversalClient, listKey string) *DeadLetters {
	return &DeadLetters{client: client, keys: KeysOf(listKey), kind: "list"}
}

// Count is the number of dead letters there are.
func (g *DeadLetters) Count(ctx context.Context) (int64, error) {
	n, err := g.client.XLen(ctx, g.keys.Dead).Result()
	return n, wrap(err, "counting the dead letters of %s", g.keys.Main)
}

// Letters goes through the dead letters there are when it begins, some MiB at a
// time. It ends with the first error.
func (g *DeadLetters) Letters(ctx context.Context, newestFirst bool) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		fail := func(err error) { yield(DeadLetter{}, fmt.Errorf("reading dead letters of %s: %w", g.keys.Main, err)) }
		newest, err := g.client.XRevRangeN(ctx, g.keys.Dead, "+", "-", 1).Result()
		if err != nil {
			fail(err)
			return
		}
		if len(newest) == 0 {
			return
		}
		pages := letterPages{client: g.client, key: g.keys.Dead, down: newestFirst, from: "-", to: newest[0].ID}
		for {
			page, err := pages.next(ctx)
			if err != nil {
				fail(err)
				return
			}
			if len(page) == 0 {
				return
			}
			for _, entry := range page {
				if !yield(deadLetter(entry), nil) {
					return
				}
			}
		}
	}
}

// letterPages reads a stream page by page, as many entries at once as suit
// their size.
type letterPages struct {
	client   redis.UniversalClient
	key      string
	down     bool
	from, to string // IDs, both included unless they begin with "("
	count    int64  // of the next page
}

const (
	firstPage, largestPage = 4, 500
	pageBytes              = 1 << 20 // about
)

func (p *letterPages) next(ctx context.Context) (page []redis.XMessage, err error) {
	count := p.count
	if count == 0 {
		count = firstPage
	}
	if p.down {
		page, err = p.client.XRevRangeN(ctx, p.key, p.to, p.from, count).Result()
	} else {
		page, err = p.client.XRangeN(ctx, p.key, p.from, p.to, count).Result()
	}
	if err != nil || len(page) == 0 {
		return nil, err
	}
	beyond := "(" + page[len(page)-1].ID
	if p.down {
		p.to = beyond
	} else {
		p.from = beyond
	}
	bytes := 1
	for _, entry := range page {
		bytes += len(text(entry.Values[fieldData])) + len(text(entry.Values[fieldFields]))
	}
	p.count = max(1, min(largestPage, int64(len(page)*pageBytes/bytes)))
	return page, nil
}

func deadLetter(entry redis.XMessage) DeadLetter {
	field := func(name string) string { return text(entry.Values[name]) }
	deliveries, _ := strconv.ParseInt(field("deliveries"), 10, 64)
	var fields []string
	if kept, ok := entry.Values[fieldFields].(string); ok {
		fields = parseNetstrings(kept)
	}
	return DeadLetter{
		ID: entry.ID, Event: field("event"), Reason: field("reason"), StreamID: field("streamId"), Origin: field("origin"),
		Deliveries: deliveries, FailedAt: field("failedAt"), Worker: field("worker"), Data: field(fieldData), Fields: fields,
	}
}

// UnfitError says that some letters can't be put back, as they are; the others
// were.
type UnfitError struct {
	Left   int
	Reason string // of the first
}

func (e *UnfitError) Error() string {
	return fmt.Sprintf("%s can't be put back; %s", plural(int64(e.Left), "dead letter", "dead letters"), e.Reason)
}

// Replay puts dead letters back on their queue, as they are, and says how many
// of those named were still there. It may be repeated after an error: a letter
// goes back once. Where Redis has no room it stops, and the error says so; the
// count is right then, too. An *UnfitError tells of letters that are left. The letters named should be some MiB together at
// most: they are copied in one step.
func (g *DeadLetters) Replay(ctx context.Context, ids []string) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	reply, err := redisconn.Run(ctx, g.client, replayScript, []string{g.keys.Main, g.keys.Dead, g.keys.Ledger, g.keys.Returns}, append([]any{g.kind}, anyOf(ids)...)...).Slice()
	if err != nil {
		return 0, fmt.Errorf("putting dead letters back on %s: %w", g.keys.Main, err)
	}
	n, _ := reply[0].(int64)
	if cause := text(reply[1]); cause != "" {
		return int(n), fmt.Errorf("putting dead letters back on %s: %w", g.keys.Main, errors.New(cause))
	}
	if left, _ := reply[2].(int64); left > 0 {
		return int(n), &UnfitError{Left: int(left), Reason: text(reply[3])}
	}
	return int(n), nil
}

// Purge deletes dead letters for good and says how many of those named were
// still there. It may be repeated after an error.
func (g *DeadLetters) Purge(ctx context.Context, ids []string) (int, error) {
	if len(ids) == 0 {
		return 0, nil
	}
	n, err := redisconn.Run(ctx, g.client, purgeScript, []string{g.keys.Dead, g.keys.Ledger}, anyOf(ids)...).Int()
	return n, wrap(err, "deleting dead letters of %s", g.keys.Main)
}

func anyOf(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
