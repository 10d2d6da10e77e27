package main

import (
	"context"
	"fmt"
	"strconv"

	"ingestion/bench/internal/load"
	"ingestion/record"
)

// check says whether a run has done its work: a fast one that has lost records
// is no result.
func (s *sitting) check(ctx context.Context, what scenario, records int, docs documents) error {
	if !what.list && !what.ceiling {
		settled, err := s.settled(ctx, what)
		if err != nil {
			return err
		}
		if settled != int64(records) {
			return fmt.Errorf("%d of %d records are settled", settled, records)
		}
	}
	if docs.count == nil {
		return nil
	}
	least, most := int64(load.Good(records)), int64(records)
	if n := docs.count(); n < least || n > most {
		return fmt.Errorf("%d documents of %d records, want %d to %d", n, records, least, most)
	}
	return nil
}

// settled is how many records have an outcome in the ledgers.
func (s *sitting) settled(ctx context.Context, what scenario) (int64, error) {
	var sum int64
	for _, key := range what.keys() {
		ledger, err := s.redis.Client.HGetAll(ctx, "{"+key+"}:ledger").Result()
		if err != nil {
			return 0, fmt.Errorf("reading the ledger of %s: %w", key, err)
		}
		for _, o := range record.Outcomes() {
			n, _ := strconv.ParseInt(ledger[o.String()], 10, 64) // absent is none
			sum += n
		}
	}
	return sum, nil
}
