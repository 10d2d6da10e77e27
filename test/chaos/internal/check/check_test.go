package check_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ingestion/test/chaos/internal/check"
	"ingestion/test/chaos/internal/load"
)

const (
	limit  = 2
	window = 10 * time.Second
)

// evidence returns that of a correct run: two good records, one of them sent
// twice, a bad one, and a hot customer with four records, of which one was
// deferred and one refused.
func evidence() *check.Evidence {
	e := &check.Evidence{
		Acked: map[load.EntryID]int{}, Unanswered: map[int]int{}, Entries: map[load.EntryID]load.Entry{},
		Places: map[string]map[load.Place]bool{}, Rule: check.Rule{Limit: limit, Window: window, MaxDelay: window},
	}
	add := func(r load.Record) load.EntryID {
		r.Number = len(e.Records)
		r.Field = "data"
		if r.Body == "" {
			r.Body = fmt.Sprintf("body %d", r.Number)
		}
		e.Records = append(e.Records, r)
		id := entry(r.Number)
		e.Acked[id] = r.Number
		e.Entries[id] = load.Entry{Number: r.Number, Seen: int64((r.Number + 1) * 1000)}
		return id
	}
	store := func(r load.Record, id string) {
		e.Documents = append(e.Documents, check.Document{ID: "id of " + r.Key.Email, Key: r.Key, Name: r.Name, StreamID: id})
	}
	good := func(customer, email string) load.Record {
		return load.Record{Key: load.Key{CustomerID: customer, Email: email, CreatedAt: 17}, Name: "Ada"}
	}
	for _, r := range []load.Record{good("one", "a@x.de"), good("two", "b@x.de")} {
		store(r, add(r).ID)
	}
	add(good("two", "b@x.de"))
	bad := add(load.Record{Bad: load.ParseError, Kind: "cut off"})
	e.Dead = append(e.Dead, check.DeadLetter{Entry: bad, Event: load.ParseError, Data: e.Records[3].Body})

	// The hot customer's entries 4 to 7 arrive at 5000 to 8000 ms.
	hot := map[load.Place]bool{}
	for n := range 4 {
		r := good("hot-0", fmt.Sprintf("h%d@x.de", n))
		id := add(r)
		switch n {
		case 0, 1:
			store(r, id.ID)
			hot[load.Place{Member: "id of " + r.Key.Email, At: int64(5000 + n*1000)}] = true
		case 2: // deferred until a slot is free
			store(r, id.ID)
			hot[load.Place{Member: "id of " + r.Key.Email, At: 15_000}] = true
			e.Entries[load.EntryID{ID: "15001-0"}] = load.Entry{Number: 6, Origin: id.ID, AdmitAt: 15_000, Seen: 15_001}
		case 3: // refused: the delay would exceed the maximum
			e.Dead = append(e.Dead, check.DeadLetter{Entry: id, Event: "rate_limited", Data: e.Records[7].Body})
		}
	}
	e.Places["hot-0"] = hot
	e.Rule.MaxDelay = 7 * time.Second
	e.Partitions = []check.Partition{{
		Added: 9, Length: 4, Dead: 2,
		Ledger: map[string]int64{"ingested": 5, "duplicate": 1, "parse_error": 1, "rate_limited": 1, "deferred": 1, "returned": 1,
			"trimmed": 5, "dead": 2, "epoch": 1, "base": 0},
	}}
	return e
}

func entry(n int) load.EntryID { return load.EntryID{ID: fmt.Sprintf("%d-0", (n+1)*1000)} }

func TestCorrectRun(t *testing.T) {
	var r check.Report
	check.Check(evidence(), &r)
	if r.Total() != 0 {
		for _, kind := range check.Kinds() {
			t.Errorf("%s: %v", kind, r.Details(kind))
		}
	}
}

// TestViolations changes the evidence in every way that a bug of the service could
// and expects a violation of the right kind.
func TestViolations(t *testing.T) {
	for _, c := range []struct {
		name, kind, want string
		change           func(e *check.Evidence)
	}{
		{"a document is missing", check.Lost, "neither stored", func(e *check.Evidence) { e.Documents = e.Documents[1:] }},
		{"the document of a deferred record is missing", check.Lost, "put back as", func(e *check.Evidence) { e.Documents = e.Documents[:4] }},
		{"a dead letter is missing", check.Lost, "left no dead letter", func(e *check.Evidence) { e.Dead = e.Dead[1:] }},
		{"the dead letter of a refused record is missing", check.Lost, "neither stored", func(e *check.Evidence) { e.Dead = e.Dead[:1] }},
		{"an acknowledged entry is not on the stream", check.Lost, "acknowledged", func(e *check.Evidence) { delete(e.Entries, entry(2)) }},
		{"stored twice", check.Doubled, "2 documents", func(e *check.Evidence) {
			d := e.Documents[0]
			d.ID = "another"
			e.Documents = append(e.Documents, d)
		}},
		{"two dead letters", check.Doubled, "two dead letters", func(e *check.Evidence) { e.Dead = append(e.Dead, e.Dead[0]) }},
		{"a document without a record", check.Invented, "nobody sent", func(e *check.Evidence) {
			e.Documents = append(e.Documents, check.Document{Key: load.Key{CustomerID: "x"}})
		}},
		{"a document with another name", check.Invented, "has the name", func(e *check.Evidence) { e.Documents[0].Name = "Bea" }},
		{"a document with the ID of another entry", check.Invented, "another record's entry", func(e *check.Evidence) { e.Documents[0].StreamID = entry(1).ID }},
		{"a document of a bad record", check.Invented, "nobody sent", func(e *check.Evidence) { e.Documents[0].Key = e.Records[3].Key }},
		{"an entry without a record", check.Invented, "nobody sent", func(e *check.Evidence) { e.Entries[load.EntryID{ID: "1-1"}] = load.Entry{Number: -1} }},
		{"a record added twice", check.Invented, "more often", func(e *check.Evidence) { e.Entries[load.EntryID{ID: "1-1"}] = load.Entry{Number: 0} }},
		{"put back for another record", check.Invented, "another record", func(e *check.Evidence) {
			e.Entries[load.EntryID{ID: "15001-0"}] = load.Entry{Number: 6, Origin: entry(0).ID, AdmitAt: 15_000}
		}},
		{"a dead letter without an entry", check.Invented, "without an entry", func(e *check.Evidence) { e.Dead[0].Entry.ID = "1-1" }},
		{"a dead letter with another body", check.Invented, "body", func(e *check.Evidence) { e.Dead[0].Data += "x" }},
		{"a good record rejected", check.WrongDeath, "is good", func(e *check.Evidence) { e.Dead[1].Event = "rejected" }},
		{"a good record poisoned", check.WrongDeath, "is good", func(e *check.Evidence) { e.Dead[1].Event = "poisoned" }},
		{"a bad record with another outcome", check.WrongDeath, "want parse_error", func(e *check.Evidence) { e.Dead[0].Event = "validation_failed" }},
		{"refused although a slot was free", check.WrongDeath, "a slot was free", func(e *check.Evidence) { e.Rule.MaxDelay = 8 * time.Second }},
		{"a customer over its limit", check.OverLimit, "has 3 records", func(e *check.Evidence) {
			e.Places["hot-0"][load.Place{Member: "x", At: 14_999}] = true
		}},
		{"stored without a place", check.OverLimit, "without a place", func(e *check.Evidence) {
			e.Places["hot-0"] = map[load.Place]bool{}
		}},
		{"pending", check.Leftover, "pending", func(e *check.Evidence) { e.Partitions[0].Pending = 1 }},
		{"undelivered", check.Leftover, "undelivered", func(e *check.Evidence) { e.Partitions[0].Undelivered = 1 }},
		{"delayed", check.Leftover, "delayed", func(e *check.Evidence) { e.Partitions[0].Delayed = 1 }},
		{"bodies of delayed records", check.Leftover, "bodies", func(e *check.Evidence) { e.Partitions[0].DelayedData = 1 }},
		{"trimmed by another client, unnoticed", check.Unbalanced, "trimmed - present", func(e *check.Evidence) { e.Partitions[0].Length-- }},
		{"counted twice", check.Unbalanced, "outcomes", func(e *check.Evidence) { e.Partitions[0].Ledger["duplicate"]++ }},
		{"acknowledged, not counted", check.Unbalanced, "outcomes", func(e *check.Evidence) { e.Partitions[0].Ledger["duplicate"]-- }},
		{"counted as another outcome", check.Unbalanced, "documents", func(e *check.Evidence) {
			e.Partitions[0].Ledger["duplicate"]++
			e.Partitions[0].Ledger["ingested"]--
		}},
		{"missing", check.Unbalanced, "missing", func(e *check.Evidence) { e.Partitions[0].Ledger["missing"] = 1 }},
		{"another epoch", check.Unbalanced, "epoch", func(e *check.Evidence) { e.Partitions[0].Ledger["epoch"] = 2 }},
		{"deferred, not returned", check.Unbalanced, "returned", func(e *check.Evidence) { e.Partitions[0].Ledger["returned"] = 0 }},
		{"a dead letter not counted", check.Unbalanced, "dead letters written", func(e *check.Evidence) { e.Partitions[0].Ledger["dead"] = 1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := evidence()
			c.change(e)
			var r check.Report
			check.Check(e, &r)
			if got := strings.Join(r.Details(c.kind), "\n"); !strings.Contains(got, c.want) {
				t.Errorf("%s: got %q, want %q", c.kind, got, c.want)
			}
		})
	}
}
