package main_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
)

// A record that is refused, replayed and refused again is still known to come from a
// line of a file.
func TestListShowsWhereARecordCameFrom(t *testing.T) {
	r := newRig(t, 1)
	must(t, r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: r.keys[0], Values: []any{"data", "x", "source", "customers.csv:12"}}).Err())
	for range 2 {
		r.settleNext(0, record.Invalid, 1)
		wantWords(t, r.run(0, "dead", "list"), "customers.csv:12: ")
		wantWords(t, r.run(0, "dead", "list", "--json"), `"source":"customers.csv:12"`)
		r.run(0, "dead", "replay", "--all", "--yes")
	}
}
