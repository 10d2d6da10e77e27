package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/bench/internal/load"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
)

const (
	archivedRecords = 1_000_000
	patience        = 5 * time.Minute
)

// BenchmarkArchiveAndRebuild ingests a backlog with a worker, archives it, and folds the
// archive into another collection, one after the other: programs as users run them, on a
// redis-server without persistence and a small MongoDB that is no bottleneck. It reports the
// records/s of each, and the ratio to the worker's.
func BenchmarkArchiveAndRebuild(b *testing.B) {
	server := env.Redis(b, env.WithConfig("appendonly", "no"))
	client := server.Client(b)
	environ := []string{
		"QUEUE_MODE=stream", "REDIS_URL=" + server.URL(), "MONGO_URI=" + startLite(b), "STREAM_KEY=" + streamKey, "RATE_LIMIT_LIMIT=1000",
		"LOG_LEVEL=WARN", "ADMIN_ADDR=", "ARCHIVE_URL=file://" + b.TempDir(), "ARCHIVE_SEGMENT_SEC=1", // the last one is not full
	}
	fillStream(b, client, archivedRecords)
	for b.Loop() {
		ingested := timed(b, "worker", environ, func() int64 {
			var n int64
			for _, outcome := range record.Outcomes() {
				of, _ := client.HGet(b.Context(), streams.KeysOf(streamKey).Ledger, outcome.String()).Int64()
				n += of
			}
			return n
		})
		archived := timed(b, "archiver", environ, func() int64 {
			groups, _ := client.XInfoGroups(b.Context(), streamKey).Result()
			for _, g := range groups {
				if g.Name == streams.ArchiveGroup && g.LastDeliveredID == lastID(client) {
					return archivedRecords
				}
			}
			return 0
		})
		rebuilt := rebuild(b, environ)
		b.ReportMetric(ingested, "ingested/s")
		b.ReportMetric(archived, "archived/s")
		b.ReportMetric(rebuilt, "rebuilt/s")
		b.ReportMetric(archived/ingested, "archived-vs-ingested")
		b.ReportMetric(rebuilt/ingested, "rebuilt-vs-ingested")
	}
	b.ReportMetric(0, "ns/op")
}

// startLite starts a small MongoDB as a process, and returns its URI.
func startLite(b *testing.B) string {
	b.Helper()
	p := env.Process(b, env.Build(b, "ingestion/internal/test/mongo/lite"), nil, nil)
	return strings.TrimPrefix(p.WaitForLine(patience, func(line string) bool { return strings.HasPrefix(line, "ready ") }), "ready ")
}

func fillStream(b *testing.B, client *redis.Client, n int) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "customers.ndjson")
	file := must(os.Create(path))
	for i := range n {
		fmt.Fprintln(file, load.Body(i, loadStart, load.Later))
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(env.Build(b, "ingestion/cmd/producer"), "load", path, "--source", "")
	cmd.Env = append(os.Environ(), "REDIS_URL=redis://"+client.Options().Addr, "QUEUE_MODE=stream", "STREAM_KEY="+streamKey, "RATE_LIMIT_LIMIT=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}

func lastID(client *redis.Client) string {
	info, _ := client.XInfoStream(context.Background(), streamKey).Result()
	return info.LastGeneratedID
}

// timed runs a program until all records are done, and returns how many that is a second.
func timed(b *testing.B, program string, environ []string, done func() int64) float64 {
	b.Helper()
	bin := env.Build(b, "ingestion/cmd/"+program)
	begin := time.Now()
	p := env.Process(b, bin, nil, environ)
	env.Eventually(b, patience, func() (bool, string) {
		n := done()
		return n >= archivedRecords, fmt.Sprintf("%s: %d of %d records", program, n, archivedRecords)
	})
	took := time.Since(begin)
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(patience); code != 0 {
		b.Fatalf("%s ends with %d: %s", program, code, p.Stderr())
	}
	return archivedRecords / took.Seconds()
}

// rebuild folds the archive and the stream into a collection, and returns the records/s.
func rebuild(b *testing.B, environ []string) float64 {
	b.Helper()
	cmd := exec.Command(env.Build(b, "ingestion/cmd/ingestctl"), "rebuild", "--into", "again", "--json")
	cmd.Env, cmd.Stderr = environ, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	var result struct {
		Seconds float64
		Read    int64
	}
	if err := json.Unmarshal(out, &result); err != nil || result.Read != archivedRecords {
		b.Fatalf("%v: %s", err, out)
	}
	return archivedRecords / result.Seconds
}
