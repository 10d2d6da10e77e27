package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/record"
	"ingestion/store"
)

func TestMain(m *testing.M) { env.Main(m) }

// secret stands for personal data: it is in every document, and so in every error
// message of the scripted server. It must not occur in errors and reasons.
const secret = "Zelda Geheim"

// watcher is an Observer that records its calls.
type watcher struct {
	mu        sync.Mutex
	classes   map[store.Class]int
	texts     []string // of the errors
	recovered int
	struck    []store.Strike
	onWaiting func(store.Class)
}

func (w *watcher) Strike(s store.Strike) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.struck = append(w.struck, s)
}

func (w *watcher) strikes() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.struck)
}

func (w *watcher) Waiting(err error, class store.Class, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.classes == nil {
		w.classes = map[store.Class]int{}
	}
	w.classes[class]++
	w.texts = append(w.texts, err.Error())
	if w.onWaiting != nil {
		w.onWaiting(class)
	}
}

func (w *watcher) Recovered() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.recovered++
}

func (w *watcher) saw(class store.Class) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.classes[class]
}

// heard reports whether an error contained these words.
func (w *watcher) heard(words string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.texts, func(text string) bool { return strings.Contains(text, words) })
}

func (w *watcher) recoveries() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.recovered
}

// fixture is a store on a scripted server.
type fixture struct {
	*store.Store
	server *faulty.Server
	coll   *mongo.Collection
	watch  *watcher

	fillers int // documents inserted beside those of the test
}

func newFixture(t *testing.T, server faulty.Options, tune ...func(*store.Options)) *fixture {
	t.Helper()
	f := &fixture{server: faulty.Serve(t, server), watch: &watcher{}}
	f.coll = collectionAt(t, f.server.URI())
	opts := store.Options{
		InitialBackoff: time.Millisecond, MaxBackoff: 20 * time.Millisecond,
		UnknownTries: 3, StrikeInterval: time.Millisecond, Observer: f.watch,
	}
	for _, tune := range tune {
		tune(&opts)
	}
	f.Store = newStore(t, f.coll, opts)
	t.Cleanup(func() { f.keepsSecrets(t) })
	return f
}

func newStore(t testing.TB, coll *mongo.Collection, opts store.Options) *store.Store {
	t.Helper()
	s, err := store.New(coll, opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func collectionAt(t testing.TB, uri string) *mongo.Collection {
	t.Helper()
	opts, err := store.ClientOptions(uri)
	if err != nil {
		t.Fatal(err)
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client.Database("ingestion").Collection("customers")
}

func (f *fixture) keepsSecrets(t *testing.T) {
	t.Helper()
	for _, text := range f.watch.texts {
		if strings.Contains(text, secret) {
			t.Errorf("an error contains a value of a record: %s", text)
		}
	}
}

func (f *fixture) stored() map[string]bson.Raw {
	docs := map[string]bson.Raw{}
	for _, doc := range f.server.Documents("ingestion", "customers") {
		if id := doc.Lookup("_id").StringValue(); !strings.HasPrefix(id, filler) {
			docs[id] = doc
		}
	}
	return docs
}

// filler is the prefix of the _ids of documents that only show the store that the
// server works.
const filler = "filler-"

// put inserts a document by another store.
func (f *fixture) put(t *testing.T, doc store.Document) {
	t.Helper()
	other := newStore(t, f.coll, store.Options{})
	if _, err := other.Insert(t.Context(), []store.Document{doc}); err != nil {
		t.Fatal(err)
	}
}

func document(n int) store.Document {
	return store.Document{
		Record: record.Record{
			ID: fmt.Sprintf("id-%d", n), CustomerID: "7", Name: fmt.Sprintf("%s %d", secret, n),
			Email: "zelda@example.org", CreatedAt: time.Date(2024, 5, 1, 12, 0, n%60, 123456000, time.UTC),
		},
		StreamID: fmt.Sprintf("1700000000000-%d", n),
	}
}

func documents(n int) []store.Document {
	docs := make([]store.Document, n)
	for i := range docs {
		docs[i] = document(i)
	}
	return docs
}

// inListMode removes the stream IDs.
func inListMode(docs []store.Document) []store.Document {
	for i := range docs {
		docs[i].StreamID = ""
	}
	return docs
}

// insert fails the test if Insert fails or takes too long. Postponed documents are
// inserted again after a pause, as a queue does, and others are inserted meanwhile.
func (f *fixture) insert(t *testing.T, docs []store.Document) []store.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	results, err := f.Insert(ctx, docs)
	for err == nil {
		var open []int
		var again []store.Document
		for i, r := range results {
			if r.Postponed {
				open, again = append(open, i), append(again, docs[i])
			}
		}
		if len(open) == 0 {
			return results
		}
		time.Sleep(2 * time.Millisecond) // the queue's pause
		f.fillers++
		other := document(f.fillers)
		other.Record.ID = fmt.Sprint(filler, f.fillers)
		if _, err := f.Insert(ctx, []store.Document{other}); err != nil {
			t.Fatalf("Insert of another document: %v", err)
		}
		var more []store.Result
		more, err = f.Insert(ctx, again)
		for k, i := range open {
			results[i] = more[k]
		}
	}
	t.Fatalf("Insert: %v", err)
	return nil
}

// allBut expects Ingested everywhere but at the given index.
func allBut(t *testing.T, results []store.Result, index int, want record.Outcome) {
	t.Helper()
	for i, r := range results {
		expected := record.Ingested
		if i == index {
			expected = want
		}
		if r.Outcome != expected {
			t.Errorf("document %d is %v (%s), want %v", i, r.Outcome, r.Reason, expected)
		}
		if strings.Contains(r.Reason, secret) {
			t.Errorf("the reason contains a value: %s", r.Reason)
		}
	}
}

func all(t *testing.T, results []store.Result, want record.Outcome) {
	t.Helper()
	for i, r := range results {
		if r.Outcome != want {
			t.Errorf("document %d is %v (%s), want %v", i, r.Outcome, r.Reason, want)
		}
	}
}

func TestNewValidates(t *testing.T) {
	coll := new(mongo.Collection)
	if _, err := store.New(nil, store.Options{}); err == nil {
		t.Error("a nil collection is accepted")
	}
	if _, err := store.New(coll, store.Options{MaxBackoff: time.Hour}); err != nil {
		t.Error(err)
	}
	for want, opts := range map[string]store.Options{
		"CommandTimeout":    {CommandTimeout: -1},
		"LookupConcurrency": {LookupConcurrency: -1},
		"InitialBackoff":    {InitialBackoff: -1},
		"MaxBackoff":        {InitialBackoff: time.Minute},
		"UnknownTries":      {UnknownTries: -1},
		"StrikeInterval":    {StrikeInterval: -1},
	} {
		if _, err := store.New(coll, opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: err = %v, want one about %s", opts, err, want)
		}
	}
}

func TestInsertWritesTheDocumentedFields(t *testing.T) {
	now := time.Date(2024, 6, 1, 8, 0, 0, 987654321, time.UTC)
	f := newFixture(t, faulty.Options{}, func(o *store.Options) { o.Now = func() time.Time { return now } })
	docs := documents(2)
	docs[1].StreamID = ""
	all(t, f.insert(t, docs), record.Ingested)

	want := bson.D{
		{Key: "_id", Value: "id-0"}, {Key: "customerId", Value: "7"}, {Key: "name", Value: secret + " 0"},
		{Key: "email", Value: "zelda@example.org"},
		{Key: "createdAt", Value: bson.NewDateTimeFromTime(docs[0].Record.CreatedAt)},
		{Key: "ingestedAt", Value: bson.NewDateTimeFromTime(now)}, {Key: "streamId", Value: "1700000000000-0"},
	}
	if got := decode(t, f.stored()["id-0"]); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("stored %v\nwant   %v", got, want)
	}
	if _, err := f.stored()["id-1"].LookupErr("streamId"); err == nil {
		t.Error("a document of list mode has a streamId")
	}
	if id, ok := f.stored()["id-1"].Lookup("insertId").ObjectIDOK(); !ok || id.IsZero() {
		t.Error("a document of list mode has no insertId")
	}
}

func decode(t *testing.T, raw bson.Raw) bson.D {
	t.Helper()
	var d bson.D
	if err := bson.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func TestInsertHasItsWriteConcern(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.insert(t, documents(3))
	calls := f.server.Calls("insert")
	if len(calls) != 1 || len(calls[0].Documents) != 3 {
		t.Fatalf("%d inserts, want one of three documents", len(calls))
	}
	body := calls[0].Body
	if w := body.Lookup("writeConcern", "w").StringValue(); w != "majority" {
		t.Errorf("w = %q", w)
	}
	if j := body.Lookup("writeConcern", "j"); !j.Boolean() {
		t.Errorf("j = %v", j)
	}
	if ordered := body.Lookup("ordered"); ordered.Boolean() {
		t.Error("the insert is ordered")
	}
}

func TestInsertOfNothing(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	if results, err := f.Insert(t.Context(), nil); err != nil || len(results) != 0 || f.server.Count("insert") != 0 {
		t.Errorf("Insert(nil) = %v, %v", results, err)
	}
}

func TestInsertSplitsLargeBatches(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	docs := documents(7)
	for i := range docs {
		docs[i].Record.Name = strings.Repeat("n", 3<<20)
	}
	all(t, f.insert(t, docs), record.Ingested)
	for _, call := range f.server.Calls("insert") {
		if len(call.Body) > 8<<20+1024 {
			t.Errorf("a command of %d bytes", len(call.Body))
		}
	}
	if n := f.server.Count("insert"); n != 4 {
		t.Errorf("%d commands, want 4", n)
	}
}

func TestDocumentAboveTheSizeLimitIsRejectedWithoutBeingSent(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	docs := documents(3)
	docs[1].Record.Name = strings.Repeat("n", 16<<20)
	allBut(t, f.insert(t, docs), 1, record.Rejected)
}

func TestDuplicates(t *testing.T) {
	other := document(1)
	other.StreamID = "1-1"
	renamed, namesake := other, document(1)
	renamed.Record.Name, namesake.Record.Name = "another name", "somebody else"
	tests := []struct {
		name   string
		stored store.Document
		want   store.Result
	}{
		{"own", document(1), store.Result{Outcome: record.Ingested}},
		{"another entry's", other, store.Result{Outcome: record.Duplicate}},
		{"another record's under the same streamId", namesake, store.Result{Outcome: record.Duplicate, Conflict: true}},
		{"another entry's with another name", renamed, store.Result{Outcome: record.Duplicate, Conflict: true}},
	}
	for _, ferret := range []bool{false, true} {
		for _, tc := range tests {
			t.Run(fmt.Sprintf("%s ferret=%v", tc.name, ferret), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t, faulty.Options{Ferret: ferret})
				f.put(t, tc.stored)
				results := f.insert(t, documents(4))
				if results[1] != tc.want {
					t.Errorf("got %+v, want %+v", results[1], tc.want)
				}
				allBut(t, results, 1, tc.want.Outcome)
			})
		}
	}
}

func TestLookupsSuitTheServer(t *testing.T) {
	const n = 40
	for _, ferret := range []bool{false, true} {
		f := newFixture(t, faulty.Options{Ferret: ferret})
		f.insert(t, documents(n))
		all(t, f.insert(t, documents(n)), record.Ingested)
		want := 1
		if ferret {
			want = n
		}
		if got := f.server.Count("find"); got != want {
			t.Errorf("ferret=%v: %d finds, want %d", ferret, got, want)
		}
		if got := f.server.Count("buildInfo"); got != 1 {
			t.Errorf("ferret=%v: %d commands buildInfo, want 1", ferret, got)
		}
	}
}

func TestSingleLookupsAreBounded(t *testing.T) {
	var mu sync.Mutex
	var running, most int
	f := newFixture(t, faulty.Options{Ferret: true}, func(o *store.Options) { o.LookupConcurrency = 3 })
	docs := documents(30)
	f.insert(t, docs)
	monitor := lookupMonitor(&mu, &running, &most)
	s := newStore(t, monitoredCollection(t, f.server.URI(), monitor), store.Options{LookupConcurrency: 3})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			results, err := s.Insert(t.Context(), docs)
			if err != nil {
				t.Error(err)
			}
			all(t, results, record.Ingested)
		})
	}
	wg.Wait()
	if most > 3 || most < 2 {
		t.Errorf("%d lookups ran at a time, want 2 or 3", most)
	}
}

func TestTwinsInOneBatch(t *testing.T) {
	twin := func(n int, stream, name string) store.Document {
		d := document(n)
		d.StreamID = stream
		if name != "" {
			d.Record.Name = name
		}
		return d
	}
	tests := []struct {
		name   string
		stored []store.Document
		docs   []store.Document
		fault  faulty.Fault
		want   []store.Result
	}{
		{
			name: "the later one is a duplicate of the first",
			docs: []store.Document{twin(1, "1-1", ""), twin(2, "1-2", ""), twin(1, "1-3", ""), twin(1, "1-4", "other")},
			want: []store.Result{{Outcome: record.Ingested}, {Outcome: record.Ingested}, {Outcome: record.Duplicate}, {Outcome: record.Duplicate, Conflict: true}},
		},
		{
			name: "the same entry twice",
			docs: []store.Document{twin(1, "1-1", ""), twin(1, "1-1", "")},
			want: []store.Result{{Outcome: record.Ingested}, {Outcome: record.Ingested}},
		},
		{
			name: "list mode",
			docs: []store.Document{twin(1, "", ""), twin(1, "", "")},
			want: []store.Result{{Outcome: record.Ingested}, {Outcome: record.Duplicate}},
		},
		{
			name:   "the second one was inserted before",
			stored: []store.Document{twin(1, "1-2", "")},
			docs:   []store.Document{twin(1, "1-1", "other"), twin(1, "1-2", "")},
			want:   []store.Result{{Outcome: record.Duplicate, Conflict: true}, {Outcome: record.Ingested}},
		},
		{
			name:  "the first is rejected, the next takes its place",
			docs:  []store.Document{twin(1, "1-1", ""), twin(1, "1-2", "other"), twin(1, "1-3", "")},
			fault: faulty.Fault{WriteErrors: []faulty.WriteError{{Index: 0, Code: 121}}},
			want:  []store.Result{{Outcome: record.Rejected, Reason: "MongoDB rejects the document (code 121)"}, {Outcome: record.Ingested}, {Outcome: record.Duplicate, Conflict: true}},
		},
		{
			name:  "the same entry twice, rejected",
			docs:  []store.Document{twin(1, "1-1", ""), twin(1, "1-1", ""), twin(1, "1-2", "")},
			fault: faulty.Fault{WriteErrors: []faulty.WriteError{{Index: 0, Code: 121}}},
			want:  []store.Result{{Outcome: record.Rejected, Reason: "MongoDB rejects the document (code 121)"}, {Outcome: record.Rejected, Reason: "MongoDB rejects the document (code 121)"}, {Outcome: record.Ingested}},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, faulty.Options{})
			for _, d := range tc.stored {
				f.put(t, d)
			}
			f.server.Script("insert", tc.fault)
			results := f.insert(t, tc.docs)
			for i, want := range tc.want {
				if results[i] != want {
					t.Errorf("document %d: got %+v, want %+v", i, results[i], want)
				}
			}
		})
	}
}

func TestOwned(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.insert(t, documents(2))
	other := document(1)
	other.StreamID = "9-9"
	listed := document(0)
	listed.StreamID = ""
	f.server.Script("find", faulty.Fault{CutBefore: true}, faulty.Fault{Code: 13})
	own, err := f.Owned(t.Context(), []store.Document{document(0), other, document(5), listed})
	if err != nil || fmt.Sprint(own) != "[true false false false]" {
		t.Errorf("Owned = %v, %v", own, err)
	}
	if f.watch.saw(store.Operator) != 1 || f.watch.recoveries() != 1 {
		t.Errorf("the observer saw %v, recovered %d times", f.watch.classes, f.watch.recoveries())
	}
}

func TestCanceledInsertLeavesDocumentsOpen(t *testing.T) {
	f := newFixture(t, faulty.Options{})
	f.server.Rule("insert", func(call faulty.Call) faulty.Fault {
		return faulty.Fault{Code: 10107}
	})
	ctx, cancel := context.WithCancel(t.Context())
	f.watch.onWaiting = func(store.Class) { cancel() }
	results, err := f.Insert(ctx, documents(3))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	var failure *store.Error
	if !errors.As(err, &failure) || failure.Class != store.Transient {
		t.Errorf("the error does not include the last failure: %v", err)
	}
	all(t, results, 0)
}
