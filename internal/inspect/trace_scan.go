package inspect

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/streams"
)

// scan looks for records in the partitions, newest first.
type scan struct {
	*Tracer
	trace   *Trace
	matcher matcher
	left    int64 // entries that may still be looked at
	share   int64 // of them, those of one partition; 0: all
	hits    []hit
	seen    map[string]bool // by key and ID: entries among the hits
	more    int64           // hits that were counted and not kept
	refused int             // partitions of which Redis refuses all parts
}

// keptHits bounds the memory of a scan.
const keptHits = 10_000

// partition looks at all parts of a partition. A key that has another type is noted, and the others are looked at,
// unless no part of the queue can be read.
func (s *scan) partition(ctx context.Context, i int) error {
	var refused []Unread
	parts := []func(context.Context, int) error{s.entries, s.delayed, s.deadLetters}
	for n, part := range parts {
		err := part(ctx, i)
		switch {
		case err == nil:
		case redis.HasErrorPrefix(err, "WRONGTYPE"):
			refused = append(refused, Unread{Key: s.partKeys(i)[n], Err: err})
		default:
			return err
		}
	}
	if len(refused) == len(parts) {
		s.refused++
	}
	if s.trace.Unread = append(s.trace.Unread, refused...); s.refused == len(s.Keys) {
		return refused[0].Err
	}
	return nil
}

// partKeys are the keys of what partition looks at.
func (s *scan) partKeys(i int) [3]string {
	k := streams.KeysOf(s.Keys[i])
	return [3]string{k.Main, k.Delayed, k.Dead}
}

func (s *scan) add(h hit) {
	name := s.Keys[h.partition] + " " + h.arrived()
	if s.seen[name] {
		return
	}
	s.seen[name] = true
	if len(s.hits) < keptHits {
		s.hits = append(s.hits, h)
	} else {
		s.more++
	}
}

// The size of a page that is read at once.
const (
	firstScanPage, largestScanPage = 100, 2000
	scanPageBytes                  = 1 << 20
)

// pages reads a stream from its newest entry back to an ID, at most so many entries, and
// calls do for each.
func (t *Tracer) pages(ctx context.Context, looked *Looked, from string, most int64, do func(redis.XMessage)) error {
	total, err := t.Redis.XLen(ctx, looked.Place).Result()
	if err != nil {
		return fmt.Errorf("counting %s: %w", looked.Place, redisconn.Plain(err))
	}
	looked.Total = total
	to, count := "+", int64(firstScanPage)
	for looked.Seen < most {
		page, err := t.Redis.XRevRangeN(ctx, looked.Place, to, from, min(count, most-looked.Seen)).Result()
		if err != nil {
			looked.Interrupted = ctx.Err() != nil
			return fmt.Errorf("reading %s: %w", looked.Place, redisconn.Plain(err))
		}
		if len(page) == 0 {
			looked.Reached = true
			return nil
		}
		bytes := 1
		for _, m := range page {
			bytes += sizeOf(m)
			do(m)
		}
		last := page[len(page)-1].ID
		looked.Seen += int64(len(page))
		looked.Back, to = arrivalOf(last), "("+last
		count = max(1, min(largestScanPage, int64(len(page)*scanPageBytes/bytes)))
		t.progress(*looked)
	}
	return nil
}

func sizeOf(m redis.XMessage) int {
	n := 0
	for name, value := range m.Values {
		text, _ := value.(string)
		n += len(name) + len(text)
	}
	return n
}

func (t *Tracer) progress(l Looked) {
	if t.Progress != nil {
		t.Progress(l)
	}
}

// entries looks at the newest entries of a partition.
func (s *scan) entries(ctx context.Context, i int) error {
	most := s.left
	if s.share > 0 {
		most = min(most, s.share)
	}
	looked := Looked{Place: s.Keys[i]}
	back := map[string]bool{} // first entries of records that were put back
	err := s.pages(ctx, &looked, "-", most, func(m redis.XMessage) {
		body, _ := m.Values["data"].(string)
		if back[m.ID] || !s.matcher.match(s.Decoder, []byte(body)) {
			return
		}
		if origin, _ := m.Values["ingestion:origin"].(string); IsEntryID(origin) {
			back[origin] = true
		}
		s.add(hit{partition: i, id: m.ID})
	})
	s.left -= looked.Seen
	s.note(looked, err)
	return err
}

// delayed looks at the records of a partition that wait, those that are due last first.
func (s *scan) delayed(ctx context.Context, i int) error {
	keys := streams.KeysOf(s.Keys[i])
	total, err := s.Redis.ZCard(ctx, keys.Delayed).Result()
	if err != nil {
		return fmt.Errorf("counting %s: %w", keys.Delayed, redisconn.Plain(err))
	}
	looked := Looked{Place: keys.Delayed, Total: total}
	for looked.Seen < min(total, s.scan()) {
		ids, err := s.Redis.ZRevRange(ctx, keys.Delayed, looked.Seen, looked.Seen+199).Result()
		if err != nil {
			return fmt.Errorf("reading %s: %w", keys.Delayed, redisconn.Plain(err))
		}
		if len(ids) == 0 {
			break
		}
		payloads, err := s.Redis.HMGet(ctx, keys.DelayedData, ids...).Result()
		if err != nil {
			return fmt.Errorf("reading %s: %w", keys.DelayedData, redisconn.Plain(err))
		}
		for n, payload := range payloads {
			if text, ok := payload.(string); ok && s.matcher.match(s.Decoder, deferredBody(text)) {
				s.add(hit{partition: i, id: ids[n]})
			}
		}
		looked.Seen += int64(len(ids))
		s.progress(looked)
	}
	s.trace.Looked = append(s.trace.Looked, looked)
	return nil
}

// deferredBody is the body in what the delayed set keeps of a record.
func deferredBody(payload string) []byte {
	var fields []string
	_ = json.Unmarshal([]byte(payload), &fields) // what can't be read matches nothing
	return []byte(byName(fields)["data"])
}

// deadLetters looks at the newest dead letters of a partition.
func (s *scan) deadLetters(ctx context.Context, i int) error {
	looked := Looked{Place: streams.KeysOf(s.Keys[i]).Dead}
	err := s.pages(ctx, &looked, "-", s.scan(), func(m redis.XMessage) {
		fields := messageFields(m)
		if _, several := fields["fields"]; several || !s.matcher.match(s.Decoder, []byte(fields["data"])) {
			return
		}
		l := letterOf(m.ID, fields)
		s.keep(looked.Place, l)
		s.add(hit{partition: i, letter: l})
	})
	s.complete[looked.Place] = err == nil && looked.All()
	s.note(looked, err)
	return err
}

// note tells how far a scan has looked, unless it could not begin.
func (s *scan) note(looked Looked, err error) {
	if err == nil || looked.Interrupted || looked.Seen > 0 {
		s.trace.Looked = append(s.trace.Looked, looked)
	}
}

// keep spares a search for the dead letter of an entry.
func (s *scan) keep(key string, l *streams.DeadLetter) {
	if s.Tracer.letters[key] == nil {
		s.Tracer.letters[key] = map[string]*streams.DeadLetter{}
	}
	for _, id := range []string{l.StreamID, l.Origin} {
		if id != "" {
			s.Tracer.letters[key][id] = l
		}
	}
}
