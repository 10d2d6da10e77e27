package console_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"gocloud.dev/blob/memblob"

	"ingestion/archive/fold"
	"ingestion/console"
	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
	"ingestion/limiter"
	"ingestion/record"
	"ingestion/streams"
)

// api is the API of the rig's console as it is configured now.
func (r *rig) api() *api {
	return newAPI(&letterRig{t: r.t, client: r.client, handler: console.Handler(r.opts)})
}

// With a MongoDB, the API says what is stored.
func TestTheAPIWithDocuments(t *testing.T) {
	r := newRig(t, 2, true)
	id, _ := r.process("42", 1)
	r.process("42", 2)
	late, v := r.process("42", 3)
	if v.Decision != limiter.Reserved {
		t.Fatalf("the third record is %v", v.Decision)
	}
	a := r.api()
	for _, path := range []string{"trace?id=" + id, fmt.Sprintf("trace?id=%d:%s", r.home("42"), id), "trace?id=" + documentID(t, "42", 1)} {
		way := a.call(200, "GET", path, "")["records"].([]any)[0].(map[string]any)
		document, _ := way["document"].(map[string]any)
		if document["streamId"] != id || document["email"] != "s***@b.co" || way["state"] != "ingested" {
			t.Errorf("%s: %v", path, way)
		}
	}
	if tr := a.call(200, "GET", "trace?id="+late, ""); tr["found"] != true {
		t.Errorf("%v", tr)
	}
	if tr := a.call(200, "POST", "trace", `{"email":"secretlocal1@b.co"}`); tr["matches"] != 1.0 || tr["email"] != "s***@b.co" {
		t.Errorf("%v", tr)
	}
	if w := a.call(200, "GET", "customers/one?customerId=42", ""); w["limit"] != "2/60" {
		t.Errorf("%v", w)
	}
	env.Eventually(t, 30*time.Second, func() (bool, string) { // the rest does not wait for MongoDB
		status := a.send(200, "GET", "status", "", true)
		schema.Check(t, "ingestctl-status", []byte(status))
		return strings.Contains(strings.Join(strings.Fields(status), ""), `"mongo":{"error":null`), "MongoDB is not in " + status
	})
	r.opts.Store = noStore{}
	a = r.api()
	if tr := a.call(200, "GET", "trace?id="+id, ""); tr["found"] != true {
		t.Errorf("%v", tr)
	}
	a.call(200, "GET", "status", "")
	a.call(200, "GET", "trace?customerId=42", "")
}

// With a bucket and rebuilds, the API says what is archived and rebuilt, or why that is unknown.
func TestTheAPIWithAnArchive(t *testing.T) {
	r := newRig(t, 2, false)
	bucket := memblob.OpenBucket(nil)
	t.Cleanup(func() { _ = bucket.Close() })
	db := r.mongo.Database(t)
	r.opts.Bucket, r.opts.BucketURL = bucket, "mem://vault"
	r.opts.Rebuilds = func(ctx context.Context) ([]fold.Noted, error) { return fold.States(ctx, db) }
	a := r.api()
	if v := a.call(200, "GET", "archive", ""); v["configured"] != true || v["url"] != "mem://vault" || chain(v, 0)["ends"] != nil {
		t.Errorf("an empty bucket: %v", v)
	}
	r.push(0, person("42", 1))
	last, _ := r.archived(bucket, r.keys[0])
	waits := r.push(0, person("42", 2))
	r.noteRebuilds(db)
	v := a.call(200, "GET", "archive", "")
	if c := chain(v, 0); len(v["chains"].([]any)) != 4 || c["last"] != last || c["oldest"] != waits || c["lag"] != 1.0 || c["entries"] != 1.0 || c["served"] != true || c["archiver"] != "vault" {
		t.Errorf("an archive: %v", v)
	}
	if all := v["rebuilds"].(map[string]any)["rebuilds"].([]any); len(all) != 2 {
		t.Errorf("rebuilds: %v", all)
	}
	must(t, bucket.Close())
	r.opts.Rebuilds = func(context.Context) ([]fold.Noted, error) { return nil, errors.New("no server") }
	v = r.api().call(200, "GET", "archive", "")
	if v["rebuilds"].(map[string]any)["error"] != "no server" || chain(v, 0)["error"] == nil || chain(v, 0)["lag"] != 1.0 {
		t.Errorf("a bucket that is closed: %v", v)
	}
	r.opts.Source.Redis = deadClient(t)
	if c := chain(r.api().call(200, "GET", "archive", ""), 0); c["streamError"] == nil || c["lag"] != nil {
		t.Errorf("without Redis: %v", c)
	}
}

func chain(v map[string]any, i int) map[string]any { return v["chains"].([]any)[i].(map[string]any) }

// noteRebuilds leaves the notes of a rebuild that has ended and of one that has not.
func (r *rig) noteRebuilds(db *mongo.Database) {
	r.t.Helper()
	begun := time.Now().Add(-time.Hour).UTC()
	for into, finished := range map[string]*time.Time{"again": nil, "anew": &begun} {
		state := fold.State{
			ID: "rebuild", Run: "r", Archive: "mem://vault", StartedAt: begun, UpdatedAt: begun, FinishedAt: finished, Rules: fold.Rules{Limit: 5, Window: time.Minute},
			Partitions: []fold.Partition{{Key: "s", After: "1000-0", Through: "1500-0", End: "2000-0"}},
			Counts:     fold.Counts{Read: 7, Outcomes: map[string]int64{"ingested": 4, "duplicate": 3}},
		}
		_, err := db.Collection(into+".rebuild").InsertOne(r.t.Context(), state)
		must(r.t, err)
	}
}

// The API of a list answers all that a list has, as described.
func TestTheAPIOfAList(t *testing.T) {
	a := newAPI(newLetterRig(t, func(o *console.Options) {
		o.Source.Keys, o.Source.List = nil, "l"
		l, err := limiter.New(o.Source.Redis, limiter.Config{Limit: 5, Window: time.Minute, Bases: []string{"l"}})
		must(t, err)
		o.Limiter = l
	}))
	must(t, a.client.RPush(t.Context(), "l", ada, "no record").Err())
	for i := range 4 {
		addLetter(t, a.client, "l", fmt.Sprintf("1000-%d", i+1), map[string]string{"event": record.Rejected.String(), "reason": "refused", "data": ada})
	}
	schema.Check(t, "ingestctl-status", []byte(a.send(200, "GET", "status", "", true)))
	if s := a.call(200, "GET", "status", ""); s["mode"] != "list" || s["list"].(map[string]any)["length"] != 2.0 {
		t.Errorf("%v", s)
	}
	for _, path := range []string{"queue/pending", "history", "history?unit=hour", "customers", "limits", "customers/one?customerId=42", "limits/one?customerId=42", "dead/groups", "activity"} {
		a.call(200, "GET", path, "")
	}
	if v := a.call(200, "GET", "archive", ""); v["list"] != true || len(v["chains"].([]any)) != 0 {
		t.Errorf("%v", v)
	}
	if tr := a.call(200, "GET", "trace?customerId=42", ""); tr["found"] != true {
		t.Errorf("%v", tr)
	}
	a.call(200, "GET", "trace?id=1000-1", "")
	a.call(200, "POST", "trace", `{"email":"ada@lovelace.org"}`)
	a.changesAList()
}

func (a *api) changesAList() {
	t := a.t
	if p := a.call(200, "POST", "pause", `{"for":"1m"}`); p["queue"] != "l" {
		t.Errorf("%v", p)
	}
	a.call(200, "POST", "resume", "")
	a.call(200, "PUT", "limits/one?customerId=42", `{"limit":"7/60"}`)
	if l := a.call(200, "DELETE", "limits/one?customerId=42", ""); l["before"].(map[string]any)["own"] != "7/60" {
		t.Errorf("%v", l)
	}
	if d := a.call(200, "GET", "dead", ""); d["kept"] != 4.0 || d["matched"] != 4.0 {
		t.Errorf("%v", d)
	}
	if l := a.call(200, "GET", "dead/1000-1", ""); l["masked"] != true || l["streamId"] != nil {
		t.Errorf("%v", l)
	}
	if l := a.call(200, "POST", "dead/1000-1/reveal", ""); l["data"] != ada {
		t.Errorf("%v", l)
	}
	if lines := a.send(200, "POST", "dead/export", `{"ids":["1000-1"]}`, true); lines != ada+"\n" {
		t.Errorf("%q", lines)
	}
	if e := a.call(200, "POST", "dead/1000-1/edit", `{"set":{"email":"ada@lovelace.net"}}`); e["sent"] != true {
		t.Errorf("%v", e)
	}
	if done := a.call(200, "POST", "dead/replay", `{"ids":["1000-2"]}`); done["changed"] != 1.0 {
		t.Errorf("%v", done)
	}
	through := a.call(200, "GET", "dead/preview?action=purge&all=on", "")["through"].(string)
	addLetter(t, a.client, "l", "2000-1", map[string]string{"event": record.Rejected.String(), "data": ada}) // which no preview has seen
	if done := a.call(200, "POST", "dead/purge", `{"all":true,"through":"`+through+`"}`); done["changed"] != 2.0 {
		t.Errorf("%v", done)
	}
	if n := a.client.XLen(t.Context(), streams.KeysOf("l").Dead).Val(); n != 1 {
		t.Errorf("%d dead letters are left", n)
	}
	if queued := a.client.LRange(t.Context(), "l", 0, -1).Val(); len(queued) != 4 || !strings.Contains(strings.Join(queued, ""), "lovelace.net") {
		t.Errorf("queued: %v", queued)
	}
}
