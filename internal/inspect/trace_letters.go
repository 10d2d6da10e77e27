package inspect

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/streams"
)

var (
	//go:embed trace_letters.lua
	traceLettersSource string
	traceLettersScript = redis.NewScript(traceLettersSource)
)

// The limits of one call of the script, which blocks Redis for about a millisecond.
const (
	callLetters     = 500
	callLetterBytes = 1 << 20
)

// findLetter returns the dead letter of an entry, or nil if there is none or that is unknown. Dead letters are written after
// the entry arrived, so it looks from there on.
func (t *Tracer) findLetter(ctx context.Context, tr *Trace, e *entry) (*streams.DeadLetter, error) {
	key := streams.KeysOf(e.key).Dead
	if e.noLetters != "" {
		return nil, nil
	}
	if l, complete := t.letters[key][e.id], t.complete[key]; l != nil || complete {
		return l, nil
	}
	looked := Looked{Place: key}
	from, _, _ := strings.Cut(e.id, "-")
	for from != "" && looked.Seen < t.scan() {
		reply, err := redisconn.Run(ctx, t.Redis, traceLettersScript, []string{key}, from, e.id, callLetters, callLetterBytes).Slice()
		if err != nil || len(reply) != 4 {
			return nil, fmt.Errorf("looking for the dead letter of %s: %w", e.id, redisconn.Plain(err))
		}
		if id := fmt.Sprint(reply[3]); id != "" {
			return letterOf(id, byName(stringsOf(reply[2]))), nil
		}
		seen, _ := reply[0].(int64)
		looked.Seen += seen
		from = fmt.Sprint(reply[1])
	}
	if from != "" {
		tr.noteLetters(ctx, t, looked)
	}
	return nil, nil
}

// noteLetters says that not all dead letters since the entry's arrival were looked at.
func (tr *Trace) noteLetters(ctx context.Context, t *Tracer, looked Looked) {
	total, err := t.Redis.XLen(ctx, looked.Place).Result()
	if err == nil {
		looked.Total = max(total, looked.Seen+1)
		tr.Looked = append(tr.Looked, looked)
	}
}

func letterOf(id string, fields map[string]string) *streams.DeadLetter {
	l := &streams.DeadLetter{
		ID: id, Event: fields["event"], Reason: fields["reason"], StreamID: fields["streamId"], Origin: fields["origin"],
		Source: fields["source"], Deliveries: decimal(fields["deliveries"]), FailedAt: fields["failedAt"], Worker: fields["worker"], Data: fields["data"],
	}
	if exact, kept := fields["fields"]; kept {
		l.Fields = []string{exact}
	}
	return l
}

// byLetterID traces a dead letter of a list, whose entries have no IDs.
func (t *Tracer) byLetterID(ctx context.Context, tr *Trace) error {
	if err := t.readClock(ctx, tr); err != nil {
		return err
	}
	w, err := t.wayOfLetter(ctx, tr, t.List, 0, tr.ID)
	if err == nil && w != nil {
		tr.Ways = append(tr.Ways, w)
	}
	return err
}

// wayOfLetter follows the record of a dead letter. It is nil if there is none.
func (t *Tracer) wayOfLetter(ctx context.Context, tr *Trace, key string, partition int, id string) (*Way, error) {
	found, err := t.Redis.XRange(ctx, streams.KeysOf(key).Dead, id, id).Result()
	if err != nil {
		return nil, fmt.Errorf("looking up the dead letter %s: %w", id, redisconn.Plain(err))
	}
	if len(found) == 0 {
		return nil, nil
	}
	l := letterOf(id, messageFields(found[0]))
	return t.followLetter(ctx, l, key, partition), nil
}

// followLetter tells the way of a dead letter's record.
func (t *Tracer) followLetter(ctx context.Context, l *streams.DeadLetter, key string, partition int) *Way {
	w := &Way{EntryID: l.StreamID, Key: key, Partition: partition, Origin: l.Origin, Source: l.Source}
	if l.Fields == nil {
		t.readBody(w, []byte(l.Data))
	}
	evidence := "the dead letter's fields"
	if first := l.Origin; first != "" {
		w.add(Step{At: arrivalOf(first), Place: key, Text: "arrived as " + first, Evidence: evidence, Certainty: Certain})
		w.add(Step{At: arrivalOf(l.StreamID), State: StateReturned, Place: key, Text: "was put back on the stream as " + l.StreamID, Evidence: evidence, Certainty: Certain})
	} else if l.StreamID != "" {
		w.add(Step{At: arrivalOf(l.StreamID), Place: key, Text: "arrived as " + l.StreamID, Evidence: evidence, Certainty: Certain})
	}
	t.endDead(w, l)
	t.readDocument(ctx, w)
	if l.StreamID != "" {
		t.readSlot(ctx, w, arrivalOf(l.StreamID))
	}
	return w
}

func messageFields(m redis.XMessage) map[string]string {
	fields := make(map[string]string, len(m.Values))
	for name, value := range m.Values {
		fields[name] = fmt.Sprint(value)
	}
	return fields
}

// findReturned returns the newest entry as which the record of an entry was put back, if
// that is not settled yet; else nil.
func (t *Tracer) findReturned(ctx context.Context, tr *Trace, e *entry) (*entry, error) {
	key := streams.KeysOf(e.key).Returns
	looked, newest := Looked{Place: key}, ""
	for cursor := uint64(0); ; {
		page, next, err := t.Redis.HScan(ctx, key, cursor, "", 500).Result()
		if err != nil {
			return nil, fmt.Errorf("looking for what was put back: %w", redisconn.Plain(err))
		}
		for i := 0; i+1 < len(page); i += 2 {
			if strings.HasPrefix(page[i+1], e.id+" ") && compareIDs(page[i], newest) > 0 {
				newest = page[i]
			}
		}
		looked.Seen += int64(len(page) / 2)
		if cursor = next; cursor == 0 {
			break
		}
		if looked.Seen >= t.scan() {
			looked.Total = max(t.Redis.HLen(ctx, key).Val(), looked.Seen+1)
			tr.Looked = append(tr.Looked, looked)
			break
		}
	}
	if newest == "" {
		return nil, nil
	}
	return t.readEntry(ctx, e.key, newest)
}

// followReturned goes on with the entry as which a record was put back.
func (t *Tracer) followReturned(ctx context.Context, tr *Trace, w *Way, e, back *entry, err error) error {
	if err != nil {
		return err
	}
	w.addMissingArrival(e)
	s := Step{At: arrivalOf(back.id), State: StateReplayed, Place: back.key, Certainty: Certain, Evidence: "the note in " + streams.KeysOf(e.key).Returns,
		Text: "it became a dead letter, which was replayed as entry " + back.id}
	if !back.slot.IsZero() {
		s.State, s.Text = StateReturned, "it was deferred, and came back when its place was due, as entry "+back.id
	}
	w.add(s)
	if w.Record == nil && w.Refusal == nil {
		t.readBody(w, back.body())
	}
	w.Back = back.id
	return t.endWay(ctx, tr, w, back)
}
