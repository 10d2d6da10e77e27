package console

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/inspect"
	"ingestion/internal/test/env"
	"ingestion/streams"
)

// lines is a log that several write and read.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
	new  chan struct{}
}

func newLines() *lines { return &lines{new: make(chan struct{}, 1000)} }

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(line)
	select {
	case l.new <- struct{}{}:
	default:
	}
	return len(line), nil
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *lines) await(t *testing.T, parts ...string) {
	t.Helper()
	for _, part := range parts {
		l.awaitTimes(t, 1, part)
	}
}

func (l *lines) awaitTimes(t *testing.T, times int, part string) {
	t.Helper()
	for strings.Count(l.String(), part) < times {
		select {
		case <-l.new:
		case <-time.After(time.Minute):
			t.Fatalf("%q is not %d times in the log:\n%s", part, times, l)
		}
	}
}

// largeLetters is a console whose dead letters fill the buffers of a connection.
func largeLetters(t *testing.T, log io.Writer) *console {
	t.Helper()
	client := env.Redis(t).Client(t)
	body := strings.Repeat("x", 1<<20)
	for range 40 {
		args := redis.XAddArgs{Stream: streams.KeysOf("s").Dead, Values: []any{"event", "rejected", "data", body}}
		if err := client.XAdd(t.Context(), &args).Err(); err != nil {
			t.Fatal(err)
		}
	}
	return newConsole(Options{
		Source: inspect.Source{Redis: client, Keys: []string{"s"}, Group: "g", Lease: time.Minute}, Changes: true, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
}

func export(t *testing.T, server *httptest.Server) *http.Response {
	t.Helper()
	got, err := server.Client().PostForm(server.URL+"/dead/export", url.Values{"all": {"on"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = got.Body.Close() })
	return got
}

// A client that stops reading ends its export, which the log does not take for complete.
func TestAnExportThatNobodyReadsEnds(t *testing.T) {
	log := newLines()
	c := largeLetters(t, log)
	c.sendFor = 200 * time.Millisecond
	server := httptest.NewServer(c.handler())
	t.Cleanup(server.Close) // after the bodies are closed
	export(t, server)
	log.await(t, "msg=console_dead_export status=begun", "msg=console_dead_export status=partial user=anonymous", "broken off", "msg=console_request status=error method=POST path=/dead/export code=200 complete=false")
	if strings.Contains(log.String(), "msg=console_dead_export status=success") {
		t.Errorf("the export is complete:\n%s", log)
	}
}

// breaking is a Redis that fails after some pages of dead letters.
type breaking struct {
	held
	pages *atomic.Int32
}

func (b breaking) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() == "xrange" && b.pages.Add(-1) < 0 {
			cmd.SetErr(errors.New("Redis has gone"))
			return cmd.Err()
		}
		return next(ctx, cmd)
	}
}

// An export that can't be completed ends before its file does, and is noted as a part.
func TestAnExportWithoutItsEnd(t *testing.T) {
	log := newLines()
	c := largeLetters(t, log)
	pages := &atomic.Int32{}
	pages.Store(1 << 30)
	c.Source.Redis.AddHook(breaking{pages: pages})
	server := httptest.NewServer(c.handler())
	t.Cleanup(server.Close) // after the bodies are closed
	whole, err := io.Copy(io.Discard, export(t, server).Body)
	if err != nil || whole < 40<<20 {
		t.Fatalf("all: %d bytes, %v", whole, err)
	}
	asked := 1<<30 - pages.Load() // by the preview and the export
	pages.Store(asked - 1)
	if n, err := io.Copy(io.Discard, export(t, server).Body); err == nil {
		t.Errorf("an export without its end of %d bytes is complete", n)
	}
	log.await(t, "msg=console_dead_export status=partial user=anonymous", "broken off: ", "Redis has gone")
	if n := strings.Count(log.String(), "msg=console_dead_export status=success"); n != 1 {
		t.Errorf("%d exports are complete:\n%s", n, log)
	}
}

// An export that is read slowly goes on, and few run at once.
func TestFewExportAtOnce(t *testing.T) {
	log := newLines()
	c := largeLetters(t, log)
	server := httptest.NewServer(c.handler())
	t.Cleanup(server.Close) // after the bodies are closed
	var running []*http.Response
	for range exports {
		running = append(running, export(t, server))
	}
	if got := export(t, server); got.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one more: %s", got.Status)
	}
	for _, r := range running {
		if n, err := io.Copy(io.Discard, r.Body); err != nil || n < 40<<20 {
			t.Errorf("%d bytes, %v", n, err)
		}
	}
	log.awaitTimes(t, exports, "path=/dead/export code=200 complete=true")
	if got := export(t, server); got.StatusCode != http.StatusOK {
		t.Errorf("after them: %s", got.Status)
	}
}

// held is a Redis whose pages of dead letters do not come while a call lasts.
type held struct{}

func (held) DialHook(next redis.DialHook) redis.DialHook { return next }

func (held) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (held) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "xrevrange" {
			return next(ctx, cmd)
		}
		<-ctx.Done()
		cmd.SetErr(ctx.Err())
		return ctx.Err()
	}
}

// A list of dead letters takes no longer than it may.
func TestAListOfDeadLettersEnds(t *testing.T) {
	client := env.Redis(t).Client(t)
	client.AddHook(held{})
	c := newConsole(Options{Source: inspect.Source{Redis: client, Keys: []string{"s"}, Group: "g", Lease: time.Minute}})
	c.scanFor = 50 * time.Millisecond
	for path, status := range map[string]int{"/dead": http.StatusOK, "/api/v1/dead": http.StatusServiceUnavailable, "/api/v1/dead/groups": http.StatusServiceUnavailable} {
		w := httptest.NewRecorder()
		c.handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != status || !strings.Contains(w.Body.String(), "takes more than 50ms") {
			t.Errorf("%s: status %d: %s", path, w.Code, w.Body)
		}
	}
}
