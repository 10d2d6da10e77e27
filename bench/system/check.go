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

// sum is how many have any outcome.
func (c counts) sum() int64 {
	var n int64
	for _, k := range c {
		n += k
	}
	return n
}

// made is what is to become of the first records of the load.
func made(records int) counts {
	return counts{
		record.Ingested:  int64(load.Good(records)),
		record.Duplicate: int64(load.Repeated(records)),
		record.Malformed: int64(load.Bad(records)),
	}
}

// traces are what a run has left behind. The bare loop has neither ledger nor
// log, a list no ledger.
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

// verify says whether a run has done exactly its work: a fast one that has lost
// records, or has written no log, is no result.
func (t traces) verify(what scenario, want counts) error {
	documents := want[record.Ingested]
	if what.ceiling {
		documents = want.sum() // it inserts whatever it reads
	}
	if t.documents != documents {
		return fmt.Errorf("%d documents are stored, want %d", t.documents, documents)
	}
	if what.ceiling {
		return nil
	}
	for _, o := range record.Outcomes() {
		if got := t.ledger[o]; !what.list && got != want[o] {
			return fmt.Errorf("the ledger says that %d records are %v, want %d", got, o, want[o])
		}
		lines := want[o]
		if o == record.Ingested && what.level == quiet {
			lines = 0
		}
		if got := t.lines[o]; got != lines {
			return fmt.Errorf("the log has %d lines of records that are %v, want %d", got, o, lines)
		}
	}
	return nil
}

// ledger is the sum of the ledgers of all partitions.
func (s *sitting) ledger(ctx context.Context, what scenario) (counts, error) {
	all := counts{}
	for _, key := range what.keys() {
		fields, err := s.redis.Client.HGetAll(ctx, "{"+key+"}:ledger").Result()
		if err != nil {
			return nil, fmt.Errorf("reading the ledger of %s: %w", key, err)
		}
		for _, o := range record.Outcomes() {
			n, _ := strconv.ParseInt(fields[o.String()], 10, 64) // absent is none
			all[o] += n
		}
	}
	return all, nil
}
