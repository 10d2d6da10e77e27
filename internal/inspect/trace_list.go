package inspect

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/streams"
)

// scanList looks for records in a list, from its head on, where the workers take them,
// and then among its dead letters. A list tells nothing of the records that workers hold.
func (t *Tracer) scanList(ctx context.Context, tr *Trace, m matcher) error {
	looked, err := t.readList(ctx, tr, m)
	tr.Looked = append(tr.Looked, looked)
	if err != nil {
		return ended(ctx, err)
	}
	letters := Looked{Place: streams.KeysOf(t.List).Dead}
	err = t.pages(ctx, &letters, "-", t.scan(), func(x redis.XMessage) {
		fields := messageFields(x)
		if !m.match(t.Decoder, []byte(fields["data"])) {
			return
		}
		if tr.Matches++; len(tr.Ways) < t.limit() {
			tr.Ways = append(tr.Ways, t.followLetter(ctx, letterOf(x.ID, fields), t.List, 0))
		}
	})
	tr.Looked = append(tr.Looked, letters)
	return ended(ctx, err)
}

// listPage is how many records of a list are read at once.
const listPage = 500

func (t *Tracer) readList(ctx context.Context, tr *Trace, m matcher) (Looked, error) {
	looked := Looked{Place: t.List}
	total, err := t.Redis.LLen(ctx, t.List).Result()
	if err != nil {
		return looked, fmt.Errorf("counting %s: %w", t.List, redisconn.Plain(err))
	}
	looked.Total = total
	for looked.Seen < min(total, t.scan()) {
		page, err := t.Redis.LRange(ctx, t.List, looked.Seen, min(looked.Seen+listPage, t.scan())-1).Result()
		if err != nil {
			looked.Interrupted = ctx.Err() != nil
			return looked, fmt.Errorf("reading %s: %w", t.List, redisconn.Plain(err))
		}
		if len(page) == 0 {
			looked.Total = looked.Seen
			break
		}
		for i, body := range page {
			if m.match(t.Decoder, []byte(body)) {
				t.addQueued(ctx, tr, []byte(body), looked.Seen+int64(i)+1)
			}
		}
		looked.Seen += int64(len(page))
		t.progress(looked)
	}
	return looked, nil
}

func (t *Tracer) addQueued(ctx context.Context, tr *Trace, body []byte, position int64) {
	if tr.Matches++; len(tr.Ways) >= t.limit() {
		return
	}
	w := &Way{Key: t.List, Position: position}
	t.readBody(w, body)
	w.end(Step{State: StateQueued, Place: t.List, Certainty: Certain, Text: fmt.Sprintf("number %d from the head of the list", position),
		Evidence: "the list; workers move it on meanwhile"})
	t.readDocument(ctx, w)
	tr.Ways = append(tr.Ways, w)
}
