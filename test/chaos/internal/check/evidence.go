// Package check verifies a chaos run from the state it left behind. It shares no
// code with the service.
package check

import (
	"time"

	"ingestion/test/chaos/internal/load"
)

// Evidence is what was sent in a run, what was observed, and the final state.
type Evidence struct {
	Records    []load.Record
	Acked      map[load.EntryID]int // the producer's log: entry to record
	Unanswered map[int]int          // how often a record was sent without a reply
	Entries    map[load.EntryID]load.Entry
	Documents  []Document
	Dead       []DeadLetter
	Places     map[string]map[load.Place]bool // by customer
	Partitions []Partition
	Rule       Rule
	Interference
}

// Rule is the rate limit of the run.
type Rule struct {
	Limit    int
	Window   time.Duration
	MaxDelay time.Duration // maximum deferral of a record; 0: none
}

// Document is a document in MongoDB.
type Document struct {
	ID       string
	Key      load.Key
	Name     string
	StreamID string
	Ingested int64 // ms
}

// DeadLetter is a dead letter of a partition.
type DeadLetter struct {
	Entry  load.EntryID
	Event  string
	Data   string
	Fields []string // all fields of an entry that has more than a body
	At     int64    // ms
}

// Partition is the final state of a partition.
type Partition struct {
	Ledger      map[string]int64
	Added       int64 // entries-added
	Length      int64
	Pending     int64
	Undelivered int64
	Delayed     int64 // size of the delayed set
	DelayedData int64 // size of the hash of its bodies
	Dead        int64 // dead letters present
}

// The kinds of violation.
const (
	Lost       = "lost"
	Doubled    = "doubled"
	Invented   = "invented"
	WrongDeath = "wrong dead letter"
	OverLimit  = "over the limit"
	Leftover   = "left over"
	Unbalanced = "account unbalanced"
	Misbehaved = "misbehaved"
)

// Report lists the violations. The zero value is empty.
type Report struct {
	counts  map[string]int
	details map[string][]string
}

// maxDetails is how many details of a kind are kept.
const maxDetails = 20

// Add adds a violation.
func (r *Report) Add(kind, detail string) {
	if r.counts == nil {
		r.counts, r.details = map[string]int{}, map[string][]string{}
	}
	r.counts[kind]++
	if len(r.details[kind]) < maxDetails {
		r.details[kind] = append(r.details[kind], detail)
	}
}

// Count returns the number of violations of a kind.
func (r *Report) Count(kind string) int { return r.counts[kind] }

// Total returns the number of all violations.
func (r *Report) Total() int {
	n := 0
	for _, c := range r.counts {
		n += c
	}
	return n
}

// Details describes the first violations of a kind.
func (r *Report) Details(kind string) []string { return r.details[kind] }

// Kinds returns the kinds of violation in the order of the report.
func Kinds() []string {
	return []string{Lost, Doubled, Invented, WrongDeath, OverLimit, Leftover, Unbalanced, Misbehaved}
}
