package console_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/limiter"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
)

// surname and local are what no page may show of a person unless it was asked to.
const surname, local = "Lovelace", "ada.private"

// person is the body of a valid record.
func person(customer string, n int) string {
	return body(map[string]any{
		"customerId": customer, "name": fmt.Sprintf("Ada %s %d", surname, n), "email": fmt.Sprintf("%s%d@example.org", local, n), "createdAt": "2026-01-31T12:00:00Z",
	})
}

func body(members map[string]any) string {
	text, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// plant fills the queue with what an ordinary one has.
func (r *rig) plant() {
	r.t.Helper()
	r.plantHistory()
	r.plantOutcomes()
	r.plantLimits()
	r.register("worker-1", "host-a", "v1.4.0")
	r.register("worker-3", "host-b", "v1.4.0")
	r.plantWaiting()
}

// plantOutcomes queues records and settles them.
func (r *rig) plantOutcomes() {
	r.t.Helper()
	for i := range 8 {
		r.plantStored("acme", i)
	}
	for i := range 3 {
		r.settled("globex", record.Duplicate, "", person("globex", i))
		r.settled("globex", record.Malformed, "not JSON: unexpected end at byte 25", `{"customerId":"globex","na`)
		r.settled("initech", record.Invalid, "email: the part after @ has no dot", body(map[string]any{
			"customerId": "initech", "name": "Ada " + surname, "email": local + "@example", "createdAt": "2026-01-31T12:00:00Z",
		}))
		r.settled("initech", record.Invalid, "name: blank; createdAt: not a time", body(map[string]any{
			"customerId": "initech", "name": " ", "email": local + "@example.org", "createdAt": "yesterday",
		}))
	}
	for i := range 12 {
		r.settled("acme", record.RateLimited, "5 records in 60 s", person("acme", 100+i))
	}
	for i := range 4 {
		r.settled("umbrella", record.Deferred, "", person("umbrella", i))
	}
	r.settled("hooli", record.Rejected, "MongoDB: code 121", person("hooli", 0))
	r.settled("hooli", record.Poisoned, "processing it panicked", person("hooli", 1))
}

// plantLimits gives customers limits of their own, and one of them places.
func (r *rig) plantLimits() {
	r.t.Helper()
	for customer, limit := range map[string]limiter.Limit{
		"acme": {Records: 100, Window: time.Minute}, "lab": {Mode: limiter.Off}, "blocked-inc": {Mode: limiter.Block},
	} {
		_, err := r.options.Source.SetLimit(r.t.Context(), customer, limit)
		must(r.t, err)
	}
	r.judge("umbrella", 9)
}

// plantWaiting leaves pending entries, one worker's for long, and undelivered ones. What is
// received afterwards are these.
func (r *rig) plantWaiting() {
	r.t.Helper()
	r.plantPending("worker-2", 20*time.Minute, 5)
	r.plantPending("worker-1", 0, 3)
	for i := range 7 {
		r.add(home("globex"), person("globex", 50+i))
	}
}

// settled queues a record of a customer, and settles it.
func (r *rig) settled(customer string, outcome record.Outcome, reason, body string) string {
	r.t.Helper()
	id := r.add(home(customer), body, "source", "customers.csv:12")
	r.settle(home(customer), 1, outcome, reason, customer)
	return id
}

// plantStored queues a record that is stored.
func (r *rig) plantStored(customer string, n int) {
	r.t.Helper()
	body := person(customer, n)
	id := r.settled(customer, record.Ingested, "", body)
	rec, err := record.Decoder{}.Decode([]byte(body))
	must(r.t, err)
	r.store.all = append(r.store.all, store.Stored{
		ID: rec.ID, CustomerID: rec.CustomerID, Name: rec.Name, Email: rec.Email, CreatedAt: rec.CreatedAt, IngestedAt: time.Now(), StreamID: id,
	})
}

// judge takes n records of a customer through the limiter.
func (r *rig) judge(customer string, n int) {
	r.t.Helper()
	requests := make([]limiter.Request, n)
	for i := range requests {
		requests[i] = limiter.Request{CustomerID: customer, Member: fmt.Sprintf("%064d", i), At: time.Now().UnixMilli()}
	}
	_, err := r.limiter.Judge(r.t.Context(), requests)
	must(r.t, err)
}

func (r *rig) register(worker, host, version string) {
	r.t.Helper()
	reg, err := streams.NewRegistration(r.client, r.keys[0], 30*time.Second, streams.WorkerInfo{
		Consumer: worker, Hash: "one", Version: version, Host: host, PID: 17, Started: time.Now().Add(-26 * time.Hour).UnixMilli(),
	}, slog.New(slog.DiscardHandler))
	must(r.t, err)
	must(r.t, reg.Register(r.t.Context()))
}

// plantPending lets a worker take n entries, which it has held for some time.
func (r *rig) plantPending(worker string, held time.Duration, n int) {
	r.t.Helper()
	key := r.keys[0]
	for i := range n {
		r.add(0, person("held", i))
	}
	got, err := r.client.XReadGroup(r.t.Context(), &redis.XReadGroupArgs{
		Group: "ingestion", Consumer: worker, Streams: []string{key, ">"}, Count: int64(n),
	}).Result()
	must(r.t, err)
	for _, m := range got[0].Messages {
		must(r.t, r.client.Do(r.t.Context(), "XCLAIM", key, "ingestion", worker, 0, m.ID, "IDLE", held.Milliseconds(), "RETRYCOUNT", 1+int(held.Minutes())/5, "JUSTID").Err())
	}
}

// plantHistory writes a day of history as workers do: a wave of records, some of them refused.
func (r *rig) plantHistory() {
	r.t.Helper()
	now := time.Now()
	for p, key := range r.keys {
		k := streams.KeysOf(key)
		for _, unit := range []streams.HistoryUnit{streams.Minutes, streams.Hours} {
			hash := map[streams.HistoryUnit]string{streams.Minutes: k.HistoryMinute, streams.Hours: k.HistoryHour}[unit]
			length := unit.Length().Milliseconds()
			newest := now.UnixMilli() / length
			var values []any
			for ago := range int64(24 * 60) {
				if unit == streams.Hours && ago >= 48 {
					break
				}
				number := newest - ago
				wave := 1 + math.Sin(float64(ago)/9+float64(p))/2
				value := fmt.Sprintf("%d ingested=%.0f duplicate=%.0f validation_failed=%.0f rate_limited=%.0f undelivered=%.0f pending=%.0f delayed=4 dead=9",
					number*length, 1200*wave, 90*wave, 40*wave, 120*wave*wave, 900*wave*wave, 60*wave)
				values = append(values, fmt.Sprint(number%int64(unit.Kept())), value)
			}
			must(r.t, r.client.HSet(r.t.Context(), hash, values...).Err())
		}
	}
}

// script is a program in the page, if anything runs it.
const script = `<script>window.pwned=1</script>`

// hostile are texts that break pages, by what they try.
var hostile = map[string]string{
	"script":     script,
	"attribute":  `" onmouseover="window.pwned=1" autofocus onfocus="window.pwned=1" x="`,
	"quote":      `' onerror='window.pwned=1`,
	"image":      `<img src=x onerror=window.pwned=1>`,
	"svg":        `<svg onload=window.pwned=1><animate onbegin=window.pwned=1 attributeName=x dur=1s>`,
	"closing":    `</textarea></title></script></td></table></svg><iframe srcdoc="` + script + `"></iframe>`,
	"address":    `javascript:window.pwned=1`,
	"style":      `</style><style>*{display:none!important}</style>`,
	"template":   `{{.Root}}${alert(1)}<!--`,
	"override":   "\u202egnihton\u202c \u2066\u2067",
	"hebrew":     "שלום עולם, לקוח ארוך מאוד",
	"combining":  "Z" + strings.Repeat("\u0337\u0322\u0329\u033a", 30),
	"long":       strings.Repeat("W", 250),
	"long words": strings.Repeat("customer-of-a-name-that-never-ends/", 7),
	"control":    "a\x00b\x1b[31mred\x07\r\nSet-Cookie: pwned=1",
	"not UTF-8":  "caf\xe9 \xff\xfe",
	"emoji":      "👩‍👩‍👧‍👦🏳️‍🌈 é",
}

// plantHostile puts each of the hostile texts wherever somebody can put a text.
func (r *rig) plantHostile() {
	r.t.Helper()
	for name, text := range hostile {
		customer := customerOf(text)
		r.plantHostileRecords(text, customer)
		r.judge(customer, 7)
		r.plantStored(customer, len(name))
		for _, key := range r.keys {
			must(r.t, r.client.HSet(r.t.Context(), streams.KeysOf(key).Limits, text, text, customer, text).Err())
		}
		r.register(text, text, text)
	}
	for _, text := range hostile {
		r.plantPending(text, time.Hour, 1)
	}
	must(r.t, streams.Pause(r.t.Context(), r.client, r.keys[0], streams.Control{By: hostile["image"], Reason: hostile["script"] + hostile["long"]}))
}

// plantHostileRecords settles records with a text in each field.
func (r *rig) plantHostileRecords(text, customer string) {
	r.t.Helper()
	valid := strings.ToValidUTF8(text, "?")
	object := body(map[string]any{"customerId": customer, "name": valid, "email": valid + "@b.co", "createdAt": valid, valid: valid})
	for _, b := range []string{object, text} {
		r.add(0, b, "source", text, "traceparent", text)
		r.settle(0, 1, record.Invalid, text, customer)
	}
	r.add(0, object, text, text) // not only the field "data"
	r.settle(0, 1, record.Malformed, text, customer)
	r.add(0, object, "source", text)
	r.settle(0, 1, record.Deferred, text, customer)
	r.settled(customer, record.RateLimited, text, person(customer, 1))
}

// customerOf makes a customerId of a text that a valid record may have.
func customerOf(text string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c < ' ' {
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, "?")))
}
