package main

import (
	"context"
	"fmt"
	"strconv"

	"ingestion/bench/internal/load"
	"ingestion/record"
)

// counts are numbers of records by outcome.
type counts map[record.Outcome]int64

// sum returns the number of records with any outcome.
func (c counts) sum() int64 {
	var n int64
	for _, k := range c {
		n += k
	}
	return n
}

// made returns the expected outcomes of the first records of the load.
func made(records int) counts {
	return counts{
		record.Ingested:  int64(load.Good(records)),
		record.Duplicate: int64(load.Repeated(records)),
		record.Malformed: int64(load.Bad(records)),
	}
}

// traces are the results that a run left. The bare loop has neither ledger nor
// log, a list has no ledger.
type traces struct {
	ledger, lines counts
	documents     int64
}

func (s *sitting) traces(ctx context.Context, what scenario, docs documents) (traces, error) {
	var t traces
	var err error
	if t.documents, err = docs.count(ctx); err != nil || what.ceiling {
		return t, err
	}
	if !what.list {
		if t.ledger, err = s.ledger(ctx, what); err != nil {
			return t, err
		}
	}
	t.lines, err = linesOf(s.log())
	return t, err
}

// verify checks that a run did exactly its work: a fast run that lost records,
// or wrote no log, is invalid.
func (t traces) verify(what scenario, want counts) error {
	documents := want[record.Ingested]
	if what.ceiling {
		documents = want.sum() // it inserts everything it reads
	}
	if t.documents != documents {
		return fmt.Errorf("%d documents are stored, want %d", t.documents, documents)
	}
	if what.ceiling {
		return nil
	}
	for _, o := range record.Outcomes() {
		if got := t.ledger[o]; !what.list && got != want[o] {
			return fmt.Errorf("the ledger counts %d records as %v, want %d", got, o, want[o])
		}
		lines := want[o]
		if o == record.Ingested && what.level == quiet {
			lines = 0
		}
		if got := t.lines[o]; got != lines {
			return fmt.Errorf("the log has %d lines with %v, want %d", got, o, lines)
		}
	}
	return nil
}

// ledger returns the sum of the ledgers of all partitions.
func (s *sitting) ledger(ctx context.Context, what scenario) (counts, error) {
	all := counts{}
	for _, key := range what.keys() {
		fields, err := s.redis.Client.HGetAll(ctx, "{"+key+"}:ledger").Result()
		if err != nil {
			return nil, fmt.Errorf("reading the ledger of %s: %w", key, err)
		}
		for _, o := range record.Outcomes() {
			n, _ := strconv.ParseInt(fields[o.String()], 10, 64) // a missing field is zero
			all[o] += n
		}
	}
	return all, nil
}
