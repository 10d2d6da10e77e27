package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ingestion/test/chaos/internal/load"
)

// outcomes are all ends of a delivery, as the ledger names them.
var outcomes = []string{
	"ingested", "duplicate", "parse_error", "validation_failed", "rate_limited", "rejected", "poisoned", "deferred",
}

// refusals are those that leave a dead letter.
var refusals = []string{"parse_error", "validation_failed", "rate_limited", "rejected", "poisoned"}

const rateLimited = "rate_limited"

// judge works out what is wrong; it is the Evidence with what it knows by key.
type judge struct {
	*Evidence
	*Report
	records map[load.Key][]int // good records
	stored  map[load.Key][]Document
	dead    map[load.EntryID]DeadLetter
	back    map[load.EntryID][]load.EntryID // what was put back of an entry
}

// Check judges the evidence and adds what is wrong to the report.
func Check(e *Evidence, report *Report) {
	j := &judge{
		Evidence: e, Report: report,
		records: map[load.Key][]int{}, stored: map[load.Key][]Document{},
		dead: map[load.EntryID]DeadLetter{}, back: map[load.EntryID][]load.EntryID{},
	}
	for i := range e.Records {
		if r := &e.Records[i]; r.Bad == "" {
			j.records[r.Key] = append(j.records[r.Key], i)
		}
	}
	j.checkDocuments()
	j.checkEntries()
	j.checkDeadLetters()
	j.checkEnds()
	j.checkLimit()
	j.checkAccount()
}

func (j *judge) bad(sort, format string, args ...any) { j.Add(sort, fmt.Sprintf(format, args...)) }

// checkDocuments: each is a record that was sent, stored once, by its own entry.
func (j *judge) checkDocuments() {
	for _, d := range j.Documents {
		j.stored[d.Key] = append(j.stored[d.Key], d)
		numbers := j.records[d.Key]
		if len(numbers) == 0 {
			j.bad(Invented, "nobody sent the document %+v", d)
			continue
		}
		if !slices.ContainsFunc(numbers, func(n int) bool { return j.Records[n].Name == d.Name }) {
			j.bad(Invented, "no record with this key has the name of %+v", d)
		}
		if !slices.ContainsFunc(j.candidates(d), func(n int) bool { return j.Records[n].Key == d.Key && j.Records[n].Bad == "" }) {
			j.bad(Invented, "the document bears the ID of an entry that is not its own: %+v", d)
		}
	}
	for key, docs := range j.stored {
		if len(docs) > 1 {
			j.bad(Doubled, "%d documents of %+v: %+v", len(docs), key, docs)
		}
	}
}

// candidates are the records of the entries that have a document's streamId, one
// a partition at most.
func (j *judge) candidates(d Document) []int {
	var numbers []int
	for p := range j.Partitions {
		if e, there := j.Entries[load.EntryID{Partition: p, ID: d.StreamID}]; there && e.Number >= 0 {
			numbers = append(numbers, e.Number)
		}
	}
	return numbers
}

// checkEntries: what was acknowledged was on the stream, and nothing that was
// not sent.
func (j *judge) checkEntries() {
	sent := make([]int, len(j.Records)) // how often each may have come
	for id, n := range j.Acked {
		sent[n]++
		if e, there := j.Entries[id]; !there || e.Number != n {
			j.bad(Lost, "entry %v of record %d was acknowledged, but is not on the stream: %+v", id, n, e)
		}
	}
	for n, times := range j.Unanswered {
		sent[n] += times
	}
	for id, e := range j.Entries {
		switch {
		case e.Number < 0:
			j.bad(Invented, "entry %v has a body that nobody sent", id)
		case e.Origin != "":
			origin := load.EntryID{Partition: id.Partition, ID: e.Origin}
			j.back[origin] = append(j.back[origin], id)
			if first, there := j.Entries[origin]; !there || first.Number != e.Number || first.Origin != "" {
				j.bad(Invented, "entry %v was put back for %v, which is another record", id, origin)
			}
		default:
			if sent[e.Number]--; sent[e.Number] < 0 {
				j.bad(Invented, "record %d came more often than it was sent: %v", e.Number, id)
			}
		}
	}
}

// checkDeadLetters: each is of an entry, once, and right for its record. An entry
// that came again because the group was set back may be refused again.
func (j *judge) checkDeadLetters() {
	letters := map[load.EntryID]int{}
	for _, d := range j.Dead {
		e, there := j.Entries[d.Entry]
		if !there || e.Number < 0 {
			j.bad(Invented, "a dead letter of no entry: %+v", d)
			continue
		}
		if first, again := j.dead[d.Entry]; again {
			if letters[d.Entry]++; letters[d.Entry] > 1+j.Rewound[d.Entry] {
				j.bad(Doubled, "two dead letters of one entry: %+v and %+v", first, d)
				continue
			}
		} else {
			letters[d.Entry] = 1
		}
		j.dead[d.Entry] = d
		j.checkNotStored(d)
		r := &j.Records[e.Number]
		if !sameBody(r, d) {
			j.bad(Invented, "the dead letter has not the body of record %d: %+v", r.Number, d)
		}
		switch {
		case r.Bad == "" && d.Event != rateLimited:
			j.bad(WrongDeath, "record %d is good, but %s: %+v", r.Number, d.Event, d)
		case r.Bad != "" && d.Event != r.Bad:
			j.bad(WrongDeath, "record %d (%s) is %s, want %s", r.Number, r.Kind, d.Event, r.Bad)
		}
	}
}

// checkNotStored: what is stored of an entry is not refused any more. Before the
// group was set back over it, it may have been.
func (j *judge) checkNotStored(d DeadLetter) {
	e := j.Entries[d.Entry]
	first := d.Entry.ID
	if e.Origin != "" {
		first = e.Origin
	}
	for _, doc := range j.stored[j.Records[e.Number].Key] {
		if doc.StreamID == first && (doc.Ingested <= d.At || j.Rewound[d.Entry] == 0) {
			j.bad(WrongDeath, "what is stored of entry %v was refused: %+v, %+v", d.Entry, d, doc)
		}
	}
}

// sameBody: the dead letter of an entry that is not one body has all its fields,
// byte for byte.
func sameBody(r *load.Record, d DeadLetter) bool {
	all := r.All()
	if r.Bad == "" || r.Field == "data" && len(all) == 2 {
		return d.Data == r.Body
	}
	return slices.Equal(d.Fields, all)
}

// netstrings reads a list of strings, each as its length, a colon, its bytes and
// a comma; nil for anything else.
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

// checkEnds: each entry has come to an end that is right for it.
func (j *judge) checkEnds() {
	for id, e := range j.Entries {
		if e.Number < 0 || e.Origin != "" {
			continue
		}
		r := &j.Records[e.Number]
		switch {
		case j.excused(id):
		case r.Bad != "" && !j.buried(id):
			j.bad(Lost, "the bad record %d (%s) of entry %v left no dead letter", r.Number, r.Kind, id)
		case r.Bad == "" && len(j.stored[r.Key]) == 0 && !j.buried(id):
			j.bad(Lost, "record %d of entry %v (put back as %v) is neither stored nor a dead letter: %+v", r.Number, id, j.back[id], r.Key)
		}
	}
}

// buried says that there is a dead letter of an entry or of what was put back of
// it.
func (j *judge) buried(id load.EntryID) bool {
	for _, each := range append(j.back[id], id) {
		if _, there := j.dead[each]; there {
			return true
		}
	}
	return false
}
