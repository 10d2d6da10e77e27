package inspect

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/streams"
)

var (
	//go:embed trace_entry.lua
	traceEntrySource string
	traceEntryScript = redis.NewScript(traceEntrySource)
	//go:embed trace_ahead.lua
	traceAheadSource string
	traceAheadScript = redis.NewScript(traceAheadSource)
)

// entry is what Redis knows of an entry ID in one partition.
type entry struct {
	key, id                      string
	now                          time.Time
	length                       int64
	first, last, generated       string
	groupThere                   bool
	delivered, oldestPending     string
	owner                        string // holds the entry; empty if it is not pending
	idle                         time.Duration
	deliveries                   int64
	due                          time.Time // zero: not in the delayed set
	attempts                     int64
	gone                         bool
	watermark                    string
	moved                        int64     // entries of the partition that were moved to a list
	origin                       string    // of an entry that was put back
	slot                         time.Time // reserved for it
	proven                       bool      // {K}:returns says the same as the entry's own fields
	fields                       []string  // of the entry on the stream; nil if there is none
	letterFields                 []string  // of the dead letter with the same ID
	noLetters                    string    // why dead letters are unknown; empty if they are known
	deferredData, deferredOrigin string    // what the delayed set keeps
	source                       string
}

func (s Source) readEntry(ctx context.Context, key, id string) (*entry, error) {
	k := streams.KeysOf(key)
	keys := []string{k.Main, k.Dead, k.Delayed, k.DelayedData, k.Ledger, k.AttemptCounts, k.Gone, k.Returns}
	reply, err := redisconn.Run(ctx, s.Redis, traceEntryScript, keys, s.Group, id).Slice()
	if err == nil && len(reply) != 3 {
		err = fmt.Errorf("script replied %d fields, want three", len(reply))
	}
	if err != nil {
		return nil, fmt.Errorf("looking up %s in %s: %w", id, key, redisconn.Plain(err))
	}
	e := &entry{key: key, id: id, fields: stringsOf(reply[1]), letterFields: stringsOf(reply[2])}
	facts := byName(stringsOf(reply[0]))
	e.noLetters = facts["noletters"]
	e.setPlaces(facts)
	e.setNotes(facts)
	e.setOrigin(facts["returned"])
	return e, nil
}

func (e *entry) setPlaces(facts map[string]string) {
	e.now = time.UnixMilli(decimal(facts["now"])).UTC()
	e.length = decimal(facts["length"])
	e.first, e.last, e.generated = facts["first"], facts["last"], facts["generated"]
	e.delivered, e.groupThere = facts["delivered"]
	e.oldestPending, e.owner = facts["waits"], facts["owner"]
	e.idle = time.Duration(decimal(facts["idle"])) * time.Millisecond
	e.deliveries = decimal(facts["deliveries"])
}

func (e *entry) setNotes(facts map[string]string) {
	if due, delayed := facts["due"]; delayed {
		ms, _ := strconv.ParseFloat(due, 64)
		e.due = time.UnixMilli(int64(ms)).UTC()
	}
	var payload []string
	_ = json.Unmarshal([]byte(facts["payload"]), &payload) // what can't be read is not known
	kept := byName(payload)
	e.deferredData, e.deferredOrigin = kept["data"], kept["origin"]
	e.attempts = decimal(facts["attempts"])
	_, e.gone = facts["gone"]
	e.watermark, e.moved = facts["watermark"], decimal(facts["moved"])
}

// setOrigin takes the origin from the note about the entry, or else from its fields,
// which prove nothing: the note is removed when the entry is settled.
func (e *entry) setOrigin(returned string) {
	own := byName(e.fields)
	e.source = own["source"]
	origin, slot, known := strings.Cut(returned, " ")
	if !known {
		origin, slot = own["ingestion:origin"], own["ingestion:admitAt"]
	}
	if !IsEntryID(origin) || compareIDs(origin, e.id) >= 0 {
		return
	}
	e.origin, e.proven = origin, known
	if ms := decimal(slot); ms > 0 {
		e.slot = time.UnixMilli(ms).UTC()
	}
}

// body is the record as it is kept on the stream or in the delayed set; nil if neither
// has it.
func (e *entry) body() []byte {
	bodies, body := 0, ""
	for i := 0; i+1 < len(e.fields); i += 2 {
		if e.fields[i] == "data" {
			bodies, body = bodies+1, e.fields[i+1]
		}
	}
	switch {
	case bodies == 1:
		return []byte(body)
	case e.fields == nil && e.deferredData != "":
		return []byte(e.deferredData)
	default:
		return nil
	}
}

func (e *entry) there() bool { return e.fields != nil }

func (e *entry) pending() bool { return e.owner != "" }

func (e *entry) wasDelivered() bool { return e.groupThere && compareIDs(e.id, e.delivered) <= 0 }

// admittedAt is the time by which the limiter judges the record with the arrival clock.
func (e *entry) admittedAt() time.Time {
	if !e.slot.IsZero() {
		return e.slot
	}
	return arrivalOf(e.id)
}

// The limits of counting the entries ahead of an undelivered one.
const (
	aheadEntries = 2000
	aheadBytes   = 2 << 20
)

// Ahead is how many entries are delivered before another one.
type Ahead struct {
	Entries int64
	Exact   bool // otherwise estimated by times of arrival
}

func (s Source) readAhead(ctx context.Context, e *entry) (Ahead, error) {
	from := e.delivered
	if from == "" {
		from = "0-0"
	}
	n, err := redisconn.Run(ctx, s.Redis, traceAheadScript, []string{e.key}, from, e.id, aheadEntries, aheadBytes).Int64Slice()
	if err != nil || len(n) != 2 {
		return Ahead{}, fmt.Errorf("counting the entries before %s: %w", e.id, redisconn.Plain(err))
	}
	if n[1] == 1 {
		return Ahead{Entries: n[0], Exact: true}, nil
	}
	return Ahead{Entries: max(n[0], e.estimateAhead())}, nil
}

// estimateAhead assumes that the entries on the stream have arrived evenly.
func (e *entry) estimateAhead() int64 {
	ms := func(id string) float64 { return float64(arrivalOf(id).UnixMilli()) }
	from := e.first
	if compareIDs(from, e.delivered) < 0 {
		from = e.delivered
	}
	span := ms(e.last) - ms(e.first)
	if span <= 0 {
		return 0
	}
	return int64(float64(e.length) * (ms(e.id) - ms(from)) / span)
}

func stringsOf(reply any) []string {
	list, _ := reply.([]any)
	var all []string
	for _, item := range list {
		all = append(all, fmt.Sprint(item))
	}
	return all
}

func byName(list []string) map[string]string {
	values := make(map[string]string, len(list)/2)
	for i := 0; i+1 < len(list); i += 2 {
		values[list[i]] = list[i+1]
	}
	return values
}

func decimal(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64)
	return n
}
