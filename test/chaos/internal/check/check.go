package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ingestion/test/chaos/internal/load"
)

// outcomes are the outcomes of a delivery, as the ledger names them.
var outcomes = []string{
	"ingested", "duplicate", "parse_error", "validation_failed", "rate_limited", "rejected", "poisoned", "deferred",
}

// refusals are the outcomes that leave a dead letter.
var refusals = []string{"parse_error", "validation_failed", "rate_limited", "rejected", "poisoned"}

const rateLimited = "rate_limited"

// checker is the evidence with indexes, and the report.
type checker struct {
	*Evidence
	*Report
	records  map[load.Key][]int // good records
	stored   map[load.Key][]Document
	dead     map[load.EntryID]DeadLetter
	returned map[load.EntryID][]load.EntryID // the entries put back for an entry
}

// Check adds all violations in the evidence to the report.
func Check(e *Evidence, report *Report) {
	c := &checker{
		Evidence: e, Report: report,
		records: map[load.Key][]int{}, stored: map[load.Key][]Document{},
		dead: map[load.EntryID]DeadLetter{}, returned: map[load.EntryID][]load.EntryID{},
	}
	for i := range e.Records {
		if r := &e.Records[i]; r.Bad == "" {
			c.records[r.Key] = append(c.records[r.Key], i)
		}
	}
	c.checkDocuments()
	c.checkEntries()
	c.checkDeadLetters()
	c.checkOutcomes()
	c.checkLimit()
	c.checkAccount()
}

func (c *checker) failf(kind, format string, args ...any) { c.Add(kind, fmt.Sprintf(format, args...)) }

// checkDocuments: each document is a record that was sent, and was stored once, for
// its own entry.
func (c *checker) checkDocuments() {
	for _, d := range c.Documents {
		c.stored[d.Key] = append(c.stored[d.Key], d)
		numbers := c.records[d.Key]
		if len(numbers) == 0 {
			c.failf(Invented, "nobody sent the document %+v", d)
			continue
		}
		if !slices.ContainsFunc(numbers, func(n int) bool { return c.Records[n].Name == d.Name }) {
			c.failf(Invented, "no record with this key has the name of %+v", d)
		}
		if !slices.ContainsFunc(c.candidates(d), func(n int) bool { return c.Records[n].Key == d.Key && c.Records[n].Bad == "" }) {
			c.failf(Invented, "the document has the ID of another record's entry: %+v", d)
		}
	}
	for key, docs := range c.stored {
		if len(docs) > 1 {
			c.failf(Doubled, "%d documents of %+v: %+v", len(docs), key, docs)
		}
	}
}

// candidates returns the records of the entries with the document's streamId, at
// most one per partition.
func (c *checker) candidates(d Document) []int {
	var numbers []int
	for p := range c.Partitions {
		if e, there := c.Entries[load.EntryID{Partition: p, ID: d.StreamID}]; there && e.Number >= 0 {
			numbers = append(numbers, e.Number)
		}
	}
	return numbers
}

// checkEntries: every acknowledged entry was on the stream, and every entry was
// sent.
func (c *checker) checkEntries() {
	sent := make([]int, len(c.Records)) // how often each may have been added
	for id, n := range c.Acked {
		sent[n]++
		if e, there := c.Entries[id]; !there || e.Number != n {
			c.failf(Lost, "entry %v of record %d was acknowledged, but is not on the stream: %+v", id, n, e)
		}
	}
	for n, times := range c.Unanswered {
		sent[n] += times
	}
	for id, e := range c.Entries {
		switch {
		case e.Number < 0:
			c.failf(Invented, "entry %v has a body that nobody sent", id)
		case e.Origin != "":
			origin := load.EntryID{Partition: id.Partition, ID: e.Origin}
			c.returned[origin] = append(c.returned[origin], id)
			if first, there := c.Entries[origin]; !there || first.Number != e.Number || first.Origin != "" {
				c.failf(Invented, "entry %v was put back for %v, which holds another record", id, origin)
			}
		default:
			if sent[e.Number]--; sent[e.Number] < 0 {
				c.failf(Invented, "record %d was added more often than it was sent: %v", e.Number, id)
			}
		}
	}
}

// checkDeadLetters: each dead letter belongs to an entry, is the only one of it
// and has the right outcome. An entry that was delivered again because the group
// was set back may be refused again.
func (c *checker) checkDeadLetters() {
	letters := map[load.EntryID]int{}
	for _, d := range c.Dead {
		e, there := c.Entries[d.Entry]
		if !there || e.Number < 0 {
			c.failf(Invented, "a dead letter without an entry: %+v", d)
			continue
		}
		if first, again := c.dead[d.Entry]; again {
			if letters[d.Entry]++; letters[d.Entry] > 1+c.Rewound[d.Entry] {
				c.failf(Doubled, "two dead letters of one entry: %+v and %+v", first, d)
				continue
			}
		} else {
			letters[d.Entry] = 1
		}
		c.dead[d.Entry] = d
		c.checkNotStored(d)
		r := &c.Records[e.Number]
		if !sameBody(r, d) {
			c.failf(Invented, "the dead letter does not have the body of record %d: %+v", r.Number, d)
		}
		switch {
		case r.Bad == "" && d.Event != rateLimited:
			c.failf(WrongDeath, "record %d is good, but %s: %+v", r.Number, d.Event, d)
		case r.Bad != "" && d.Event != r.Bad:
			c.failf(WrongDeath, "record %d (%s) is %s, want %s", r.Number, r.Kind, d.Event, r.Bad)
		}
	}
}

// checkNotStored: an entry whose document is stored was not refused after that.
// Before the group was set back over it, it may have been.
func (c *checker) checkNotStored(d DeadLetter) {
	e := c.Entries[d.Entry]
	first := d.Entry.ID
	if e.Origin != "" {
		first = e.Origin
	}
	for _, doc := range c.stored[c.Records[e.Number].Key] {
		if doc.StreamID == first && (doc.Ingested <= d.At || c.Rewound[d.Entry] == 0) {
			c.failf(WrongDeath, "entry %v was refused although it is stored: %+v, %+v", d.Entry, d, doc)
		}
	}
}

// sameBody reports whether the dead letter holds the record: the body, or all
// fields byte for byte if the entry has others.
func sameBody(r *load.Record, d DeadLetter) bool {
	all := r.All()
	if r.Bad == "" || r.Field == "data" && len(all) == 2 {
		return d.Data == r.Body
	}
	return slices.Equal(d.Fields, all)
}

// netstrings decodes a list of netstrings: the length, a colon, the bytes and a
// comma each. It returns nil for anything else.
func netstrings(text string) (list []string) {
	for text != "" {
		length, rest, _ := strings.Cut(text, ":")
		n, err := strconv.Atoi(length)
		if err != nil || n < 0 || n >= len(rest) || rest[n] != ',' {
			return nil
		}
		list, text = append(list, rest[:n]), rest[n+1:]
	}
	return list
}

// checkOutcomes: each entry has an outcome that is right for it.
func (c *checker) checkOutcomes() {
	for id, e := range c.Entries {
		if e.Number < 0 || e.Origin != "" {
			continue
		}
		r := &c.Records[e.Number]
		switch {
		case c.excused(id):
		case r.Bad != "" && !c.hasDeadLetter(id):
			c.failf(Lost, "the bad record %d (%s) of entry %v left no dead letter", r.Number, r.Kind, id)
		case r.Bad == "" && len(c.stored[r.Key]) == 0 && !c.hasDeadLetter(id):
			c.failf(Lost, "record %d of entry %v (put back as %v) is neither stored nor a dead letter: %+v", r.Number, id, c.returned[id], r.Key)
		}
	}
}

// hasDeadLetter reports whether an entry, or one put back for it, has a dead
// letter.
func (c *checker) hasDeadLetter(id load.EntryID) bool {
	for _, each := range append(c.returned[id], id) {
		if _, there := c.dead[each]; there {
			return true
		}
	}
	return false
}
