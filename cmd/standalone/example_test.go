package main_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"ingestion/internal/test/env"
)

// Each usual outcome occurs, and an open page of the console shows them as they come.
func TestRunSendsExamples(t *testing.T) {
	p := env.Process(t, env.Build(t, "ingestion/cmd/standalone"), []string{"run", "--example", "600"}, []string{"ADMIN_ADDR=", "RATE_LIMIT_LIMIT=1"})
	for _, event := range []string{"ingested", "duplicate", "parse_error", "validation_failed", "rate_limited"} {
		p.WaitForLine(soon, func(line string) bool { return strings.Contains(line, `"event":"`+event+`"`) })
	}
	_, rest, _ := strings.Cut(p.Stderr(), "Console ")
	url, _, _ := strings.Cut(rest, "\n")
	page, err := http.Get(strings.TrimSpace(url) + "live")
	if err != nil {
		t.Fatalf("the console in %q: %v", p.Stderr(), err)
	}
	defer page.Body.Close()
	seen := map[string]bool{}
	lines := bufio.NewScanner(page.Body)
	for len(seen) < 3 && lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var values map[string]string
		if err := json.Unmarshal([]byte(data), &values); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(values["redis"], "unknown") || values["redis.state"] != "ok" {
			t.Errorf("Redis: %s", values["redis"])
		}
		seen[values["settled"]] = true
	}
	if len(seen) < 3 || seen["unknown"] {
		t.Errorf("the page shows as settled %v, want growing numbers (%v)", seen, lines.Err())
	}
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(soon); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A mode that is set is kept.
func TestExamplesArriveOnAList(t *testing.T) {
	p := env.Process(t, env.Build(t, "ingestion/cmd/standalone"), []string{"run", "--example", "600"}, []string{"ADMIN_ADDR=", "CONSOLE_ADDR=", "QUEUE_MODE=list"})
	line := p.WaitForLine(soon, func(line string) bool { return strings.Contains(line, `"event":"ingested"`) })
	if strings.Contains(line, "streamId") {
		t.Errorf("%s is of a stream", line)
	}
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(soon); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
