package store_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ingestion/internal/test/mongo/faulty"
	"ingestion/record"
	"ingestion/store"
)

// TestAnyFaultsEndWell draws batches with twins and records that are already stored,
// and a series of faults too short to reject a record. Each _id is stored once, at
// most one entry has ingested it, and nothing is rejected.
func TestAnyFaultsEndWell(t *testing.T) {
	const maxFaults = 6
	f := newFixture(t, faulty.Options{}, func(o *store.Options) {
		o.MaxBackoff, o.InitialBackoff, o.UnknownTries = time.Millisecond, 100*time.Microsecond, maxFaults+1
	})
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		draw := rapid.IntRange(0, 9)
		var docs, before []store.Document
		for k, n := range rapid.SliceOfN(draw, 1, 12).Draw(rt, "records") {
			d := document(n)
			d.Record.ID = fmt.Sprintf("run-%d-%d", run, n)
			d.StreamID = fmt.Sprintf("%d-%d", run, k)
			docs = append(docs, d)
			if draw.Draw(rt, "stored") == 0 {
				before = append(before, d)
			}
		}
		f.insert(t, before)
		f.server.Script("insert", rapid.SliceOfN(faults(len(docs)), 0, maxFaults).Draw(rt, "faults")...)
		f.server.Script("find", rapid.SliceOfN(lookupFaults(), 0, 2).Draw(rt, "lookups")...)
		results := f.insert(t, docs)
		f.server.Behave()
		checkOutcomes(rt, f, docs, results)
	})
}

func faults(n int) *rapid.Generator[faulty.Fault] {
	return rapid.Custom(func(t *rapid.T) (f faulty.Fault) {
		code := rapid.SampledFrom([]int32{1, 8, 13, 50, 999_999}).Draw(t, "code")
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			f.Code, f.Applied = code, rapid.Bool().Draw(t, "applied")
		case 1, 2:
			for _, i := range rapid.SliceOfNDistinct(rapid.IntRange(0, n-1), 1, -1, rapid.ID[int]).Draw(t, "indexes") {
				f.WriteErrors = append(f.WriteErrors, faulty.WriteError{Index: i, Code: code})
			}
		case 3:
			f.WriteConcern = 64
		}
		return f
	})
}

func lookupFaults() *rapid.Generator[faulty.Fault] {
	return rapid.Custom(func(t *rapid.T) faulty.Fault {
		return faulty.Fault{Code: rapid.SampledFrom([]int32{0, 8, 13, 50}).Draw(t, "code")}
	})
}

func checkOutcomes(t *rapid.T, f *fixture, docs []store.Document, results []store.Result) {
	stored := f.stored()
	ingested := map[string]string{}
	for i, r := range results {
		id := docs[i].Record.ID
		switch doc, exists := stored[id]; {
		case r.Outcome != record.Ingested && r.Outcome != record.Duplicate:
			t.Fatalf("document %d is %v (%s)", i, r.Outcome, r.Reason)
		case !exists:
			t.Fatalf("document %d is %v but not stored", i, r.Outcome)
		case (r.Outcome == record.Ingested) != (doc.Lookup("streamId").StringValue() == docs[i].StreamID):
			t.Fatalf("document %d of entry %s is %v, but the stored one is of entry %v", i, docs[i].StreamID, r.Outcome, doc.Lookup("streamId"))
		case r.Outcome == record.Ingested && ingested[id] != "":
			t.Fatalf("%s was ingested by %s and %s", id, ingested[id], docs[i].StreamID)
		case r.Outcome == record.Ingested:
			ingested[id] = docs[i].StreamID
		}
	}
}
