package streams

import (
	"cmp"
	"context"
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
	Source     string // where the record came from, for example customers.csv:12, if the producer said so
	Deliveries int64
	FailedAt   string // RFC 3339 with ms
	Worker     string
	// TraceParent and TraceState are the record's W3C trace context, if the producer
	// set one.
	TraceParent, TraceState string

	Data string // the body as it arrived; all fields as JSON for an entry without exactly one body
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

// Key returns the key of their stream.
func (d *DeadLetters) Key() string { return d.keys.Dead }

// Count returns the number of dead letters.
func (d *DeadLetters) Count(ctx context.Context) (int64, error) {
	n, err := d.client.XLen(ctx, d.keys.Dead).Result()
	return n, wrap(err, "counting the dead letters of %s", d.keys.Main)
}

// Newest returns the ID of the newest dead letter, "" if there is none. Those that are
// written later have greater IDs.
func (d *DeadLetters) Newest(ctx context.Context) (string, error) {
	newest, err := d.client.XRevRangeN(ctx, d.keys.Dead, "+", "-", 1).Result()
	if err != nil || len(newest) == 0 {
		return "", wrap(err, "reading dead letters of %s", d.keys.Main)
	}
	return newest[0].ID, nil
}

// Letter returns the dead letter with this ID, false if there is none.
func (d *DeadLetters) Letter(ctx context.Context, id string) (DeadLetter, bool, error) {
	found, err := d.client.XRange(ctx, d.keys.Dead, id, id).Result()
	if err != nil || len(found) == 0 {
		return DeadLetter{}, false, wrap(err, "reading the dead letter %s of %s", id, d.keys.Main)
	}
	return deadLetter(found[0]), true, nil
}

// Letters iterates over the dead letters that exist when it begins. It reads some
// MiB at a time and ends after the first error.
func (d *DeadLetters) Letters(ctx context.Context, newestFirst bool) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		newest, err := d.Newest(ctx)
		if err != nil {
			yield(DeadLetter{}, err)
			return
		}
		d.LettersThrough(ctx, newest, newestFirst)(yield)
	}
}

// LettersThrough is Letters up to the dead letter with an ID, that one included; none
// if it is empty.
func (d *DeadLetters) LettersThrough(ctx context.Context, last string, newestFirst bool) iter.Seq2[DeadLetter, error] {
	return func(yield func(DeadLetter, error) bool) {
		pages := letterPages{client: d.client, key: d.keys.Dead, down: newestFirst, from: "-", to: last}
		for last != "" {
			page, err := pages.next(ctx)
			if err != nil {
				yield(DeadLetter{}, wrap(err, "reading dead letters of %s", d.keys.Main))
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
		ID: entry.ID, Event: field("event"), Reason: field("reason"), StreamID: field("streamId"), Origin: field("origin"), Source: field(fieldSource),
		Deliveries: deliveries, FailedAt: field("failedAt"), Worker: field("worker"), Data: field(fieldData), Fields: fields,
		TraceParent: field(fieldTraceParent), TraceState: field(fieldTraceState),
	}
}
