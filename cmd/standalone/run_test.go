package main_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"gocloud.dev/blob/fileblob"

	"ingestion/archive"
	"ingestion/internal/test/env"
)

func TestRunProcessesRecordsOfAnyClient(t *testing.T) {
	p := env.Process(t, env.Build(t, "ingestion/cmd/standalone"), []string{"run"}, []string{"ADMIN_ADDR="})
	p.WaitForLine(soon, func(line string) bool { return strings.Contains(line, `"event":"worker_started"`) })
	url := ""
	for line := range strings.Lines(p.Stderr()) {
		if rest, ok := strings.CutPrefix(line, "Redis "); ok {
			url = strings.TrimSpace(rest)
		}
	}
	options, err := redis.ParseURL(url)
	if err != nil {
		t.Fatalf("the address of the embedded Redis in %q: %v", p.Stderr(), err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	body := `{"customerId":"42","name":"Ada","email":"ada@lovelace.org","createdAt":"2026-01-31"}`
	if err := client.RPush(t.Context(), "ingest:queue", body, "no record").Err(); err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{"ingested", "parse_error"} {
		p.WaitForLine(soon, func(line string) bool { return strings.Contains(line, `"event":"`+event+`"`) })
	}
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(soon); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// The printed commands work when pasted into a shell.
func TestRunPrintsCommandsThatWork(t *testing.T) {
	producer, ingestctl := env.Build(t, "ingestion/cmd/producer"), env.Build(t, "ingestion/cmd/ingestctl")
	file := filepath.Join(t.TempDir(), "customers.ndjson")
	body := `{"customerId":"7","name":"Ada","email":"ada@lovelace.org","createdAt":"2026-01-31"}`
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, environ := range map[string][]string{
		"list":   {"QUEUE_KEY=it's a queue", "MONGO_COLLECTION=it's a collection"},
		"stream": {"QUEUE_MODE=Stream", "STREAM_KEY=my stream", "STREAM_PARTITIONS=3", "QUEUE_KEY=other"},
	} {
		t.Run(name, func(t *testing.T) {
			p := env.Process(t, env.Build(t, "ingestion/cmd/standalone"), []string{"run"}, append(environ, "ADMIN_ADDR="))
			p.WaitForLine(soon, func(line string) bool { return strings.Contains(line, `"event":"worker_started"`) })
			_, line, found := strings.Cut(p.Stderr(), "or with the producer:\n")
			if !found {
				t.Fatalf("no producer in %q", p.Stderr())
			}
			line, _, _ = strings.Cut(line, "\n")
			command := strings.NewReplacer("go run ./cmd/producer", producer, "examples/customers.ndjson", file).Replace(line)
			if code := env.Process(t, "/bin/sh", []string{"-c", command}, nil).Wait(soon); code != 0 {
				t.Errorf("exit code %d of %s", code, line)
			}
			p.WaitForLine(soon, func(line string) bool {
				return strings.Contains(line, `"event":"ingested"`) && strings.Contains(line, `"customerId":"7"`)
			})
			_, line, found = strings.Cut(p.Stderr(), "Look at the document:\n")
			if !found {
				t.Fatalf("no document in %q", p.Stderr())
			}
			line, _, _ = strings.Cut(line, "\n")
			find := env.Process(t, "/bin/sh", []string{"-c", strings.NewReplacer("go run ./cmd/ingestctl", ingestctl, "customer 42", "customer 7").Replace(line)}, nil)
			if code := find.Wait(soon); code != 0 || !strings.Contains(strings.Join(find.Lines(), "\n"), "customerId  7") {
				t.Errorf("exit code %d of %s, which prints %q", code, line, find.Lines())
			}
		})
	}
}

// TestRunArchives sends a record, and finds it in the archive after the end.
func TestRunArchives(t *testing.T) {
	dir := t.TempDir()
	p := env.Process(t, env.Build(t, "ingestion/cmd/standalone"), []string{"run", "--archive", dir}, []string{"ADMIN_ADDR=", "QUEUE_MODE=stream"})
	p.WaitForLine(soon, func(line string) bool { return strings.Contains(line, `"event":"worker_started"`) })
	_, rest, _ := strings.Cut(p.Stderr(), "Redis ")
	url, _, _ := strings.Cut(rest, "\n")
	options, err := redis.ParseURL(strings.TrimSpace(url))
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	defer client.Close()
	ids := make([]string, 3)
	for i := range ids {
		ids[i] = client.XAdd(t.Context(), &redis.XAddArgs{Stream: "ingest:stream", Values: []any{"data", "no record"}}).Val()
		p.WaitForLine(soon, func(line string) bool { return strings.Contains(line, `"streamId":"`+ids[i]+`"`) })
	}
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(soon); code != 0 {
		t.Errorf("exit code %d", code)
	}
	bucket, err := fileblob.OpenBucket(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	var archived []string
	for e, err := range archive.Open(bucket, "ingest:stream").Entries(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		archived = append(archived, e.ID)
	}
	if !slices.Equal(archived, ids) {
		t.Errorf("archived are %q, want %q", archived, ids)
	}
}
