package streams

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// DeadLetter is a refused record that was kept.
type DeadLetter struct {
	ID         string // of the dead letter itself
	Event      string // the outcome, for example "parse_error"
	Reason     string
	StreamID   string // ID of the record's entry; empty in list mode
	Origin     string // ID of its first entry if it was put back since; else empty
	Deliveries int64
	FailedAt   string // RFC 3339 with ms
	Worker     string
	Data       string // the body as it arrived; all fields as JSON for an entry without exactly one body
	// Fields are the alternating names and values of an entry without exactly one
	// body, byte for byte; else nil. Replay puts them back.
	Fields []string
}

// DeadLetters gives access to the dead letters of one partition or of a list. It is
// safe for concurrent use.
type DeadLetters struct {
	client redis.UniversalClient
	keys   Keys
	kind   string // type of the queue: "stream" or "list"
}

// NewDeadLetters returns the dead letters of one partition of a stream.
func NewDeadLetters(client redis.UniversalClient, streamKey string) *DeadLetters {
	return &DeadLetters{client: client, keys: KeysOf(streamKey), kind: "stream"}
}

// NewListDeadLetters returns the dead letters of a list.
func NewListDeadLetters(client redis.UniversalClient, listKey string) *DeadLetters {
	return &DeadLetters{client: client, keys: KeysOf(listKey), kind: "list"}
}

// Count returns the number of dead letters.
func (d *DeadLetters) Count(ctx context.Context) (int64, error) {
	n, err := d.client.XLen(ctx, d.keys.Dead).Result()
	return n, wrap(err, "counting the dead letters of %s", d.keys.Main)
}

// Letters iterates over the dead letters that exist when it begins. It reads some
// MiB at a time and ends after the first error.
func (d *DeadLetters) Letters(ctx context.Context, newestFirst bool) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		fail := func(err error) { yield(DeadLetter{}, fmt.Errorf("reading dead letters of %s: %w", d.keys.Main, err)) }
		newest, err := d.client.XRevRangeN(ctx, d.keys.Dead, "+", "-", 1).Result()
		if err != nil {
			fail(err)
			return
		}
		if len(newest) == 0 {
			return
		}
		pages := letterPages{client: d.client, key: d.keys.Dead, down: newestFirst, from: "-", to: newest[0].ID}
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

// letterPages reads a stream in pages of about pageBytes.
type letterPages struct {
	client   redis.UniversalClient
	key      string
	down     bool
	from, to string // IDs, both included unless they begin with "("
	count    int64  // entries of the next page; 0 before the first one
}

const (
	firstPage, largestPage = 4, 500
	pageBytes              = 1 << 20
)

func (p *letterPages) next(ctx context.Context) (page []redis.XMessage, err error) {
	count := cmp.Or(p.count, firstPage)
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
