package main_test

import (
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/testenv"
)

func TestRunWorksOffWhatAnyClientPushes(t *testing.T) {
	p := testenv.Process(t, testenv.Build(t, "ingestion/cmd/standalone"), []string{"run"}, []string{"ADMIN_ADDR="})
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
