package main_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"ingestion/internal/test/env"
)

func TestMain(m *testing.M) { env.Main(m) }

const soon = 20 * time.Second

func start(t testing.TB, addr, journal string, more ...string) (p *env.Proc, bound string) {
	t.Helper()
	p = env.Process(t, env.Build(t, "ingestion/internal/test/mongo/lite"), append([]string{"--addr", addr, "--journal", journal}, more...), nil)
	line := p.WaitForLine(soon, func(line string) bool { return strings.HasPrefix(line, "ready ") })
	return p, strings.Trim(strings.TrimPrefix(line, "ready mongodb://"), "/")
}

func connect(t testing.TB, addr string) *mongo.Collection {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI("mongodb://" + addr).SetRetryWrites(false).SetWriteConcern(writeconcern.Majority()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Disconnect would send endSessions to the killed server.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = client.Disconnect(ctx)
	})
	return client.Database("db").Collection("c")
}

// confirmed collects the _ids that the server has acknowledged.
type confirmed struct {
	mu  sync.Mutex
	ids []string
}

func (c *confirmed) add(ids ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ids = append(c.ids, ids...)
}

func (c *confirmed) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ids)
}

// insert sends batches, each with a document of the previous one, until the
// server is killed.
func (c *confirmed) insert(ctx context.Context, killed *atomic.Bool, coll *mongo.Collection, writer, round int) error {
	last := ""
	for n := 0; ; n++ {
		var ids []string
		var docs []any
		for k := range 20 {
			ids = append(ids, fmt.Sprintf("%d-%d-%d-%d", round, writer, n, k))
			docs = append(docs, bson.D{{Key: "_id", Value: ids[k]}, {Key: "padding", Value: strings.Repeat("x", 200)}})
		}
		if last != "" {
			docs = append(docs, bson.D{{Key: "_id", Value: last}})
		}
		_, err := coll.InsertMany(ctx, docs, options.InsertMany().SetOrdered(false))
		var bulk mongo.BulkWriteException
		switch {
		case err == nil && last == "":
		case errors.As(err, &bulk) && len(bulk.WriteErrors) == 1 && bulk.WriteErrors[0].Index == 20 && isDuplicateOfID(bulk.WriteErrors[0]):
		case mongo.IsNetworkError(err) || ctx.Err() != nil:
			return nil
		case killed.Load() && !errors.As(err, &bulk): // such as a pool that another writer's error has cleared
			return nil
		default:
			return fmt.Errorf("batch %d: %v", n, err)
		}
		last = ids[0]
		c.add(ids...)
	}
}

func isDuplicateOfID(e mongo.BulkWriteError) bool {
	pattern, ok := e.Raw.Lookup("keyPattern").DocumentOK()
	return ok && e.Code == 11000 && pattern.Lookup("_id").AsInt64() == 1
}

// TestAcknowledgedDocumentsSurviveKills kills the server under load, again and
// again, and checks its documents.
func TestAcknowledgedDocumentsSurviveKills(t *testing.T) {
	journal := filepath.Join(t.TempDir(), "journal")
	server, addr := start(t, "127.0.0.1:0", journal)
	var done confirmed
	for round := range 4 {
		coll := connect(t, addr)
		var writers sync.WaitGroup
		var killed atomic.Bool
		errs := make(chan error, 4)
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		for w := range 4 {
			writers.Go(func() { errs <- done.insert(ctx, &killed, coll, w, round) })
		}
		goal := done.len() + 400
		env.Eventually(t, soon, func() (bool, string) { return done.len() >= goal, "no documents arrive" })
		killed.Store(true)
		server.Kill()
		cancel()
		writers.Wait()
		for range 4 {
			if err := <-errs; err != nil {
				t.Fatal(err)
			}
		}
		var again string
		if server, again = start(t, addr, journal); again != addr {
			t.Fatalf("it listens on %s after the kill, want %s", again, addr)
		}
		wantAll(t, connect(t, addr), done.ids)
	}
	server.Signal(syscall.SIGTERM)
	if code := server.Wait(soon); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

func wantAll(t *testing.T, coll *mongo.Collection, want []string) {
	t.Helper()
	for _, page := range [][]string{want[:len(want)/2], want[len(want)/2:]} {
		cursor, err := coll.Find(t.Context(), bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: page}}}})
		if err != nil {
			t.Fatal(err)
		}
		var docs []bson.M
		if err := cursor.All(t.Context(), &docs); err != nil {
			t.Fatal(err)
		}
		if len(docs) != len(page) {
			t.Errorf("%d of %d acknowledged documents exist", len(docs), len(page))
		}
	}
	if n, err := coll.CountDocuments(t.Context(), bson.D{}); err != nil || int(n) < len(want) {
		t.Errorf("CountDocuments = %d, %v; want at least %d", n, err, len(want))
	}
}

// TestRefusals: documents with one remainder are refused while the file exists.
func TestRefusals(t *testing.T) {
	file := filepath.Join(t.TempDir(), "refuse.json")
	_, addr := start(t, "127.0.0.1:0", filepath.Join(t.TempDir(), "journal"), "--refuse", file)
	coll := connect(t, addr)
	var docs []any
	for n := range 200 {
		docs = append(docs, bson.D{{Key: "_id", Value: fmt.Sprint(n)}})
	}
	if err := os.WriteFile(file, []byte(`{"modulo":2,"remainder":1,"codes":[202,70]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := coll.InsertMany(t.Context(), docs, options.InsertMany().SetOrdered(false))
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) || len(bulk.WriteErrors) < 60 || len(bulk.WriteErrors) > 140 {
		t.Fatalf("%d of 200 documents are refused: %v", len(bulk.WriteErrors), err)
	}
	for _, e := range bulk.WriteErrors {
		if e.Code != 202 && e.Code != 70 {
			t.Errorf("code %d", e.Code)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	var open []any
	for _, e := range bulk.WriteErrors {
		open = append(open, docs[e.Index])
	}
	if _, err := coll.InsertMany(t.Context(), open); err != nil {
		t.Errorf("without the file: %v", err)
	}
}

func BenchmarkInsert(b *testing.B) {
	_, addr := start(b, "127.0.0.1:0", filepath.Join(b.TempDir(), "journal"))
	coll := connect(b, addr)
	const batch = 500
	n := 0
	for b.Loop() {
		docs := make([]any, batch)
		for k := range docs {
			docs[k] = bson.D{{Key: "_id", Value: fmt.Sprintf("%064d", n)}, {Key: "padding", Value: strings.Repeat("x", 200)}}
			n++
		}
		if _, err := coll.InsertMany(b.Context(), docs, options.InsertMany().SetOrdered(false)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "documents/s")
}
