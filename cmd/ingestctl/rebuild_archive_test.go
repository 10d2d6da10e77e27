package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/streams"
)

// setting returns a number from the environment, or a default.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	must(t, err)
	return n
}

// TestTheArchiveRebuildsTheCollection kills workers and archivers at random moments, and
// Redis once, while records are ingested, archived and trimmed. From the archive, rebuild
// makes the same collection. REBUILD_RECORDS and REBUILD_SEED make it larger, or another one.
func TestTheArchiveRebuildsTheCollection(t *testing.T) {
	records, seed := setting(t, "REBUILD_RECORDS", 3000), setting(t, "REBUILD_SEED", 1)
	t.Logf("REBUILD_RECORDS=%d REBUILD_SEED=%d", records, seed)
	rng := rand.New(rand.NewPCG(uint64(seed), 3))
	policy := []string{"defer", "drop"}[seed%2]
	a := newArchivedRig(t, records, "RATE_LIMIT_POLICY="+policy)
	archiver := a.archiver()
	a.load(rng, records)
	worker := a.process("worker")
	const kills = 10
	for k := range kills {
		a.awaitOutcomes(int64((k*records + rng.IntN(records)) / (kills + 2)))
		switch {
		case k == kills/2:
			a.server.Kill()
			a.server.Start()
		case rng.IntN(2) == 0:
			worker.Kill()
			worker = a.process("worker")
		default:
			archiver.Kill()
			archiver = a.process("archiver")
		}
	}
	a.settled()
	a.awaitArchived()
	a.stop(archiver)
	a.stop(worker)

	a.run(0, "archive", "verify")
	before := a.live()
	got := a.rebuild(0, "--into", "again", "--diff", "--archive", "file://"+a.dir)
	if got.Diff.differ() != 0 {
		t.Errorf("the rebuilt collection differs: %+v", got.Diff)
	}
	if added := a.added(); got.Read != added || got.Recorded+got.PutBack != added {
		t.Errorf("%d added; read %d, recorded %d, put back %d", added, got.Read, got.Recorded, got.PutBack)
	}
	a.untouched(before)
}

// archivedRig keeps little on the stream, and everything in an archive.
type archivedRig struct {
	*rebuildRig
	server *env.RedisServer
	dir    string
}

// slowBeyond is how many records FerretDB can take in a test: it reads a whole collection to
// find some documents by their _ids.
const slowBeyond = 5000

func newArchivedRig(t *testing.T, records int, settings ...string) *archivedRig {
	t.Helper()
	server, dir := env.Redis(t), t.TempDir()
	mongo := mongoFor(t, records)
	r := &rebuildRig{rig: rigOn(t, server.URL(), 2)}
	r.env = append(append(r.env, "MONGO_URI="+mongo, "MONGO_DB=crm", "MONGO_COLLECTION=people", "RATE_LIMIT_LIMIT=3", "RATE_LIMIT_WINDOW_SEC=2",
		"WORKER_CONCURRENCY=8", "BATCH_SIZE=50", "ADMIN_ADDR=", "LOG_LEVEL=CRITICAL", "STREAM_CLAIM_IDLE_MS=1000", "STREAM_RETENTION=1s",
		"ARCHIVE_URL=file://"+dir, "ARCHIVE_SEGMENT_BYTES=100000", "ARCHIVE_SEGMENT_SEC=0.5"), settings...)
	r.db = databaseAt(t, mongo)
	return &archivedRig{r, server, dir}
}

// mongoFor starts a MongoDB that is fast enough, and returns its URI.
func mongoFor(t *testing.T, records int) string {
	t.Helper()
	if records <= slowBeyond {
		return env.Mongo(t).URI()
	}
	server, err := faulty.New(faulty.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, server.Close()) })
	return server.URI()
}

func databaseAt(t *testing.T, uri string) *mongo.Database {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	must(t, err)
	t.Cleanup(func() { must(t, client.Disconnect(context.Background())) })
	return client.Database("crm")
}

func (a *archivedRig) process(program string) *env.Proc {
	a.t.Helper()
	return env.Process(a.t, env.Build(a.t, "ingestion/cmd/"+program), nil, a.env)
}

// archiver starts the first archiver, and waits until outcomes are noted.
func (a *archivedRig) archiver() *env.Proc {
	a.t.Helper()
	p := a.process("archiver")
	env.Eventually(a.t, soon, func() (bool, string) {
		noting := int64(0)
		for _, key := range a.keys {
			noting += a.client.Exists(a.t.Context(), streams.KeysOf(key).Outcomes).Val()
		}
		return noting == int64(len(a.keys)), fmt.Sprint("outcomes are noted of ", noting, " partitions")
	})
	return p
}

func (a *archivedRig) stop(p *env.Proc) {
	a.t.Helper()
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(soon); code != 0 {
		a.t.Fatalf("exit code %d", code)
	}
}

// awaitOutcomes waits until so many entries have an outcome.
func (a *archivedRig) awaitOutcomes(n int64) {
	a.t.Helper()
	env.Eventually(a.t, 5*time.Minute, func() (bool, string) {
		have := int64(0)
		for _, key := range a.keys {
			for _, outcome := range []string{"ingested", "duplicate", "rate_limited", "deferred", "parse_error", "validation_failed"} {
				of, _ := a.client.HGet(a.t.Context(), streams.KeysOf(key).Ledger, outcome).Int64()
				have += of
			}
		}
		return have >= n, fmt.Sprintf("%d of %d outcomes", have, n)
	})
}

// awaitArchived waits until nothing is on the streams that is not archived.
func (a *archivedRig) awaitArchived() {
	a.t.Helper()
	env.Eventually(a.t, time.Minute, func() (bool, string) {
		for _, key := range a.keys {
			for _, stream := range []string{key, streams.KeysOf(key).Outcomes} {
				info, err := a.client.XInfoStreamFull(a.t.Context(), stream, 1).Result()
				must(a.t, err)
				for _, g := range info.Groups {
					if g.Name == streams.ArchiveGroup && g.LastDeliveredID != info.LastGeneratedID {
						return false, stream + " is archived to " + g.LastDeliveredID
					}
				}
			}
		}
		return true, ""
	})
}

// added is the number of entries ever added.
func (a *archivedRig) added() (n int64) {
	a.t.Helper()
	for _, key := range a.keys {
		info, err := a.client.XInfoStream(a.t.Context(), key).Result()
		must(a.t, err)
		n += info.EntriesAdded
	}
	return n
}
