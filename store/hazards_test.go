package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/test/mongo/faulty"
	"ingestion/record"
	"ingestion/store"
)

// The tests in this file run every row of the table of MongoDB's errors against a
// scripted server. Whole commands fail before and after they are applied; single
// documents fail at the first, middle and last place of a batch, with and without a
// write concern error.

const batch = 5

var places = []int{0, batch / 2, batch - 1}

// wantStored checks that the collection holds the batch, without the given
// documents.
func (f *fixture) wantStored(t *testing.T, without ...int) {
	t.Helper()
	stored := f.stored()
	if len(stored) != batch-len(without) {
		t.Errorf("%d documents stored, want %d", len(stored), batch-len(without))
	}
	for _, i := range without {
		if _, there := stored[fmt.Sprintf("id-%d", i)]; there {
			t.Errorf("document %d is stored", i)
		}
	}
}

func TestWholeCommandsAreRepeated(t *testing.T) {
	type row struct {
		class store.Class
		codes []int32
	}
	rows := []row{
		{store.TimedOut, []int32{50, 262}},
		{store.Transient, []int32{6, 7, 89, 91, 134, 189, 9001, 10107, 11600, 11602, 13435, 13436, 10058}},
		{store.DiskTrouble, []int32{24, 46, 112, 133, 11601, 14031}},
		{store.Operator, []int32{13, 18, 8000}},
		{store.UnknownCode, []int32{1, 8, 999_999}},
	}
	for _, row := range rows {
		for _, code := range row.codes {
			for _, applied := range []bool{false, true} {
				t.Run(fmt.Sprintf("code %d applied=%v", code, applied), func(t *testing.T) {
					t.Parallel()
					f := newFixture(t, faulty.Options{})
					f.server.Script("insert", faulty.Fault{Code: code, Applied: applied})
					f.wantOneWait(t, row.class)
				})
			}
		}
	}
}

// wantOneWait inserts a batch whose first attempt fails with this class and whose
// second one succeeds.
func (f *fixture) wantOneWait(t *testing.T, class store.Class) {
	t.Helper()
	all(t, f.insert(t, documents(batch)), record.Ingested)
	f.wantStored(t)
	if f.watch.saw(class) != 1 || len(f.watch.texts) != 1 || f.watch.recoveries() != 1 {
		t.Errorf("the observer saw %v and %d recoveries, want %v and one recovery", f.watch.texts, f.watch.recoveries(), class)
	}
}

func TestLabelsOfWholeCommands(t *testing.T) {
	tests := []struct {
		label string
		class store.Class
	}{
		{"RetryableWriteError", store.Transient},
		{"SystemOverloadedError", store.Overloaded},
		{"RetryableError", store.Overloaded},
	}
	for _, tc := range tests {
		t.Run(tc.label, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, faulty.Options{})
			f.server.Script("insert", faulty.Fault{Code: 999_999, Labels: []string{tc.label}})
			f.wantOneWait(t, tc.class)
		})
	}
}

func TestBrokenConnections(t *testing.T) {
	tests := []struct {
		name  string
		fault faulty.Fault
		class store.Class
	}{
		{"cut before", faulty.Fault{CutBefore: true}, store.Transient},
		{"cut after", faulty.Fault{CutAfter: true}, store.Transient},
		{"no answer", faulty.Fault{Silent: true}, store.TimedOut},
		{"too slow", faulty.Fault{Delay: time.Hour}, store.TimedOut},
		{"inconsistent", faulty.Fault{Reply: bson.D{{Key: "ok", Value: 1}, {Key: "n", Value: 3}}}, store.Transient},
		{"an index out of range", faulty.Fault{Reply: bson.D{{Key: "ok", Value: 1}, {Key: "writeErrors", Value: bson.A{bson.D{{Key: "index", Value: 9}}}}}}, store.Transient},
	}
	for _, stream := range []bool{true, false} {
		for _, tc := range tests {
			t.Run(fmt.Sprintf("%s stream=%v", tc.name, stream), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, faulty.Options{}, func(o *store.Options) { o.CommandTimeout = 400 * time.Millisecond })
				f.server.Script("insert", tc.fault)
				docs := documents(batch)
				if !stream {
					docs = inListMode(docs)
				}
				all(t, f.insert(t, docs), record.Ingested)
				f.wantStored(t)
				if f.watch.saw(tc.class) == 0 {
					t.Errorf("the observer saw %v, want %v", f.watch.texts, tc.class)
				}
			})
		}
	}
}

func TestTimeoutsShrinkTheBatch(t *testing.T) {
	f := newFixture(t, faulty.Options{}, func(o *store.Options) { o.CommandTimeout = 200 * time.Millisecond })
	f.server.Script("insert", faulty.Fault{Silent: true})
	f.insert(t, documents(8))
	sizes := []int{}
	for _, call := range f.server.Calls("insert") {
		sizes = append(sizes, len(call.Documents))
	}
	if fmt.Sprint(sizes) != "[8 4 4]" {
		t.Errorf("batches of %v, want 8 and then twice 4", sizes)
	}
}

func TestInListModeOnlyARetryOwnsTheDocument(t *testing.T) {
	now := time.Date(2024, 6, 1, 8, 0, 0, 0, time.UTC)
	f := newFixture(t, faulty.Options{}, func(o *store.Options) { o.Now = func() time.Time { return now } })
	docs := inListMode(documents(batch))
	f.put(t, docs[1])
	all(t, f.insert(t, docs[2:3]), record.Ingested)
	// The same millisecond and content, but not inserted by this call.
	all(t, f.insert(t, docs[2:3]), record.Duplicate)

	// Likewise after a lost reply.
	f.server.Script("insert", faulty.Fault{CutAfter: true})
	results := f.insert(t, docs)
	for i, want := range []record.Outcome{record.Ingested, record.Duplicate, record.Duplicate, record.Ingested, record.Ingested} {
		if results[i].Outcome != want {
			t.Errorf("document %d is %v, want %v", i, results[i].Outcome, want)
		}
	}
}

// TestTwoCopiesInOneMillisecond: in list mode, two workers insert copies of a record
// in the same millisecond, and both replies are lost. Exactly one has ingested it.
func TestTwoCopiesInOneMillisecond(t *testing.T) {
	now := time.Date(2024, 6, 1, 8, 0, 0, 0, time.UTC)
	f := newFixture(t, faulty.Options{}, func(o *store.Options) { o.Now = func() time.Time { return now } })
	f.server.Script("insert", faulty.Fault{CutAfter: true}, faulty.Fault{CutAfter: true})
	outcomes := make(chan record.Outcome, 2)
	for range 2 {
		go func() {
			results, err := f.Insert(t.Context(), inListMode(documents(1)))
			if err != nil {
				t.Error(err)
			}
			outcomes <- results[0].Outcome
		}()
	}
	if first, second := <-outcomes, <-outcomes; first == second {
		t.Errorf("both are %v", first)
	}
}

// TestNeverFound: the server reports that the _id exists, but no lookup finds it.
func TestNeverFound(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.server.Rule("insert", againstDocument("id-2", faulty.WriteError{Code: 11000, KeyPattern: bson.D{{Key: "_id", Value: int32(1)}}}, 0, false))
	results := f.insert(t, documents(batch))
	allBut(t, results, 2, record.Rejected)
	f.wantStored(t, 2)
	if !results[2].Keep || !strings.Contains(results[2].Reason, "code 11000") {
		t.Errorf("got %+v", results[2])
	}
}

func TestServerAwayAndBack(t *testing.T) {
	f := newFixture(t, faulty.Options{}, func(o *store.Options) { o.CommandTimeout = 500 * time.Millisecond })
	f.insert(t, documents(1))
	f.server.Stop()
	done := make(chan []store.Result)
	go func() {
		results, err := f.Insert(t.Context(), documents(batch))
		if err != nil {
			t.Error(err)
		}
		done <- results
	}()
	waitFor(t, func() bool { return f.watch.heard("connection refused") })
	if err := f.server.Start(); err != nil {
		t.Fatal(err)
	}
	all(t, <-done, record.Ingested)
	f.wantStored(t)
	waitFor(t, func() bool { return f.watch.recoveries() == 1 })
	if f.watch.saw(store.NotSent) == 0 || !f.watch.heard("connection string") {
		t.Errorf("the observer saw:\n%s", strings.Join(f.watch.texts, "\n"))
	}
}

// waitFor fails the test if the condition is not met within 20 s.
func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatal("the condition is not met")
		case <-tick.C:
		}
	}
}

func TestWriteConcernErrorsAcknowledgeNothing(t *testing.T) {
	tests := []struct {
		code  int32
		class store.Class
	}{{64, store.NotDurable}, {79, store.Unsatisfiable}, {91, store.NotDurable}, {100, store.Unsatisfiable}, {12345, store.NotDurable}}
	for _, stream := range []bool{true, false} {
		for _, tc := range tests {
			t.Run(fmt.Sprintf("code %d stream=%v", tc.code, stream), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, faulty.Options{})
				// Twice: the second time every document is a duplicate, and still nothing
				// may be acknowledged.
				f.server.Script("insert", faulty.Fault{WriteConcern: tc.code}, faulty.Fault{WriteConcern: tc.code})
				docs := documents(batch)
				if !stream {
					docs = inListMode(docs)
				}
				all(t, f.insert(t, docs), record.Ingested)
				f.wantStored(t)
				if f.watch.saw(tc.class) != 2 || f.server.Count("insert") != 3 {
					t.Errorf("%d inserts, the observer saw %v; want 3 and twice %v", f.server.Count("insert"), f.watch.texts, tc.class)
				}
			})
		}
	}
}

func TestWriteConcernErrorAloneIsNeverSuccess(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.server.Rule("insert", func(faulty.Call) faulty.Fault { return faulty.Fault{WriteConcern: 64} })
	ctx, cancel := context.WithCancel(t.Context())
	f.watch.onWaiting = func(class store.Class) {
		if f.watch.classes[class] == 4 {
			cancel()
		}
	}
	results, err := f.Insert(ctx, documents(batch))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	all(t, results, 0)
}

func TestConfigurationErrorsEndTheCall(t *testing.T) {
	for _, code := range []int32{20, 26, 73, 59, 72} {
		for _, perDocument := range []bool{false, true} {
			t.Run(fmt.Sprintf("code %d perDocument=%v", code, perDocument), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, faulty.Options{})
				fault := faulty.Fault{Code: code}
				if perDocument {
					fault = everyDocument(code)
				}
				f.server.Script("insert", fault)
				results, err := f.Insert(t.Context(), documents(batch))
				var failure *store.Error
				if !errors.As(err, &failure) || failure.Class != store.Configuration || failure.Code != code || !store.Permanent(err) {
					t.Fatalf("err = %v", err)
				}
				if code == 20 && !strings.Contains(err.Error(), "retryWrites=false") {
					t.Errorf("err = %v", err)
				}
				all(t, results, 0)
			})
		}
	}
}

func everyDocument(code int32) faulty.Fault {
	var f faulty.Fault
	for i := range batch {
		f.WriteErrors = append(f.WriteErrors, faulty.WriteError{Index: i, Code: code})
	}
	return f
}

// TestOperatorErrorsRejectNothing: access is denied for many attempts.
func TestOperatorErrorsRejectNothing(t *testing.T) {
	for _, code := range []int32{13, 18, 8000} {
		for _, fault := range []faulty.Fault{{Code: code}, everyDocument(code)} {
			f := newFixture(t, faulty.Options{})
			const refusals = 12
			f.server.Rule("insert", func(call faulty.Call) faulty.Fault {
				if call.N <= refusals {
					return fault
				}
				return faulty.Fault{}
			})
			all(t, f.insert(t, documents(batch)), record.Ingested)
			if f.watch.saw(store.Operator) != refusals || !store.Operator.Loud() {
				t.Errorf("code %d: the observer saw %v", code, f.watch.classes)
			}
			for _, text := range f.watch.texts {
				if !strings.Contains(text, "connection string") {
					t.Errorf("code %d: the observer saw: %s", code, text)
				}
			}
		}
	}
}

// documentRow is a row of the table about one document.
type documentRow struct {
	name  string
	error faulty.WriteError
	times int // how often the server returns it; 0 means always
	want  record.Outcome
}

func documentRows() []documentRow {
	id, email := bson.D{{Key: "_id", Value: int32(1)}}, bson.D{{Key: "email", Value: int32(1)}}
	var rows []documentRow
	for _, code := range []int32{11000, 11001, 12582} {
		rows = append(rows,
			documentRow{fmt.Sprintf("%d on _id, then deleted", code), faulty.WriteError{Code: code, KeyPattern: id}, 1, record.Ingested},
			documentRow{fmt.Sprintf("%d on another index", code), faulty.WriteError{Code: code, KeyPattern: email}, 0, record.Rejected},
			documentRow{fmt.Sprintf("%d on an index that is not named", code), faulty.WriteError{Code: code}, 0, record.Rejected},
			documentRow{fmt.Sprintf("%d on an index that is not named, then deleted", code), faulty.WriteError{Code: code}, 1, record.Ingested})
	}
	for _, code := range []int32{121, 2, 9, 14, 22, 52, 53, 54, 55, 56, 57, 10334, 15, 17419, 17420} {
		rows = append(rows, documentRow{fmt.Sprint(code), faulty.WriteError{Code: code}, 0, record.Rejected})
	}
	for _, code := range []int32{6, 91, 189, 10107, 11600, 112, 14031, 13, 50} {
		rows = append(rows, documentRow{fmt.Sprintf("%d for a while", code), faulty.WriteError{Code: code}, 4, record.Ingested})
	}
	return append(rows,
		documentRow{"an unknown code for a while", faulty.WriteError{Code: 999_999}, 2, record.Ingested},
		documentRow{"an unknown code, always", faulty.WriteError{Code: 999_999}, 0, record.Rejected})
}

// againstDocument refuses one document, the given number of times or, for 0, always.
// concern adds a write concern error to the first attempt.
func againstDocument(id string, e faulty.WriteError, times int, concern bool) func(faulty.Call) faulty.Fault {
	said := 0
	return func(call faulty.Call) (fault faulty.Fault) {
		for i, doc := range call.Documents {
			if doc.Lookup("_id").StringValue() == id && (times == 0 || said < times) {
				said++
				e.Index = i
				fault.WriteErrors = []faulty.WriteError{e}
			}
		}
		if concern && call.N == 1 {
			fault.WriteConcern = 64
			if times > 0 {
				said-- // a write concern error hides it
			}
		}
		return fault
	}
}

func TestSingleDocuments(t *testing.T) {
	for _, row := range documentRows() {
		for _, place := range places {
			for _, concern := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s place=%d concern=%v", row.name, place, concern), func(t *testing.T) {
					t.Parallel()
					f := newFixture(t, faulty.Options{})
					f.server.Rule("insert", againstDocument(fmt.Sprintf("id-%d", place), row.error, row.times, concern))
					results := f.insert(t, documents(batch))
					allBut(t, results, place, row.want)
					if row.want == record.Rejected {
						f.wantStored(t, place)
						wantReason(t, results[place].Reason, row.error)
					} else {
						f.wantStored(t)
					}
					if concern != (f.watch.saw(store.NotDurable) == 1) {
						t.Errorf("the observer saw %v", f.watch.texts)
					}
				})
			}
		}
	}
}

func wantReason(t *testing.T, reason string, e faulty.WriteError) {
	t.Helper()
	if !strings.Contains(reason, fmt.Sprintf("code %d", e.Code)) {
		t.Errorf("the reason lacks the code: %q", reason)
	}
	if e.KeyPattern != nil && !strings.Contains(reason, e.KeyPattern[0].Key) {
		t.Errorf("the reason lacks the index: %q", reason)
	}
}

// TestDuplicatesAtEveryPlace: a duplicate of _id occurs together with a write concern
// error, which delays the outcome.
func TestDuplicatesAtEveryPlace(t *testing.T) {
	for _, place := range places {
		for _, concern := range []int32{0, 64, 100} {
			t.Run(fmt.Sprintf("place=%d concern=%d", place, concern), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, faulty.Options{})
				other := document(place)
				other.StreamID = "1-1"
				f.put(t, other)
				f.server.Script("insert", faulty.Fault{WriteConcern: concern})
				allBut(t, f.insert(t, documents(batch)), place, record.Duplicate)
				f.wantStored(t)
				if want := min(1, int(concern)); len(f.watch.texts) != want {
					t.Errorf("the observer saw %v", f.watch.texts)
				}
			})
		}
	}
}

// TestAnotherUniqueIndexDoesNotHideOwnDocument: after a lost reply the server may
// name another index than that of _id for a document that is stored.
func TestAnotherUniqueIndexDoesNotHideOwnDocument(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	email := bson.D{{Key: "email", Value: int32(1)}}
	f.server.Script("insert", faulty.Fault{CutAfter: true}, faulty.Fault{WriteErrors: []faulty.WriteError{{Index: 0, Code: 11000, KeyPattern: email}}})
	all(t, f.insert(t, documents(1)), record.Ingested)
}

// againstCommands fails every insert that holds the document.
func againstCommands(id string, code int32) func(faulty.Call) faulty.Fault {
	return func(call faulty.Call) faulty.Fault {
		for _, doc := range call.Documents {
			if doc.Lookup("_id").StringValue() == id {
				return faulty.Fault{Code: code}
			}
		}
		return faulty.Fault{}
	}
}

func TestRecordsThatFailTheWholeCommand(t *testing.T) {
	for _, code := range []int32{10334, 15, 17419, 17420, 1, 8, 999_999} {
		for _, place := range places {
			for _, concern := range []bool{false, true} {
				t.Run(fmt.Sprintf("code %d place=%d concern=%v", code, place, concern), func(t *testing.T) {
					t.Parallel()
					f := newFixture(t, faulty.Options{})
					against := againstCommands(fmt.Sprintf("id-%d", place), code)
					concerned := false
					f.server.Rule("insert", func(call faulty.Call) faulty.Fault {
						fault := against(call)
						if concern && !concerned && fault.Code == 0 {
							concerned, fault.WriteConcern = true, 64
						}
						return fault
					})
					allBut(t, f.insert(t, documents(batch)), place, record.Rejected)
					f.wantStored(t, place)
				})
			}
		}
	}
}

// TestDuplicateKeyOfTheWholeCommand: old servers send 11000 at the top of a reply.
func TestDuplicateKeyOfTheWholeCommand(t *testing.T) {
	for _, place := range places {
		f := newFixture(t, faulty.Options{})
		other := document(place)
		other.StreamID = "1-1"
		f.put(t, other)
		f.server.Rule("insert", againstCommands(fmt.Sprintf("id-%d", place), 11000))
		allBut(t, f.insert(t, documents(batch)), place, record.Duplicate)
		f.wantStored(t)
	}
}

// TestRefusingEverythingRejectsNothing: the server refuses all documents with an
// unknown code. That is no evidence against any record.
func TestRefusingEverythingRejectsNothing(t *testing.T) {
	for _, size := range []int{1, batch, 40} {
		for _, perDocument := range []bool{false, true} {
			t.Run(fmt.Sprintf("size=%d perDocument=%v", size, perDocument), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, faulty.Options{})
				f.insert(t, []store.Document{document(1000)}) // the server has worked before
				const outage = 150
				f.server.Rule("insert", func(call faulty.Call) faulty.Fault {
					switch {
					case call.N > outage:
						return faulty.Fault{}
					case perDocument:
						return refuseAll(call)
					}
					return faulty.Fault{Code: 8}
				})
				all(t, f.insert(t, documents(size)), record.Ingested)
				if f.watch.saw(store.UnknownCode) < 3 {
					t.Errorf("the observer saw %v", f.watch.classes)
				}
			})
		}
	}
}

func refuseAll(call faulty.Call) (fault faulty.Fault) {
	for i := range call.Documents {
		fault.WriteErrors = append(fault.WriteErrors, faulty.WriteError{Index: i, Code: 999_999})
	}
	return fault
}

// TestSingleBadRecord: a bad record is postponed, and rejected only after others were
// inserted. Until then the cause may be the server, which still recognizes duplicates.
func TestSingleBadRecord(t *testing.T) {
	for _, perDocument := range []bool{false, true} {
		f := newFixture(t, faulty.Options{})
		f.insert(t, documents(1))
		rule := againstCommands("id-1", 8)
		if perDocument {
			rule = againstDocument("id-1", faulty.WriteError{Code: 8}, 0, false)
		}
		f.server.Rule("insert", rule)
		for range 20 {
			results, err := f.Insert(t.Context(), []store.Document{document(1)})
			if err != nil || !results[0].Postponed || f.watch.strikes() != 0 {
				t.Fatalf("got %+v, %v, %d strikes", results[0], err, f.watch.strikes())
			}
			time.Sleep(2 * time.Millisecond)
		}
		f.insert(t, []store.Document{document(2)})
		results := f.insert(t, []store.Document{document(1)})
		if results[0].Outcome != record.Rejected || !results[0].Keep || !strings.Contains(results[0].Reason, "code 8") {
			t.Errorf("got %+v", results[0])
		}
		if len(f.watch.texts) != 0 || f.watch.strikes() != 3 {
			t.Errorf("the observer saw %d strikes and %v", f.watch.strikes(), f.watch.texts)
		}
	}
}

// TestBisectingIsBounded: while every command fails, bisecting a batch does not flood
// the server with small commands.
func TestBisectingIsBounded(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.insert(t, []store.Document{document(1000)})
	f.server.Rule("insert", func(faulty.Call) faulty.Fault { return faulty.Fault{Code: 8} })
	ctx, cancel := context.WithCancel(t.Context())
	waits := 0
	f.watch.onWaiting = func(store.Class) {
		if waits++; waits == 20 {
			cancel()
		}
	}
	results, err := f.Insert(ctx, documents(200))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	all(t, results, 0)
	// Eight commands per round, each with a probe.
	if n := f.server.Count("insert"); n > 1+20*16 {
		t.Errorf("%d inserts in 20 rounds", n)
	}
}
