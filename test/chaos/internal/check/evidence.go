// Package check judges a chaos run by what it left behind. Its rules are its own:
// it shares no code with the service.
package check

import (
	"time"

	"ingestion/test/chaos/internal/load"
)

// Evidence is what a run left behind, and what was sent.
type Evidence struct {
	Records    []load.Record
	Acked      map[load.EntryID]int // producer's log: entry to record
	Unanswered map[int]int          // how often a record was sent without an answer
	Entries    map[load.EntryID]load.Entry
	Documents  []Document
	Dead       []DeadLetter
	Places     map[string]map[load.Place]bool // by customer
	Partitions []Partition
	Rule       Rule
	Strangers
}

// Rule is the rate limit of the run.
type Rule struct {
	Limit    int
	Window   time.Duration
	MaxDelay time.Duration // how long a record may be put off; 0: not at all
}

// Document is one that MongoDB has.
type Document struct {
	ID       string
	Key      load.Key
	Name     string
	StreamID string
	Ingested int64 // ms
}

// DeadLetter is one of a partition.
type DeadLetter struct {
	Entry  load.EntryID
	Event  string
	Data   string
	Fields []string // all of an entry that is not one body
	At     int64    // ms
}

// Partition is the book-keeping of one, when all is done.
type Partition struct {
	Ledger      map[string]int64
	Added       int64 // entries-added
	Length      int64
	Pending     int64
	Undelivered int64
	Delayed     int64 // of the set
	DelayedData int64 // of the hash beside it
	Dead        int64 // dead letters there
}

// What a violation may be about.
const (
	Lost       = "lost"
	Doubled    = "doubled"
	Invented   = "invented"
	WrongDeath = "wrongly a dead letter"
	OverLimit  = "limit exceeded"
	Leftover   = "left over"
	Unbalanced = "account unbalanced"
	Misbehaved = "misbehaved"
)

// Report is the judgement.
type Report struct {
	counts  map[string]int
	details map[string][]string
}

// maxDetails of one sort are kept.
const maxDetails = 20

// Add notes a violation.
func (r *Report) Add(sort, detail string) {
	if r.counts == nil {
		r.counts, r.details = map[string]int{}, map[string][]string{}
	}
	r.counts[sort]++
	if len(r.details[sort]) < maxDetails {
		r.details[sort] = append(r.details[sort], detail)
	}
}

// Count is how many violations of a sort there are.
func (r *Report) Count(sort string) int { return r.counts[sort] }

// Total is how many violations there are.
func (r *Report) Total() int {
	n := 0
	for _, c := range r.counts {
		n += c
	}
	return n
}

// Details are some of the violations of a sort.
func (r *Report) Details(sort string) []string { return r.details[sort] }

// Sorts lists the sorts of violation in the order of a report.
func Sorts() []string {
	return []string{Lost, Doubled, Invented, WrongDeath, OverLimit, Leftover, Unbalanced, Misbehaved}
}
