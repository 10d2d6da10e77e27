package store_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"ingestion/internal/test/mongo/faulty"
	"ingestion/record"
	"ingestion/store"
)

// In the tests of this file the database partly fails: it refuses some documents, for
// a while or forever, and accepts the others.

// subset refuses the documents whose _id hashes to the first of n parts, as a failing
// shard does, each the given number of times or, for 0, always.
func subset(n uint32, code int32, times int) func(faulty.Call) faulty.Fault {
	said := map[string]int{}
	return func(call faulty.Call) (fault faulty.Fault) {
		for i, doc := range call.Documents {
			id := doc.Lookup("_id").StringValue()
			if inSubset(id, n) && (times == 0 || said[id] < times) {
				said[id]++
				fault.WriteErrors = append(fault.WriteErrors, faulty.WriteError{Index: i, Code: code})
			}
		}
		return fault
	}
}

func inSubset(id string, n uint32) bool {
	h := fnv.New32a()
	h.Write([]byte(id))
	return h.Sum32()%n == 0
}

// transientCodes lists the codes that MongoDB or databases compatible with it define
// as transient, and some unknown ones.
var transientCodes = []int32{
	6, 7, 24, 46, 50, 63, 64, 70, 71, 74, 75, 79, 83, 89, 90, 91, 94, 95, 100, 107, 109, 112, 117, 133, 134, 145, 149, 150, 172, 175,
	187, 189, 194, 199, 200, 202, 203, 215, 216, 221, 225, 230, 231, 237, 239, 245, 246, 249, 250, 251, 259, 262, 264, 267, 272, 276,
	279, 281, 282, 285, 287, 289, 290, 303, 306, 308, 310, 311, 312, 314, 317, 319, 333, 338, 342, 343, 354, 355, 356, 358, 360, 363,
	365, 371, 372, 374, 375, 379, 381, 382, 384, 388, 391, 398, 402, 404, 406, 407, 410, 412, 414, 433, 445, 449, 450, 453, 462, 4293,
	9001, 9996, 10058, 10107, 11600, 11601, 11602, 12586, 12587, 13388, 13435, 13436, 14031, 16500, 46841, 50915, 56846, 91331, 10045600,
	1, 8, 0, 999_999, 525_074_461,
}

// TestPartialFailureRejectsNothing: half of the documents are refused for some
// attempts, with any transient code, once together with a write concern error.
func TestPartialFailureRejectsNothing(t *testing.T) {
	for _, code := range transientCodes {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, faulty.Options{}, quick)
			partly, concerned := subset(2, code, 10), false
			f.server.Rule("insert", func(call faulty.Call) faulty.Fault {
				fault := partly(call)
				if !concerned && call.N > 1 {
					concerned, fault.WriteConcern = true, 64
				}
				return fault
			})
			all(t, f.insert(t, documents(60)), record.Ingested)
			if n := f.watch.strikes(); n > 0 {
				t.Errorf("%d strikes", n)
			}
			if n := f.server.Count("insert"); n > 60 {
				t.Errorf("%d inserts for one batch", n)
			}
			if len(f.watch.texts) == 0 {
				t.Error("the observer saw nothing")
			}
		})
	}
}

// TestBadShardForHours: a shard refuses its third of all documents for hours, with an
// unknown code. In batches of any size nothing is rejected, and the other documents
// are inserted.
func TestBadShardForHours(t *testing.T) {
	for _, size := range []int{1, 4, 100} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			now := &clock{at: time.Unix(1_700_000_000, 0)}
			f := newFixture(t, faulty.Options{}, now.tune, quick)
			f.server.Rule("insert", subset(3, 999_999, 0))
			open := map[string]store.Document{}
			const n = 300
			for at := 0; at < n; at += size {
				f.settleSome(t, open, documents(at + size)[at:], record.Ingested)
				now.add(10 * time.Second)
			}
			for range 60 { // an hour of further attempts
				f.settleSome(t, open, slices.Collect(maps.Values(open)), record.Ingested)
				now.add(time.Minute)
			}
			for i := range n {
				id := document(i).Record.ID
				if _, isOpen := open[id]; isOpen != inSubset(id, 3) {
					t.Errorf("%s is open: %v", id, isOpen)
				}
			}
			f.server.Behave()
			f.settleSome(t, open, slices.Collect(maps.Values(open)), record.Ingested)
			if len(open) != 0 || len(f.stored()) != n {
				t.Errorf("in the end %d are open and %d stored", len(open), len(f.stored()))
			}
		})
	}
}

// TestFlappingServerRejectsNothing: the server alternately refuses and accepts all
// documents, and may change between any two commands, probes included.
func TestFlappingServerRejectsNothing(t *testing.T) {
	for _, period := range []int{1, 2, 3, 5, 7} {
		for _, size := range []int{1, 3, 50} {
			t.Run(fmt.Sprintf("period=%d size=%d", period, size), func(t *testing.T) {
				t.Parallel()
				now := &clock{at: time.Unix(1_700_000_000, 0)}
				f := newFixture(t, faulty.Options{}, now.tune, quick)
				f.server.Rule("insert", func(call faulty.Call) faulty.Fault {
					if inSubset(fmt.Sprint(call.N/period), 2) {
						return faulty.Fault{}
					}
					return refuseAll(call)
				})
				open := map[string]store.Document{}
				for at := 0; at < 150; at += size {
					f.settleSome(t, open, append(documents(at + size)[at:], slices.Collect(maps.Values(open))...), record.Ingested)
					now.add(time.Minute)
				}
				for range 100 {
					f.settleSome(t, open, slices.Collect(maps.Values(open)), record.Ingested)
					now.add(time.Minute)
				}
				if len(open) > 0 {
					t.Errorf("%d are still open", len(open))
				}
			})
		}
	}
}

// TestUnknownValidatorRejectsInTheEnd: bad records, few or many, are refused with an
// unknown code. Each is rejected after minutes, and no good record waits for it.
func TestUnknownValidatorRejectsInTheEnd(t *testing.T) {
	for _, bad := range []uint32{100, 20, 2} { // one in every 100, 20, 2
		t.Run(fmt.Sprint(bad), func(t *testing.T) {
			t.Parallel()
			now := &clock{at: time.Unix(1_700_000_000, 0)}
			f := newFixture(t, faulty.Options{}, now.tune, quick)
			f.server.Rule("insert", subset(bad, 525_074_461, 0))
			open, n := map[string]store.Document{}, 100
			began := now.at
			f.settleSome(t, open, documents(n), record.Ingested)
			if len(f.stored())+len(open) != n || len(open) == 0 {
				t.Fatalf("%d stored at once, %d open", len(f.stored()), len(open))
			}
			good := 0
			for n := 1000; len(open) > 0; n++ {
				now.add(30 * time.Second)
				if d := document(n); !inSubset(d.Record.ID, bad) {
					f.settleSome(t, open, []store.Document{d}, record.Ingested)
					good++
				}
				f.settleSome(t, open, slices.Collect(maps.Values(open)), record.Rejected)
			}
			if took := now.at.Sub(began); took < 3*time.Minute {
				t.Errorf("rejected after %v", took)
			}
			if strikes, records := f.watch.strikes(), n+good-len(f.stored()); strikes != 3*records {
				t.Errorf("%d strikes for %d records", strikes, records)
			}
		})
	}
}

// TestStoredDocumentsProveLittle: new documents are refused for hours with an unknown
// code, while stored ones are recognized as duplicates. No record is the cause, though
// one was refused before and another was inserted since.
func TestStoredDocumentsProveLittle(t *testing.T) {
	now := &clock{at: time.Unix(1_700_000_000, 0)}
	f := newFixture(t, faulty.Options{}, now.tune, quick)
	known := map[string]bool{"id-0": true}
	f.server.Rule("insert", func(call faulty.Call) (fault faulty.Fault) {
		for i, doc := range call.Documents {
			if !known[doc.Lookup("_id").StringValue()] {
				fault.WriteErrors = append(fault.WriteErrors, faulty.WriteError{Index: i, Code: 999_999})
			}
		}
		return fault
	})
	open := map[string]store.Document{}
	f.settleSome(t, open, documents(2), record.Ingested)
	known["id-2"] = true
	f.settleSome(t, open, []store.Document{document(2)}, record.Ingested)
	for range 120 {
		now.add(time.Minute)
		f.settleSome(t, open, []store.Document{document(0)}, record.Ingested)
		f.settleSome(t, open, []store.Document{document(1)}, record.Ingested)
	}
	if len(open) != 1 {
		t.Errorf("%d documents are open, want 1", len(open))
	}
}

// TestAnInvalidControlDocumentProvesNothing: a validator was added that the documents
// inserted before do not pass. It must not look as if the server accepted nothing.
func TestAnInvalidControlDocumentProvesNothing(t *testing.T) {
	f := newFixture(t, faulty.Options{}, quick)
	f.insert(t, documents(1))
	codes := map[string]int32{"id-0": 121, "id-1": 999_999}
	f.server.Rule("insert", func(call faulty.Call) (fault faulty.Fault) {
		for i, doc := range call.Documents {
			if code := codes[doc.Lookup("_id").StringValue()]; code != 0 {
				fault.WriteErrors = append(fault.WriteErrors, faulty.WriteError{Index: i, Code: code})
			}
		}
		return fault
	})
	open := map[string]store.Document{}
	f.settleSome(t, open, []store.Document{document(1)}, record.Ingested)
	if len(open) != 1 {
		t.Error("the refused document is not postponed")
	}
	f.settleSome(t, open, []store.Document{document(2)}, record.Ingested)
}

// TestManyRefusalsDelayOneBatch: a part of all documents is always refused. One batch
// waits to see whether that is transient, the next ones do not.
func TestManyRefusalsDelayOneBatch(t *testing.T) {
	f := newFixture(t, faulty.Options{}, quick)
	f.server.Rule("insert", subset(4, 999_999, 0))
	open := map[string]store.Document{}
	for batch := range 5 {
		before := f.server.Count("insert")
		f.settleSome(t, open, documents(100 * (batch + 1))[100*batch:], record.Ingested)
		if n := f.server.Count("insert") - before; batch > 0 && n > 5 {
			t.Errorf("batch %d: %d inserts", batch, n)
		}
	}
	if len(open) < 50 {
		t.Errorf("%d documents are open", len(open))
	}
}

// TestManyBadRecordsAreRejectedWithinHours: hundreds of bad records are refused with an
// unknown code, while others are inserted.
func TestManyBadRecordsAreRejectedWithinHours(t *testing.T) {
	now := &clock{at: time.Unix(1_700_000_000, 0)}
	f := newFixture(t, faulty.Options{}, now.tune, quick)
	bad := map[string]bool{}
	f.server.Rule("insert", func(call faulty.Call) (fault faulty.Fault) {
		for i, doc := range call.Documents {
			if bad[doc.Lookup("_id").StringValue()] {
				fault.WriteErrors = append(fault.WriteErrors, faulty.WriteError{Index: i, Code: 525_074_461})
			}
		}
		return fault
	})
	open, n := map[string]store.Document{}, 1000
	next := func() store.Document { n++; return document(n) }
	for range 300 {
		d := next()
		bad[d.Record.ID] = true
		f.settleSome(t, open, []store.Document{d, next(), next()}, record.Ingested)
	}
	began := now.at
	for len(open) > 0 && now.at.Sub(began) < 6*time.Hour {
		now.add(10 * time.Minute)
		f.settleSome(t, open, []store.Document{next()}, record.Ingested)
		f.settleSome(t, open, slices.Collect(maps.Values(open)), record.Rejected)
	}
	if len(open) > 0 {
		t.Errorf("%d are still open", len(open))
	}
}

// TestConfigurationCodeAgainstOneDocument does not fail the insert of the others.
func TestConfigurationCodeAgainstOneDocument(t *testing.T) {
	for _, code := range []int32{20, 26, 59, 72, 73} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, faulty.Options{}, quick)
			f.server.Rule("insert", func(call faulty.Call) (fault faulty.Fault) {
				for i, doc := range call.Documents {
					if doc.Lookup("_id").StringValue() == "id-1" {
						fault.WriteErrors = append(fault.WriteErrors, faulty.WriteError{Index: i, Code: code})
					}
				}
				return fault
			})
			open := map[string]store.Document{}
			f.settleSome(t, open, documents(20), record.Ingested)
			if len(open) != 1 || len(f.stored()) != 19 {
				t.Errorf("%d open, %d stored", len(open), len(f.stored()))
			}
		})
	}
}

// clock is set by a test.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) tune(o *store.Options) { o.Now, o.StrikeInterval = c.now, time.Minute }

func quick(o *store.Options) { o.MaxBackoff, o.InitialBackoff = time.Millisecond, 100*time.Microsecond }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// settleSome inserts docs once. Postponed ones stay in open; the others must have the
// wanted outcome.
func (f *fixture) settleSome(t *testing.T, open map[string]store.Document, docs []store.Document, want record.Outcome) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	results, err := f.Insert(ctx, docs)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		id := docs[i].Record.ID
		delete(open, id)
		switch {
		case r.Postponed:
			open[id] = docs[i]
		case r.Outcome != want:
			t.Fatalf("%s is %v (%s), want %v", id, r.Outcome, r.Reason, want)
		}
	}
}
