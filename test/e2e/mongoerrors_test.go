package e2e_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
)

// The tests of this file run a worker against every class of MongoDB errors, at
// the first, middle and last document of a batch, and check each record in
// MongoDB, the dead letters and the ledger.

const inBatch = 9

var places = []int{0, inBatch / 2, inBatch - 1}

// mongoHarness is a harness with a scripted MongoDB.
type mongoHarness struct {
	*harness
	server *faulty.Server
	load   *fixture
	out    int // records of load that were sent
	want   map[string]int
}

func newMongoHarness(t *testing.T, options faulty.Options) *mongoHarness {
	t.Helper()
	server, failing := env.Redis(t), faulty.Serve(t, options)
	environ := append(settings(stream, server.URL(), failing.URI()),
		"RATE_LIMIT_LIMIT=0", fmt.Sprintf("BATCH_SIZE=%d", inBatch), "WORKER_CONCURRENCY=1", "MONGO_INDEXES=off")
	r := &harness{t: t, mode: stream, redis: server, client: server.Client(t), program: worker(t), env: environ, numbers: map[string]int{}}
	return &mongoHarness{harness: r, server: failing, load: simple(31, inBatch*len(places)), want: map[string]int{}}
}

// next returns the records of the next batch.
func (r *mongoHarness) next() []sent { return r.load.records[r.out : r.out+inBatch] }

// send sends the next batch in one transaction, so that it is read at once.
func (r *mongoHarness) send() {
	r.t.Helper()
	var bodies []string
	for _, s := range r.next() {
		bodies = append(bodies, s.body)
	}
	r.out += inBatch
	r.feedTo(streamKey, bodies...)
}

// expect waits until everything sent is settled and adds the expected outcomes
// of the last batch.
func (r *mongoHarness) expect(outcomes map[string]int) {
	r.t.Helper()
	for name, n := range outcomes {
		r.want[name] += n
	}
	r.awaitOutcomes(r.out)
}

// idOf returns the _id of a record of the next batch.
func (r *mongoHarness) idOf(place int) string { return r.next()[place].person.identity() }

// put stores a record of the next batch as another entry's, with that entry's
// name.
func (r *mongoHarness) put(place int, streamID, name string) {
	r.t.Helper()
	p := r.next()[place].person
	client, err := mongo.Connect(options.Client().ApplyURI(r.server.URI()))
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(r.ctx()) }()
	_, err = client.Database(database).Collection(documents).InsertOne(r.ctx(), bson.D{
		{Key: "_id", Value: p.identity()}, {Key: "customerId", Value: p.customerID}, {Key: "name", Value: name},
		{Key: "email", Value: p.email()}, {Key: "createdAt", Value: p.createdAt}, {Key: "streamId", Value: streamID},
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// finish stops the worker and checks everything: each record is stored once,
// except the rejected ones, each of which has a dead letter that quotes no
// value from MongoDB's message; the ledger counts each record once and
// balances.
func (r *mongoHarness) finish(worker *env.Proc, rejected map[string]string) {
	r.t.Helper()
	r.stop(worker)
	r.wantStored(rejected)
	r.wantRejected(rejected)
	ledger := r.ledger(streamKey)
	var settled int64
	for name := range outcomes {
		settled += ledger[name]
		if ledger[name] != int64(r.want[name]) {
			r.t.Errorf("the ledger counts %d %s, want %d", ledger[name], name, r.want[name])
		}
	}
	if settled != int64(r.out) || ledger["missing"] != 0 || r.pending() != 0 {
		r.t.Errorf("%d of %d records are settled, %d missing, %d pending", settled, r.out, ledger["missing"], r.pending())
	}
}

func (r *mongoHarness) wantStored(rejected map[string]string) {
	r.t.Helper()
	stored := map[string]int{}
	for _, doc := range r.server.Documents(database, documents) {
		stored[doc.Lookup("_id").StringValue()]++
	}
	for _, s := range r.load.records[:r.out] {
		id, want := s.person.identity(), 1
		if _, bad := rejected[id]; bad {
			want = 0
		}
		if stored[id] != want {
			r.t.Errorf("%s is stored %d times, want %d", s.body, stored[id], want)
		}
		delete(stored, id)
	}
	if len(stored) > 0 {
		r.t.Errorf("not sent: %v", stored)
	}
}

func (r *mongoHarness) wantRejected(rejected map[string]string) {
	r.t.Helper()
	letters := r.deadLetters()
	if len(letters) != len(rejected) {
		r.t.Errorf("%d dead letters, want %d: %v", len(letters), len(rejected), letters)
	}
	for _, letter := range letters {
		text := func(name string) string { s, _ := letter.Values[name].(string); return s }
		number, known := r.numbers[text("streamId")]
		if !known {
			r.t.Errorf("a dead letter without an entry: %q", letter.Values)
			continue
		}
		s := r.load.records[number]
		why, bad := rejected[s.person.identity()]
		if !bad || text("event") != "rejected" || text("data") != s.body || !strings.Contains(text("reason"), why) {
			r.t.Errorf("the dead letter %q, want %q in its reason", letter.Values, why)
		}
		if strings.Contains(text("reason"), s.person.email()) {
			r.t.Errorf("the reason quotes the record: %q", text("reason"))
		}
	}
}

// against returns a rule that refuses a single document.
func against(id string, e faulty.WriteError, times int) func(faulty.Call) faulty.Fault {
	said := 0
	return func(call faulty.Call) (f faulty.Fault) {
		for i, doc := range call.Documents {
			if doc.Lookup("_id").StringValue() == id && (times == 0 || said < times) {
				said++
				e.Index = i
				f.WriteErrors = []faulty.WriteError{e}
			}
		}
		return f
	}
}

// againstCalls returns a rule that fails every call with a document.
func againstCalls(id string, code int32) func(faulty.Call) faulty.Fault {
	return func(call faulty.Call) faulty.Fault {
		for _, doc := range call.Documents {
			if doc.Lookup("_id").StringValue() == id {
				return faulty.Fault{Code: code}
			}
		}
		return faulty.Fault{}
	}
}

// TestErrorsOfSingleDocuments runs each row three times, in three batches of
// one worker.
func TestErrorsOfSingleDocuments(t *testing.T) {
	t.Parallel()
	email := bson.D{{Key: "email", Value: int32(1)}}
	id := bson.D{{Key: "_id", Value: int32(1)}}
	document := func(code int32, pattern bson.D, times int) func(string) func(faulty.Call) faulty.Fault {
		return func(id string) func(faulty.Call) faulty.Fault {
			return against(id, faulty.WriteError{Code: code, KeyPattern: pattern}, times)
		}
	}
	call := func(code int32) func(string) func(faulty.Call) faulty.Fault {
		return func(id string) func(faulty.Call) faulty.Fault { return againstCalls(id, code) }
	}
	for _, row := range []struct {
		name   string
		rule   func(id string) func(faulty.Call) faulty.Fault
		reason string // of the dead letter; empty if the record is inserted
	}{
		{"another unique index", document(11000, email, 0), "email"},
		{"a unique index that is not named", document(11000, nil, 0), "code 11000"},
		{"a duplicate that is deleted meanwhile", document(11000, id, 1), ""},
		{"document validation", document(121, nil, 0), "code 121"},
		{"a bad value", document(2, nil, 0), "code 2"},
		{"too large, one document", document(10334, nil, 0), "code 10334"},
		{"too large, the whole call", call(10334), "code 10334"},
		{"unknown, one document, for a while", document(999_999, nil, 2), ""},
		{"stepping down, one document, for a while", document(189, nil, 3), ""},
		{"not authorised, one document, for a while", document(13, nil, 3), ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := newMongoHarness(t, faulty.Options{})
			worker := r.start()
			rejected := map[string]string{}
			for _, place := range places {
				id := r.idOf(place)
				r.server.Rule("insert", row.rule(id))
				r.send()
				if row.reason == "" {
					r.expect(map[string]int{ingested: inBatch})
					continue
				}
				rejected[id] = row.reason
				r.expect(map[string]int{ingested: inBatch - 1, "rejected": 1})
			}
			r.finish(worker, rejected)
		})
	}
}

// TestUnknownCodesPostponeRecords refuses records with unknown codes, for
// single documents or the whole call. They are postponed, without delaying
// others, until MongoDB accepts them.
func TestUnknownCodesPostponeRecords(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]bool{"one document": false, "the whole call": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newMongoHarness(t, faulty.Options{})
			worker := r.start()
			var rules []func(faulty.Call) faulty.Fault
			for i, place := range places {
				rule := against(r.idOf(place), faulty.WriteError{Code: 525_074_461}, 0)
				if whole {
					rule = againstCalls(r.idOf(place), 8)
				}
				rules = append(rules, rule)
				r.server.Rule("insert", allOf(rules))
				r.send()
				env.Eventually(t, late, func() (bool, string) {
					n, pending := r.ledger(streamKey)[ingested], r.pending()
					return int(n) == r.out-i-1 && int(pending) == i+1, fmt.Sprintf("%d ingested, %d pending", n, pending)
				})
			}
			if letters := r.deadLetters(); len(letters) > 0 {
				t.Errorf("dead letters %v", letters)
			}
			r.server.Behave()
			r.expect(map[string]int{ingested: r.out})
			r.finish(worker, nil)
		})
	}
}

// allOf returns a rule that combines others.
func allOf(rules []func(faulty.Call) faulty.Fault) func(faulty.Call) faulty.Fault {
	return func(call faulty.Call) (all faulty.Fault) {
		for _, rule := range rules {
			fault := rule(call)
			all.WriteErrors = append(all.WriteErrors, fault.WriteErrors...)
			all.Code = max(all.Code, fault.Code)
		}
		return all
	}
}

// TestDuplicatesAtEveryPlaceOfABatch inserts documents that already exist:
// another entry's, with the same name or another, alone and with a write
// concern error, on a server that names the index and on one that does not.
func TestDuplicatesAtEveryPlaceOfABatch(t *testing.T) {
	t.Parallel()
	for _, ferret := range []bool{false, true} {
		for _, concern := range []int32{0, 64} {
			t.Run(fmt.Sprintf("unnamed=%v concern=%d", ferret, concern), func(t *testing.T) {
				t.Parallel()
				r := newMongoHarness(t, faulty.Options{Ferret: ferret})
				worker := r.start()
				conflicts := 0
				for _, place := range places {
					name := r.next()[place].person.name
					if place == places[1] {
						name, conflicts = "Somebody Else", conflicts+1
					}
					r.put(place, "1-1", name)
					if concern != 0 {
						r.server.Script("insert", faulty.Fault{WriteConcern: concern}, faulty.Fault{WriteConcern: concern})
					}
					r.send()
					r.expect(map[string]int{ingested: inBatch - 1, duplicate: 1})
				}
				r.finish(worker, nil)
				for _, l := range r.journal.lines {
					if l.Conflict {
						conflicts--
					}
				}
				if conflicts != 0 {
					t.Errorf("%d conflicts missing in the log", conflicts)
				}
			})
		}
	}
}

// TestErrorsOfWholeCalls fails calls a few times, applied or not: no record is
// refused for that.
func TestErrorsOfWholeCalls(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		fault faulty.Fault
	}{
		{"connection cut before", faulty.Fault{CutBefore: true}},
		{"reply lost", faulty.Fault{CutAfter: true}},
		{"no longer primary", faulty.Fault{Code: 10107}},
		{"shutting down, applied", faulty.Fault{Code: 91, Applied: true}},
		{"time limit, applied", faulty.Fault{Code: 50, Applied: true}},
		{"retryable label", faulty.Fault{Code: 999_999, Labels: []string{"RetryableWriteError"}}},
		{"overloaded", faulty.Fault{Code: 999_999, Labels: []string{"SystemOverloadedError"}}},
		{"disk full", faulty.Fault{Code: 14031}},
		{"unauthorised", faulty.Fault{Code: 13}},
		{"login refused", faulty.Fault{Code: 18}},
		{"unknown", faulty.Fault{Code: 8}},
		{"nonsense", faulty.Fault{Reply: bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 3}}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := newMongoHarness(t, faulty.Options{})
			worker := r.start()
			for range places {
				r.server.Script("insert", row.fault, row.fault, row.fault)
				r.send()
				r.expect(map[string]int{ingested: inBatch})
			}
			worker.WaitForLine(soon, retrying("MongoDB", "error"))
			worker.WaitForLine(soon, retrying("MongoDB", "success"))
			r.finish(worker, nil)
		})
	}
}

// TestNothingIsSettledWhileMongoFails checks the stream while MongoDB fails
// with errors that an operator must fix, or applies writes that are not
// durable.
func TestNothingIsSettledWhileMongoFails(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]faulty.Fault{
		"write concern not met":         {WriteConcern: 64},
		"write concern cannot be met":   {WriteConcern: 100},
		"shutdown as a write concern":   {WriteConcern: 91},
		"not authorised":                {Code: 13},
		"unknown, with nothing passing": {Code: 8},
		"every document unknown":        everyDocument(999_999),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newMongoHarness(t, faulty.Options{})
			worker := r.start()
			var mended atomic.Bool
			r.server.Rule("insert", func(faulty.Call) faulty.Fault {
				if mended.Load() {
					return faulty.Fault{}
				}
				return fault
			})
			r.send()
			env.Eventually(t, late, func() (bool, string) {
				n := r.server.Count("insert")
				return n >= 6, fmt.Sprintf("%d inserts", n)
			})
			if n, ledger := r.pending(), r.ledger(streamKey); n != inBatch || ledger[ingested]+ledger[duplicate]+ledger["rejected"] != 0 || len(r.deadLetters()) != 0 {
				t.Errorf("%d of %d entries are pending while MongoDB fails, %d dead letters, ledger %v", n, inBatch, len(r.deadLetters()), ledger)
			}
			mended.Store(true)
			r.expect(map[string]int{ingested: inBatch})
			r.finish(worker, nil)
		})
	}
}

func everyDocument(code int32) (f faulty.Fault) {
	for i := range inBatch {
		f.WriteErrors = append(f.WriteErrors, faulty.WriteError{Index: i, Code: code})
	}
	return f
}

// TestConfigurationErrorsStopTheWorker: retrying cannot help, so the worker
// reports the error and exits with all entries returned; the next worker
// processes them.
func TestConfigurationErrorsStopTheWorker(t *testing.T) {
	t.Parallel()
	for code, says := range map[int32]string{20: "retryWrites=false", 26: "26", 72: "72", 73: "73", 59: "59"} {
		t.Run(fmt.Sprint("code ", code), func(t *testing.T) {
			t.Parallel()
			r := newMongoHarness(t, faulty.Options{})
			worker := r.start()
			r.server.Rule("insert", func(faulty.Call) faulty.Fault { return faulty.Fault{Code: code} })
			r.send()
			r.wantExit(worker, 1)
			if !strings.Contains(worker.Stderr(), says) {
				t.Errorf("%q is not in the message:\n%s", says, worker.Stderr())
			}
			for _, e := range r.pendingEntries() {
				if e.RetryCount != 0 {
					t.Errorf("entry %s has a delivery count of %d", e.ID, e.RetryCount)
				}
			}
			if n := r.pending(); n != inBatch || len(r.deadLetters()) != 0 {
				t.Errorf("%d of %d entries are pending, %d dead letters", n, inBatch, len(r.deadLetters()))
			}
			r.server.Behave()
			r.journal = journal{}
			second := r.start()
			r.expect(map[string]int{ingested: inBatch})
			r.finish(second, nil)
		})
	}
}
