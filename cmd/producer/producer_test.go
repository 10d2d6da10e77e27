package main_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ingestion/examples"
	"ingestion/internal/test/env"
	"ingestion/record"
)

const soon = 60 * time.Second

func TestMain(m *testing.M) { env.Main(m) }

// run starts the producer with a server, in stream mode unless environ says
// otherwise.
func run(t *testing.T, url string, environ []string, args ...string) *env.Proc {
	t.Helper()
	return start(t, url, environ, args)
}

func start(t *testing.T, url string, environ, args []string, options ...env.ProcessOption) *env.Proc {
	t.Helper()
	all := append([]string{"REDIS_URL=" + url, "QUEUE_MODE=stream", "STREAM_KEY=s", "QUEUE_KEY=q", "STARTUP_TIMEOUT_SEC=20"}, environ...)
	return env.Process(t, env.Build(t, "ingestion/cmd/producer"), args, all, options...)
}

func file(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func wantExit(t *testing.T, p *env.Proc, code int, says ...string) {
	t.Helper()
	if got := p.Wait(soon); got != code {
		t.Errorf("exit code %d, want %d\n%s", got, code, p.Stderr())
	}
	for _, part := range says {
		if !strings.Contains(p.Stderr(), part) {
			t.Errorf("stderr does not have %q:\n%s", part, p.Stderr())
		}
	}
}

type event struct {
	Timestamp, Level, Event, Status, CustomerID, StreamID, Reason string
	Count, FirstLine, LastLine, Line                              int
}

func events(t *testing.T, p *env.Proc, name string) (all []event) {
	t.Helper()
	for _, line := range p.Lines() {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q is not a JSON line: %v", line, err)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", e.Timestamp); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if e.Event == name {
			all = append(all, e)
		}
	}
	return all
}

func queue(t *testing.T, s *env.RedisServer) (ids, bodies []string) {
	t.Helper()
	entries, err := s.Client(t).XRange(t.Context(), "s", "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		ids, bodies = append(ids, e.ID), append(bodies, e.Values["data"].(string))
	}
	return ids, bodies
}

func numbered(from, to int) string {
	var b strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&b, `{"customerId":"c%d","name":"A","email":"a@b.co","createdAt":"2024"}`+"\n", i)
	}
	return b.String()
}

func TestGenerateCounts(t *testing.T) {
	server := env.Redis(t)
	args := []string{"generate", "--seed", "7", "--count", "300", "--customers", "a,b,ü", "--rpm", "600000", "--jitter", "1ms", "--invalid-rate", "0.3"}
	p := run(t, server.URL(), nil, args...)
	wantExit(t, p, 0, "producer: 300 records sent in ", "/s, ", " of them invalid")
	ids, bodies := queue(t, server)
	logged := events(t, p, "queued")
	if len(bodies) != 300 || len(logged) != 300 {
		t.Fatalf("%d records queued, %d logged, want 300", len(bodies), len(logged))
	}
	invalid := 0
	for i, e := range logged {
		customer, _ := record.PeekCustomerID([]byte(bodies[i]))
		if e.Level != "info" || e.Status != "success" || e.StreamID != ids[i] || e.CustomerID != customer {
			t.Fatalf("event %d is %+v for %s", i, e, bodies[i])
		}
		var refusal *record.Refusal
		if _, err := (record.Decoder{}).Decode([]byte(bodies[i])); errors.As(err, &refusal) {
			invalid++
		}
	}
	if invalid < 60 || invalid > 120 || !strings.Contains(p.Stderr(), fmt.Sprintf(", %d of them invalid", invalid)) {
		t.Errorf("%d records are invalid:\n%s", invalid, p.Stderr())
	}
	if text := strings.Join(p.Lines(), ""); strings.Contains(text, "email") || strings.Contains(text, "@") {
		t.Error("a body is in the log")
	}

	// The same seed again, in list mode.
	p = run(t, server.URL(), []string{"QUEUE_MODE=list"}, args...)
	wantExit(t, p, 0)
	again, err := server.Client(t).LRange(t.Context(), "q", 0, -1).Result()
	slices.Sort(again)
	slices.Sort(bodies)
	if err != nil || !slices.Equal(again, bodies) {
		t.Errorf("the same seed gives different records (%v)", err)
	}
	for _, e := range events(t, p, "queued") {
		if e.StreamID != "" {
			t.Fatalf("an event of list mode has a stream ID: %+v", e)
		}
	}
}

func TestGenerateFromVariables(t *testing.T) {
	server := env.Redis(t)
	environ := []string{"GEN_CUSTOMERS=x, y", "GEN_RPM=60000", "GEN_JITTER_MS=0", "GEN_INVALID_RATE=1"}
	p := run(t, server.URL(), environ, "generate", "--duration", "200ms")
	wantExit(t, p, 0)
	_, bodies := queue(t, server)
	if len(bodies) < 100 || len(bodies) > 400 { // 2 customers, one record per ms; a slow machine skips some
		t.Errorf("%d records in 200 ms, want at most 400", len(bodies))
	}
	customers := map[string]bool{}
	for _, body := range bodies {
		if _, err := (record.Decoder{}).Decode([]byte(body)); err == nil {
			t.Fatalf("%s is not invalid", body)
		}
		if c, ok := record.PeekCustomerID([]byte(body)); ok {
			customers[c] = true
		}
	}
	if len(customers) != 2 || !customers["x"] || !customers["y"] {
		t.Errorf("customers %v, want x and y", customers)
	}
}

func TestGenerateShutsDownOnASignal(t *testing.T) {
	server := env.Redis(t)
	p := run(t, server.URL(), nil, "generate", "--rpm", "6000")
	p.WaitForLine(soon, func(line string) bool { return strings.Contains(line, `"queued"`) })
	p.Signal(syscall.SIGINT)
	wantExit(t, p, 0, "records sent")
	if _, bodies := queue(t, server); len(bodies) != len(events(t, p, "queued")) {
		t.Errorf("%d records queued, %d logged", len(bodies), len(events(t, p, "queued")))
	}
}

func TestGenerateEndsAfterItsDurationWithoutRedis(t *testing.T) {
	server := env.Redis(t, env.WithConfig("min-replicas-to-write", "1"))
	p := run(t, server.URL(), nil, "generate", "--rpm", "60", "--customers", "a,b", "--duration", "100ms")
	wantExit(t, p, 1, "producer: 0 records sent in ", ", 2 not sent", "--duration has passed: ", "min-replicas-to-write", "; 2 records were not sent")
	if n := len(events(t, p, "queued")); n > 0 {
		t.Errorf("%d records are logged as queued", n)
	}
}

func TestGenerateResumesAfterAnOutage(t *testing.T) {
	server := env.Redis(t)
	p := run(t, server.URL(), nil, "generate", "--rpm", "6000")
	is := func(event string) func(string) bool {
		return func(line string) bool { return strings.Contains(line, `"event":"`+event+`"`) }
	}
	_, n := p.WaitForLineAfter(0, soon, is("queued"))
	server.Stop()
	line, n := p.WaitForLineAfter(n, soon, is("retrying"))
	if !strings.Contains(line, `"level":"warn"`) || !strings.Contains(line, "REDIS_URL") {
		t.Errorf("the wait is logged as %s", line)
	}
	server.Start()
	p.WaitForLineAfter(n, soon, is("queued"))
	p.Signal(syscall.SIGTERM)
	wantExit(t, p, 0)
	if strings.Contains(p.Stderr(), "redis:") {
		t.Errorf("the client library writes to stderr:\n%s", p.Stderr())
	}
}

func TestLoadExamples(t *testing.T) {
	server := env.Redis(t)
	lines := strings.Count(string(examples.Customers), "\n")
	p := run(t, server.URL(), nil, "load", file(t, "c.ndjson", string(examples.Customers)), "--batch", "100")
	wantExit(t, p, 0, fmt.Sprintf("producer: %d records sent in ", lines))
	if stderr := p.Stderr(); strings.Count(stderr, "\n") > 0 {
		t.Errorf("stderr is not a terminal but has more than the summary:\n%s", stderr)
	}
	_, bodies := queue(t, server)
	if strings.Join(bodies, "\n")+"\n" != string(examples.Customers) {
		t.Errorf("%d bodies are queued, not the file's %d lines in order", len(bodies), lines)
	}
	next, total := 1, 0
	for _, e := range events(t, p, "queued") {
		if e.FirstLine != next || e.Count != e.LastLine-e.FirstLine+1 || e.Count > 100 || e.Status != "success" || e.Level != "info" {
			t.Errorf("batch %+v after line %d", e, next-1)
		}
		next, total = e.LastLine+1, total+e.Count
	}
	if total != lines {
		t.Errorf("%d records are logged, want %d", total, lines)
	}
}

func TestLoadStandardInputAsCSV(t *testing.T) {
	server := env.Redis(t)
	p := start(t, server.URL(), []string{"QUEUE_MODE=list"}, []string{"load", "-", "--validate"}, env.WithStdin(
		"customerId,name,email,createdAt\n1,Zoë,z@quillmarsh.net,2024-01-01\n\n2,,z@quillmarsh.net,2024-01-01\n3,Ann,a@quillmarsh.net,2024\n"))
	wantExit(t, p, 1, "producer: 2 records sent in ", ", 1 rejected, 1 blank line", "1 of 3 rows rejected")
	warnings := events(t, p, "warning")
	if len(warnings) != 1 || warnings[0].Line != 4 || !strings.Contains(warnings[0].Reason, "line 4 is rejected") || !strings.Contains(warnings[0].Reason, "name") {
		t.Errorf("skipping is logged as %+v", warnings)
	}
	got, err := server.Client(t).LRange(t.Context(), "q", 0, -1).Result()
	want := []string{
		`{"customerId":"1","name":"Zoë","email":"z@quillmarsh.net","createdAt":"2024-01-01"}`,
		`{"customerId":"3","name":"Ann","email":"a@quillmarsh.net","createdAt":"2024"}`,
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("the list has %q (%v)", got, err)
	}
}

var resume = regexp.MustCompile(`interrupted; continue with --from-line (\d+)`)

func TestInterruptedLoadIsResumed(t *testing.T) {
	server := env.Redis(t)
	path := file(t, "many.ndjson", numbered(1, 5000))
	p := run(t, server.URL(), nil, "load", path, "--rate", "2000")
	_, n := p.WaitForLineAfter(0, soon, func(line string) bool { return strings.Contains(line, `"queued"`) })
	p.WaitForLineAfter(n, soon, func(line string) bool { return strings.Contains(line, `"queued"`) })
	p.Signal(syscall.SIGINT)
	wantExit(t, p, 1)
	found := resume.FindStringSubmatch(p.Stderr())
	if found == nil {
		t.Fatalf("no line to continue from:\n%s", p.Stderr())
	}
	_, bodies := queue(t, server)
	if next := fmt.Sprint(len(bodies) + 1); found[1] != next || len(bodies) == 5000 {
		t.Errorf("%d records are queued, it says to continue from line %s", len(bodies), found[1])
	}
	wantExit(t, run(t, server.URL(), nil, "load", path, "--from-line", found[1]), 0)
	if _, bodies := queue(t, server); strings.Join(bodies, "\n")+"\n" != numbered(1, 5000) {
		t.Errorf("%d bodies are queued, not each line once in order", len(bodies))
	}
}

func TestInterruptedLoadDuringAnOutage(t *testing.T) {
	server := env.Redis(t)
	path := file(t, "many.ndjson", numbered(1, 5000))
	p := run(t, server.URL(), nil, "load", path, "--rate", "1000")
	p.WaitForLine(soon, func(line string) bool { return strings.Contains(line, `"queued"`) })
	server.Stop()
	p.WaitForLine(soon, func(line string) bool { return strings.Contains(line, `"retrying"`) })
	p.Signal(syscall.SIGTERM)
	wantExit(t, p, 1, "interrupted; continue with --from-line")
	server.Start()
	found := resume.FindStringSubmatch(p.Stderr())
	_, bodies := queue(t, server)
	if found == nil || found[1] != fmt.Sprint(len(bodies)+1) {
		t.Errorf("%d records are queued, it says %v", len(bodies), found)
	}
}

func TestInterruptedLoadBeforeTheFirstLine(t *testing.T) {
	server := env.Redis(t)
	silent, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	defer writer.Close()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		p := start(t, server.URL(), nil, []string{"load", "-", "--from-line", "3"}, func(c *exec.Cmd) { c.Stdin = silent })
		waitUntilConnected(t, server)
		p.Signal(signal)
		wantExit(t, p, 1, "interrupted; continue with --from-line 3")
	}
}

// waitUntilConnected waits until a producer has checked the type of its key. By then
// it handles signals, and next it reads its input.
func waitUntilConnected(t *testing.T, server *env.RedisServer) {
	t.Helper()
	client := server.Client(t)
	env.Eventually(t, soon, func() (bool, string) {
		clients := client.ClientList(t.Context()).Val()
		return strings.Contains(clients, "cmd=type"), clients
	})
}

func TestRefusals(t *testing.T) {
	server := env.Redis(t)
	if err := server.Client(t).Set(t.Context(), "text", "x", 0).Err(); err != nil {
		t.Fatal(err)
	}
	locked := env.Redis(t, env.WithConfig("requirepass", "secret-word"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := "redis://user:secret-word@" + l.Addr().String()
	l.Close()
	good := file(t, "good.ndjson", numbered(1, 2))
	for name, c := range map[string]struct {
		url  string
		env  []string
		args []string
		code int
		says []string
	}{
		"unknown command":       {server.URL(), nil, []string{"send"}, 2, []string{`"send"`}},
		"unknown flag":          {server.URL(), nil, []string{"generate", "--fast"}, 2, []string{"--fast"}},
		"no file":               {server.URL(), nil, []string{"load"}, 2, []string{"needs FILE|-"}},
		"missing file":          {server.URL(), nil, []string{"load", "no-such-file"}, 2, []string{"no-such-file"}},
		"folder":                {server.URL(), nil, []string{"load", "."}, 2, []string{"directory"}},
		"several wrong flags":   {server.URL(), nil, []string{"load", good, "--format", "xml", "--rate", "-1", "--from-line", "0", "--batch", "0"}, 2, []string{"--format", "--rate", "--from-line", "--batch"}},
		"wrong rate":            {server.URL(), nil, []string{"generate", "--rpm", "0", "--jitter", "-1s", "--invalid-rate", "2"}, 2, []string{"--rpm: ", "--jitter: ", "--invalid-rate: "}},
		"jitter out of range":   {server.URL(), nil, []string{"generate", "--rpm", "1e-9", "--jitter", "2000000h"}, 2, []string{"producer generate: --rpm", "--jitter"}},
		"rate out of range":     {server.URL(), nil, []string{"load", good, "--rate", "1e-12"}, 2, []string{"--rate: 1e-12 is out of range"}},
		"variable out of range": {server.URL(), []string{"GEN_RPM=1e-9"}, []string{"generate"}, 2, []string{"GEN_RPM: 1e-09 is out of range"}},
		"wrong variables":       {server.URL(), []string{"QUEUE_MODE=heap", "GEN_RPM=fast"}, []string{"load", good}, 2, []string{"QUEUE_MODE", "GEN_RPM"}},
		"wrong type of list":    {server.URL(), []string{"QUEUE_MODE=list", "QUEUE_KEY=text"}, []string{"load", good}, 2, []string{"QUEUE_KEY", `"text"`, "string"}},
		"wrong type of stream":  {server.URL(), []string{"STREAM_KEY=text"}, []string{"generate", "--count", "1"}, 2, []string{"STREAM_KEY", `"text"`, "string"}},
		"no password":           {"redis://" + locked.Addr, nil, []string{"load", good}, 2, []string{"REDIS_URL", "wants a password"}},
		"wrong password":        {"redis://:secret-wor@" + locked.Addr, nil, []string{"load", good}, 2, []string{"REDIS_URL", "refuses this user and password"}},
		"no server":             {nowhere, []string{"STARTUP_TIMEOUT_SEC=1"}, []string{"load", good}, 1, []string{"REDIS_URL", "STARTUP_TIMEOUT_SEC", "***@"}},
		"no header":             {server.URL(), nil, []string{"load", good, "--format", "csv"}, 1, []string{"no CSV header"}},
		"unknown header":        {server.URL(), nil, []string{"load", file(t, "x.csv", "id,mail\n1,a\n")}, 1, []string{"customerId: there is no such column", "similar: \"mail\"", "--map, --preset"}},
		"an unclosed quote":     {server.URL(), nil, []string{"load", file(t, "x.csv", "customerId,name,email,createdAt\n1,a,a@b.co,2024\n\"b\nc\n")}, 1, []string{"line 3", "--from-line 3", "--from-line 4"}},
		"generate has no files": {server.URL(), nil, []string{"generate", "file"}, 2, []string{"file"}},
	} {
		p := run(t, c.url, c.env, c.args...)
		t.Log(name)
		wantExit(t, p, c.code, c.says...)
		if strings.Contains(p.Stderr(), "secret-wor") {
			t.Errorf("%s: stderr has a password:\n%s", name, p.Stderr())
		}
	}
}

func TestTruncatedFile(t *testing.T) {
	server := env.Redis(t)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	fmt.Fprint(z, numbered(1, 10))
	z.Close()
	p := run(t, server.URL(), nil, "load", file(t, "x.gz", packed.String()[:packed.Len()-8]))
	wantExit(t, p, 1, "line 11: the gzip file is truncated", "continue with --from-line 11")
	if strings.Contains(p.Stderr(), "skip it") {
		t.Errorf("stderr advises to skip the record:\n%s", p.Stderr())
	}
	if _, bodies := queue(t, server); len(bodies) != 10 {
		t.Errorf("%d records are queued, want 10", len(bodies))
	}
}

func TestHelpHasExamples(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}, {"generate", "--help"}, {"load", "--help"}} {
		p := run(t, "redis://127.0.0.1:1", nil, args...)
		wantExit(t, p, 0)
		if help := strings.Join(p.Lines(), "\n"); !strings.Contains(help, "Examples:") || !strings.Contains(help, "producer ") {
			t.Errorf("%v shows no example:\n%s", args, help)
		}
	}
}
