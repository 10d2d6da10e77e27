package main

import (
	"fmt"
	"time"

	"ingestion/cmd/internal/app"
	"ingestion/streams"
)

// report is the account as it is printed.
type report struct {
	at        time.Time
	stream    string // STREAM_KEY
	accounts  []*streams.Account
	total     *streams.Account
	documents *streams.Documents // nil unless asked for
	verdict   streams.Verdict
	faults    []finding
	losses    []finding
	notes     []finding
}

// finding is a sentence about one partition, or about all.
type finding struct {
	Partition string `json:"partition,omitempty"`
	Text      string `json:"text"`
}

func (f finding) String() string {
	if f.Partition == "" {
		return f.Text
	}
	return f.Partition + ": " + f.Text
}

func newReport(accounts []*streams.Account, stream string) *report {
	r := &report{at: time.Now().UTC(), stream: stream, accounts: accounts, total: streams.Total(accounts), verdict: streams.Judge(accounts)}
	for _, a := range accounts {
		for _, text := range a.Faults() {
			r.faults = append(r.faults, finding{Partition: a.Key, Text: text})
		}
		for _, text := range a.Losses() {
			r.losses = append(r.losses, finding{Partition: a.Key, Text: text})
		}
		for _, text := range a.Notes() {
			r.notes = append(r.notes, finding{Partition: a.Key, Text: text})
		}
	}
	return r
}

func (r *report) addDocuments(d streams.Documents) {
	r.documents = &d
	if fault := d.Fault(); fault != "" {
		r.faults = append(r.faults, finding{Text: fault})
		r.verdict = streams.Unbalanced
	}
	if note := d.Note(); note != "" {
		r.notes = append(r.notes, finding{Text: note})
	}
}

// failure is nil if the account balances and nothing is missing.
func (r *report) failure() error {
	switch r.verdict {
	case streams.Balanced:
		if missing := r.total.Missing; missing > 0 {
			return &app.MissingError{Err: fmt.Errorf("the account of %s balances, with %s missing", r.stream, counted(int(missing), "record"))}
		}
		return nil
	case streams.Unknown:
		return fmt.Errorf("whether the account of %s balances is unknown", r.stream)
	default:
		if len(r.faults) == 1 {
			return fmt.Errorf("the account of %s does not balance: %v", r.stream, r.faults[0])
		}
		return fmt.Errorf("the account of %s does not balance, for %d reasons", r.stream, len(r.faults))
	}
}
