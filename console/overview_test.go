package console_test

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/console"
	"ingestion/internal/test/env"
)

// body asks for a page and returns it.
func body(t testing.TB, h http.Handler, path string) string {
	t.Helper()
	got := ask(t, h, "GET", path, nil)
	text, err := io.ReadAll(got.Body)
	must(t, err)
	if got.StatusCode != 200 {
		t.Fatalf("%s: %v\n%s", path, got.Status, text)
	}
	return string(text)
}

// shows returns the text of an element with a live value.
func shows(t testing.TB, page, name string) string {
	t.Helper()
	found := regexp.MustCompile(`data-live="` + regexp.QuoteMeta(name) + `">([^<]*)<`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("the page has no %s:\n%s", name, page)
	}
	return found[1]
}

func add(t testing.TB, client redis.UniversalClient, n int) {
	t.Helper()
	for range n {
		must(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", "no record"}}).Err())
	}
}

func TestOverviewCountsWhatWaits(t *testing.T) {
	client := env.Redis(t).Client(t)
	must(t, client.XGroupCreateMkStream(t.Context(), "s", "g", "0").Err())
	add(t, client, 3)
	must(t, client.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "g", Consumer: "w", Streams: []string{"s", ">"}, Count: 1}).Err())
	page := body(t, console.Handler(options(t, client)), "/")
	for name, want := range map[string]string{"undelivered": "2", "pending": "1", "length": "3", "settled": "unknown", "outcome.ingested": "unknown"} {
		if got := shows(t, page, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if age := shows(t, page, "undelivered.age"); !strings.HasPrefix(age, "oldest ") {
		t.Errorf("age: %q", age)
	}
}

// A page without Redis is complete, and says so; no number is invented.
func TestPagesWithoutRedis(t *testing.T) {
	server := env.Redis(t)
	opts := options(t, server.Client(t))
	server.Kill()
	h := console.Handler(opts)
	balance := strings.Fields("added undelivered pending settled missing delayed dead length outcome.ingested outcome.rate_limited")
	partition := strings.Fields("p.0.length p.0.undelivered p.0.pending p.0.delayed p.0.dead p.0.bytes")
	for path, names := range map[string][]string{
		"/": balance, "/?span=day": balance, "/queue": partition,
		"/dead": nil, "/dead?by=reason": nil, "/customers": nil, "/customers/one?id=42": nil, "/archive": nil, "/activity": nil,
	} {
		page := body(t, h, path)
		for _, name := range names {
			if got := shows(t, page, name); got != "unknown" {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if !strings.Contains(page, "connection refused") {
			t.Errorf("%s does not say why:\n%s", path, page)
		}
		if path == "/archive" {
			wantWords(t, page, "? unknown")
		}
		wantNone(t, page, "No customer was over its limit", "No customer has a limit of its own", "There are no dead letters", "Nobody has changed anything")
	}
}

// A stream that is no stream spoils its row, and not the page.
func TestOneUnreadablePartition(t *testing.T) {
	client := env.Redis(t).Client(t)
	must(t, client.Set(t.Context(), "s1", "text", 0).Err())
	add(t, client, 1)
	opts := options(t, client)
	opts.Source.Keys = []string{"s", "s1"}
	page := body(t, console.Handler(opts), "/queue")
	if got := shows(t, page, "p.0.length"); got != "1" {
		t.Errorf("the good partition has %q entries", got)
	}
	if got := shows(t, page, "p.1.length"); got != "unknown" || !strings.Contains(page, "WRONGTYPE") {
		t.Errorf("the bad one has %q entries:\n%s", got, page)
	}
}

func TestQueueShowsWhoHoldsWhat(t *testing.T) {
	client := env.Redis(t).Client(t)
	must(t, client.XGroupCreateMkStream(t.Context(), "s", "g", "0").Err())
	add(t, client, 3)
	const hostile = `<script>alert("worker")</script>`
	must(t, client.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "g", Consumer: hostile, Streams: []string{"s", ">"}, Count: 2}).Err())
	page := body(t, console.Handler(options(t, client)), "/queue")
	if strings.Contains(page, "<script>alert") || !strings.Contains(page, "&lt;script&gt;alert") {
		t.Errorf("the name of the consumer is not text:\n%s", page)
	}
	if !strings.Contains(page, "All 2 of them") {
		t.Errorf("the pending entries are not counted:\n%s", page)
	}
}

func TestListMode(t *testing.T) {
	client := env.Redis(t).Client(t)
	must(t, client.RPush(t.Context(), "l", "a", "b").Err())
	opts := options(t, client)
	opts.Source.Keys, opts.Source.List = nil, "l"
	h := console.Handler(opts)
	for _, path := range []string{"/", "/queue"} {
		if got := shows(t, body(t, h, path), "list"); got != "2" {
			t.Errorf("%s: %q records", path, got)
		}
	}
}

// infos counts calls of INFO, which each reading makes, and holds them until all pages are asked for.
type infos struct {
	n     atomic.Int64
	pages sync.WaitGroup
}

func (i *infos) DialHook(next redis.DialHook) redis.DialHook { return next }

func (i *infos) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		i.note(cmd)
		return next(ctx, cmd)
	}
}

func (i *infos) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		i.note(cmds...)
		return next(ctx, cmds)
	}
}

func (i *infos) note(cmds ...redis.Cmder) {
	for _, cmd := range cmds {
		if cmd.Name() == "info" {
			i.n.Add(1)
			i.pages.Wait()
		}
	}
}

// Many open pages cost Redis as much as one, however long a reading takes.
func TestManyPagesCostAsOne(t *testing.T) {
	client := env.Redis(t).Client(t)
	add(t, client, 1)
	asked := &infos{}
	client.AddHook(asked)
	body(t, console.Handler(options(t, client)), "/")
	one := asked.n.Swap(0)
	if one == 0 {
		t.Fatal("a page does without INFO: count something else")
	}
	h := console.Handler(options(t, client))
	asked.pages.Add(50)
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			asked.pages.Done()
			ask(t, h, "GET", "/", nil)
		})
	}
	wait.Wait()
	if n := asked.n.Load(); n > 2*one { // another one for pages that are very late
		t.Errorf("50 pages made %d calls of INFO, and one makes %d", n, one)
	}
}
