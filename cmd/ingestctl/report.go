package main

import (
	"fmt"
	"time"

	"ingestion/cmd/internal/app"
	"ingestion/internal/plural"
	"ingestion/streams"
)

// report is the account with the verdict and the findings, to be printed.
type report struct {
	at        time.Time
	stream    string // STREAM_KEY
	accounts  []*streams.Account
	total     *streams.Account
	documents *streams.Documents // nil without --documents
	queued    *streams.Queued    // nil without --queued
	verdict   streams.Verdict
	faults    []finding
	losses    []finding
	notes     []finding
}

// finding is a sentence about one partition or, if Partition is empty, about all.
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
		r.faults = appendFindings(r.faults, a.Key, a.Faults())
		r.losses = appendFindings(r.losses, a.Key, a.Losses())
		r.notes = appendFindings(r.notes, a.Key, a.Notes())
	}
	return r
}

func appendFindings(findings []finding, partition string, texts []string) []finding {
	for _, text := range texts {
		findings = append(findings, finding{Partition: partition, Text: text})
	}
	return findings
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

// failure returns the error that ends the command: nil if the account balances and
// nothing is missing.
func (r *report) failure() error {
	switch r.verdict {
	case streams.Balanced:
		return r.missing()
	case streams.Unknown:
		if r.total.Uncounted && verdictOf(r.accounts, 1) == right {
			return fmt.Errorf("unknown whether the account of %s balances: this Redis does not count added entries; everything else agrees", r.stream)
		}
		return fmt.Errorf("unknown whether the account of %s balances", r.stream)
	default:
		if len(r.faults) == 1 {
			return fmt.Errorf("the account of %s does not balance: %v", r.stream, r.faults[0])
		}
		return fmt.Errorf("the account of %s does not balance: %d faults", r.stream, len(r.faults))
	}
}

// missing returns the error about records that are lost.
func (r *report) missing() error {
	n := r.total.Missing
	if r.queued != nil {
		n = max(n, int64(len(r.queued.Lost)))
	}
	switch {
	case n > 0:
		return &app.MissingError{Err: fmt.Errorf("the account of %s balances, with %s missing", r.stream, plural.Of(n, "record", "records"))}
	case len(r.losses) > 0:
		return &app.MissingError{Err: fmt.Errorf("the account of %s balances, but Redis has lost entries", r.stream)}
	default:
		return nil
	}
}
