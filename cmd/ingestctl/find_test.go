package main_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/internal/test/schema"
	"ingestion/record"
	"ingestion/store"
)

// findRig is a MongoDB with documents, and no Redis.
func findRig(t *testing.T, uri string) (r *rig, s *store.Store) {
	t.Helper()
	opts, err := store.ClientOptions(uri)
	must(t, err)
	client, err := mongo.Connect(opts)
	must(t, err)
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	s, err = store.New(client.Database("crm").Collection("people"), store.Options{})
	must(t, err)
	must(t, s.Await(t.Context()))
	return &rig{t: t, env: []string{"MONGO_URI=" + uri, "MONGO_DB=crm", "MONGO_COLLECTION=people", "REDIS_URL=redis://127.0.0.1:1"}}, s
}

func insert(t *testing.T, s *store.Store, streamID, body string) record.Record {
	t.Helper()
	r, err := record.Decoder{}.Decode([]byte(body))
	must(t, err)
	results, err := s.Insert(t.Context(), []store.Document{{Record: r, StreamID: streamID}})
	must(t, err)
	if results[0].Outcome != record.Ingested {
		t.Fatalf("%+v", results[0])
	}
	return r
}

const ada = `{"customerId":"42","name":"Ada Lovelace","email":"ada@b.co","createdAt":"2026-01-31T12:00:00Z"}`

type document struct {
	ID         string `json:"_id"`
	CustomerID string
	Name       string
	Email      string
	CreatedAt  string
	StreamID   string
	Masked     bool
}

func (r *rig) documents(args ...string) (all []document) {
	r.t.Helper()
	for line := range strings.Lines(r.run(0, append([]string{"find", "--json"}, args...)...)) {
		schema.Check(r.t, "ingestctl-find", []byte(line))
		var d document
		must(r.t, json.Unmarshal([]byte(line), &d))
		all = append(all, d)
	}
	return all
}

func TestFindMasksPersonalData(t *testing.T) {
	r, s := findRig(t, env.Mongo(t).URI())
	id := insert(t, s, "1795477478417-0", ada).ID
	out, note := r.result(0, "find", "--customer", " 42 ")
	t.Logf("\n%s\n%s", out, note)
	want := "_id         " + id + "\ncustomerId  42\nname        A***\nemail       a***@b.co\ncreatedAt   2026-01-31T12:00:00.000Z\ningestedAt  "
	if !strings.HasPrefix(out, want) || !strings.Contains(out, "\nstreamId    1795477478417-0\n") || strings.Contains(out, "Lovelace") {
		t.Errorf("%s", out)
	}
	wantWords(t, note, "1 document of crm.people", "masked (--reveal shows them)")

	out, note = r.result(0, "find", "--email", "ada@B.co", "--reveal")
	wantWords(t, out, "name        Ada Lovelace\n", "email       ada@b.co\n")
	if strings.Contains(note, "masked") {
		t.Errorf("with --reveal: %s", note)
	}
	for _, args := range [][]string{{"--id", id}, {"--id", "1795477478417-0"}, {"--id", id, "--reveal"}} {
		got := r.documents(args...)
		reveal := len(args) == 3
		if len(got) != 1 || got[0].ID != id || got[0].StreamID != "1795477478417-0" || got[0].CreatedAt != "2026-01-31T12:00:00.000Z" || got[0].Masked == reveal {
			t.Errorf("%q: %+v", args, got)
		}
		if name := map[bool]string{true: "Ada Lovelace", false: "A***"}[reveal]; got[0].Name != name {
			t.Errorf("%q: the name is %q, want %q", args, got[0].Name, name)
		}
	}
}

// A document of another service may lack what this one writes.
func TestFindADocumentWithoutDates(t *testing.T) {
	r, _ := findRig(t, env.Mongo(t).URI())
	r.add(bson.M{"_id": "7", "customerId": "42", "name": "Ada", "email": "ada@b.co"})
	wantWords(t, r.run(0, "find", "--customer", "42", "--json"), `"createdAt":null,"ingestedAt":null`)
	if got := r.documents("--customer", "42"); len(got) != 1 || got[0].ID != "7" {
		t.Errorf("%+v", got)
	}
}

// Names may have control characters, which must not reach a terminal or get lost.
func TestFindEscapesControlCharacters(t *testing.T) {
	r, s := findRig(t, env.Mongo(t).URI())
	const name = "A\x00\x1b[2J\u009b\u202eecarG"
	body, err := json.Marshal(map[string]string{"customerId": "42", "name": name, "email": "ada@b.co", "createdAt": "2026"})
	must(t, err)
	insert(t, s, "", string(body))
	wantWords(t, r.run(0, "find", "--customer", "42", "--reveal"), `name        A\u0000\u001b[2J\u009b\u202eecarG`)
	out := r.run(0, "find", "--customer", "42", "--reveal", "--json")
	if strings.ContainsAny(out, "\x00\x1b\u009b\u202e") {
		t.Errorf("%q has control characters", out)
	}
	if got := r.documents("--customer", "42", "--reveal"); got[0].Name != name {
		t.Errorf("the name is %q, want %q", got[0].Name, name)
	}
}

func TestFindNothing(t *testing.T) {
	r, s := findRig(t, env.Mongo(t).URI())
	insert(t, s, "", ada)
	for _, args := range [][]string{{"--customer", "4"}, {"--email", "a@b.co"}, {"--id", "1-1"}, {"--id", "abc"}} {
		out, note := r.result(1, append([]string{"find"}, args...)...)
		wantWords(t, note, "no document in crm.people", args[1])
		if out != "" {
			t.Errorf("%q prints %s", args, out)
		}
	}
	r.env = append(r.env, "MONGO_COLLECTION=others")
	_, note := r.result(1, "find", "--customer", "42")
	wantWords(t, note, "no document in crm.others")
}

func TestFindStopsAtTheLimit(t *testing.T) {
	r, s := findRig(t, env.Mongo(t).URI())
	for _, year := range []string{"2021", "2022", "2023"} {
		insert(t, s, "", strings.Replace(ada, "2026", year, 1))
	}
	out, note := r.result(0, "find", "--customer", "42", "--limit", "2")
	if n := strings.Count(out, "customerId"); n != 2 {
		t.Errorf("%d documents, want 2:\n%s", n, out)
	}
	wantWords(t, note, "the first 2 documents of more", "--limit")
	if got := r.documents("--customer", "42", "--limit", "3"); len(got) != 3 {
		t.Errorf("%+v", got)
	}
}

// The note depends on the collection's indexes, not on what MONGO_INDEXES is here.
func TestFindSaysWhetherMongoDBReadsAll(t *testing.T) {
	r, s := findRig(t, env.Mongo(t).URI())
	id := insert(t, s, "1-1", ada).ID
	const note = "MongoDB reads all of crm.people"
	_, said := r.result(0, "find", "--customer", "42")
	wantWords(t, said, "no index begins with customerId", note, "MONGO_INDEXES=on")
	must(t, s.EnsureIndexes(t.Context()))
	for _, args := range [][]string{{"--customer", "42"}, {"--id", id}} {
		if _, said := r.result(0, append([]string{"find"}, args...)...); strings.Contains(said, note) {
			t.Errorf("%q, with an index: %s", args, said)
		}
	}
	for _, args := range [][]string{{"--email", "ada@b.co"}, {"--id", "1-1"}} {
		_, said := r.result(0, append([]string{"find"}, args...)...)
		wantWords(t, said, note)
		if strings.Contains(said, "MONGO_INDEXES") {
			t.Errorf("%q: that index would not help: %s", args, said)
		}
	}
}

// An index on a part of the collection does not serve every search.
func TestFindIgnoresPartialIndexes(t *testing.T) {
	server := faulty.Serve(t, faulty.Options{})
	r, s := findRig(t, server.URI())
	insert(t, s, "", ada)
	for _, c := range []struct {
		index bson.D
		scans bool
	}{
		{bson.D{{Key: "key", Value: bson.D{{Key: "customerId", Value: 1}}}}, false},
		{bson.D{{Key: "key", Value: bson.D{{Key: "customerId", Value: "hashed"}}}}, false},
		{bson.D{{Key: "key", Value: bson.D{{Key: "email", Value: 1}, {Key: "customerId", Value: 1}}}}, true},
		{bson.D{{Key: "key", Value: bson.D{{Key: "customerId", Value: 1}}}, {Key: "partialFilterExpression", Value: bson.D{{Key: "vip", Value: true}}}}, true},
	} {
		server.Rule("listIndexes", func(faulty.Call) faulty.Fault { return faulty.Fault{Reply: batch(c.index)} })
		server.Rule("find", func(call faulty.Call) faulty.Fault {
			if _, err := call.Body.LookupErr("filter", "customerId"); err == nil {
				return faulty.Fault{Reply: batch(bson.D{{Key: "_id", Value: bson.NewObjectID()}, {Key: "customerId", Value: 42}})}
			}
			return faulty.Fault{}
		})
		out, note := r.result(0, "find", "--customer", "42")
		if scans := strings.Contains(note, "reads all of"); scans != c.scans {
			t.Errorf("%v: scans: %v", c.index, scans)
		}
		wantWords(t, out, `"$oid"`, "customerId  -", "createdAt   -") // not a document of ours
	}
}

// batch is the reply to a command that returns documents.
func batch(docs ...bson.D) bson.D {
	docs = append([]bson.D{}, docs...) // an empty array, not null
	return bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{{Key: "id", Value: int64(0)}, {Key: "ns", Value: "crm.people"}, {Key: "firstBatch", Value: docs}}}}
}

func TestFindGivesUp(t *testing.T) {
	server := faulty.Serve(t, faulty.Options{})
	r, _ := findRig(t, server.URI())
	server.Rule("find", func(call faulty.Call) faulty.Fault {
		_, err := call.Body.LookupErr("filter", "email")
		return faulty.Fault{Silent: err == nil}
	})
	server.Rule("listIndexes", func(faulty.Call) faulty.Fault { return faulty.Fault{Reply: batch()} })
	start := time.Now()
	_, note := r.result(1, "find", "--email", "ada@b.co", "--timeout", "1s")
	wantWords(t, note, "searching crm.people: not finished after 1s: give it more time (--timeout), or create an index")
	if took := time.Since(start); took > soon/2 {
		t.Errorf("it took %v", took)
	}
}

func TestFindNeedsOneCondition(t *testing.T) {
	r := &rig{t: t}
	for _, args := range [][]string{
		{}, {"--customer", "1", "--email", "a@b.co"}, {"--customer", " "}, {"--id", ""}, {"--email", "Ada <a@b.co>"},
		{"--customer", "1", "--limit", "0"}, {"--customer", "1", "--timeout", "0s"}, {"42"},
	} {
		r.run(2, append([]string{"find"}, args...)...)
	}
	_, note := r.result(2, "find", "--email", "ada")
	wantWords(t, note, "--email", "has no @")
}

// What the store returns is what its clients wrote, also beside the service.
func TestFindReadsDocumentsOfOthers(t *testing.T) {
	server := env.Mongo(t)
	r, _ := findRig(t, server.URI())
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	must(t, err)
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	_, err = client.Database("crm").Collection("people").InsertOne(t.Context(), bson.D{{Key: "_id", Value: 7}, {Key: "customerId", Value: "42"}, {Key: "name", Value: 8}})
	must(t, err)
	if got := r.documents("--customer", "42"); len(got) != 1 || got[0].CustomerID != "42" || got[0].Name != "" || !strings.Contains(got[0].ID, "7") {
		t.Errorf("%+v", got)
	}
}

// Documents of others may have anything where the address stands.
func TestFindMasksWhatIsNoAddress(t *testing.T) {
	server := env.Mongo(t)
	r, _ := findRig(t, server.URI())
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	must(t, err)
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	for email, want := range map[string]string{
		"a@b.com John Doe": "a***", "ada@lovelace@b.co": "a***@b.co", "ada": "a***", "Ada <ada@b.co>": "A***", "": "",
	} {
		_, err := client.Database("crm").Collection("people").InsertOne(t.Context(), bson.D{{Key: "_id", Value: email}, {Key: "customerId", Value: email + "."}, {Key: "email", Value: email}})
		must(t, err)
		if got := r.documents("--customer", email+"."); len(got) != 1 || got[0].Email != want {
			t.Errorf("%q: %+v, want %q", email, got, want)
		}
	}
}
