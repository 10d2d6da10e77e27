package console_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"ingestion/console"
	"ingestion/internal/test/env"
	"ingestion/streams"
)

// What one partition does not tell is named, and the others are shown.
func TestKeysOfOnePartitionThatCannotBeRead(t *testing.T) {
	client := env.Redis(t).Client(t)
	opts := options(t, client)
	opts.Source.Keys = []string{"s", "s1"}
	addLetter(t, client, "s", "1000-0", map[string]string{"event": "rejected", "reason": "because", "data": "{}"})
	now := client.Time(t.Context()).Val().Truncate(time.Minute)
	must(t, client.HSet(t.Context(), "{s}:history:minute", now.Unix()/60%1440, fmt.Sprintf("%d ingested=7", now.UnixMilli())).Err())
	add(t, client, 1)
	must(t, client.XGroupCreate(t.Context(), "s", "g", "0").Err())
	for _, key := range []string{"s1", "{s1}:dead", "{s1}:history:minute", "{s1}:refused"} {
		must(t, client.Set(t.Context(), key, "x", 0).Err())
	}
	h := console.Handler(opts)
	for path, words := range map[string][]string{
		"/dead":           {"Not all is known.", "{s1}:dead", "0:1000-0", "1 found among 1 looked at, of 1 kept"},
		"/dead?by=reason": {"Not all is known.", "{s1}:dead", "because"},
		"/":               {"Not all is known.", "<bdi>s1</bdi> could not be read", "7 in all", ">oldest at least "},
		"/queue":          {"Not all is known.", "<bdi>s1</bdi> could not be read", "No worker holds an entry of the other partitions."},
		"/customers":      {"Not all is known.", "No customer of the other partitions was over its limit lately."},
	} {
		wantWords(t, body(t, h, path), words...)
	}
	wantNone(t, renewed(t, body(t, h, "/"), "equations"), "<details>") // they are of all partitions
	a := newAPI(&letterRig{t: t, client: client, handler: h})
	for _, path := range []string{"dead", "dead/groups", "history", "queue/pending"} {
		got := a.call(200, "GET", path, "")
		if unread, _ := got["unread"].([]any); len(unread) != 1 {
			t.Errorf("%s: %v", path, got)
		}
	}
}

// A server that failed is a 503 everywhere, and the log says why. It has no address that somebody looked for.
func TestFailuresOfServersAreLogged(t *testing.T) {
	var log bytes.Buffer
	opts := options(t, deadClient(t))
	opts.Changes, opts.Log = true, slog.New(slog.NewTextHandler(&log, nil))
	h := console.Handler(opts)
	for _, asked := range []struct {
		method, path string
		form         url.Values
	}{
		{"GET", "/api/v1/limits", nil},
		{"GET", "/trace?customer=42", nil},
		{"POST", "/trace", url.Values{"email": {"secretlocal@b.co"}}},
		{"POST", "/customers/limit", url.Values{"id": {"42"}, "limit": {"1/60"}, "seen": {""}}},
		{"POST", "/queue/pause", url.Values{"for": {"10m"}}},
	} {
		log.Reset()
		if got := ask(t, h, asked.method, asked.path, asked.form); got.StatusCode != 503 {
			t.Errorf("%s %s: status %d", asked.method, asked.path, got.StatusCode)
		}
		path, _, _ := strings.Cut(asked.path, "?")
		wantWords(t, log.String(), "level=ERROR msg=warning", "path="+path, "code=503", "connection refused")
		wantNone(t, log.String(), "secretlocal")
	}
	log.Reset()
	ask(t, h, "GET", "/api/v1/limits/one?customerId=", nil)
	wantNone(t, log.String(), "level=ERROR")
}

// An archive that can't be opened now is opened when it is looked at later.
func TestAnArchiveThatIsOpenedLater(t *testing.T) {
	r := newRig(t, 1, false)
	there := false
	var vault *blob.Bucket
	r.opts.BucketURL = "file:///vault"
	r.opts.OpenBucket = func(context.Context) (*blob.Bucket, error) {
		if !there {
			return nil, errors.New("no such directory")
		}
		return vault, nil
	}
	wantWords(t, r.get(200, "/archive"), "✕ can&#39;t be read", "the archive can&#39;t be opened: no such directory", "file:///vault")
	vault = memblob.OpenBucket(nil)
	t.Cleanup(func() { _ = vault.Close() })
	there = true
	wantWords(t, r.get(200, "/archive"), "nothing is archived")
}

// Without dead letters of records over the limit, nothing tells how many were refused.
func TestRefusalsThatAreUnknown(t *testing.T) {
	r := newRig(t, 2, false)
	r.process("42", 1)
	const cells = ` UTC</time></td><td class="n">0</td><td class="n">0</td><td class="n">` // admitted and reserved, before refused
	page := r.get(200, "/customers/one?id=42")
	wantWords(t, page, "Refusals are unknown: by its settings", cells+"unknown</td>", "keeps no such dead letters")
	r.opts.KeepsRefused = true
	page = r.get(200, "/customers/one?id=42")
	wantWords(t, page, cells+"0</td>")
	wantNone(t, page, "Refusals are unknown", "are unknown or more", cells+"unknown</td>")
	for n := range 3 {
		r.process("42", n+2)
	}
	wantWords(t, r.get(200, "/customers/one?id=42"), "✕ refused <time", `class="refused"`)
}

// Of refusals whose dead letters are gone, a time line says that there were more, or that nothing is known.
func TestRefusalsWhoseLettersAreGone(t *testing.T) {
	r := newRig(t, 1, false)
	r.opts.KeepsRefused = true
	for n := range 5 {
		r.process("42", n)
	}
	dead := streams.KeysOf(r.keys[0]).Dead
	gone := func(id string) {
		id, err := r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: dead, ID: id, Values: []any{"event", "rejected", "data", "{}"}}).Result()
		must(t, err)
		must(t, r.client.XDel(t.Context(), dead, id).Err())
	}
	later := func() { // than all that has arrived
		for begin := r.client.Time(t.Context()).Val(); r.client.Time(t.Context()).Val().Sub(begin) < 2*time.Millisecond; {
		}
	}
	page := r.get(200, "/customers/one?id=42")
	wantNone(t, page, "unknown or more", `class="n">at least`)
	gone("*")
	later()
	wantWords(t, r.get(200, "/customers/one?id=42"), " UTC, refusals are unknown or more:", `<td class="n">at least `, "<title>at least ")
	gone(fmt.Sprintf("%d-0", time.Now().Add(time.Hour).UnixMilli()))
	wantWords(t, r.get(200, "/customers/one?id=42"), "Refusals are unknown: the dead letters were trimmed, replayed or deleted.")
	must(t, r.client.Set(t.Context(), dead, "x", 0).Err())
	page = r.get(200, "/customers/one?id=42")
	wantWords(t, page, "Refusals are unknown, since the dead letters could not be read.", "2 of 2 in the last 1m", ` UTC</time></td><td class="n">0</td><td class="n">0</td><td class="n">unknown</td>`)
}

// How often a customer was over its limit is counted roughly: the bounds are said, and of those who are not counted it
// is not said that they never were.
func TestCountsOfRefusalsAreBounds(t *testing.T) {
	r := newRig(t, 1, false)
	refused := streams.KeysOf(r.keys[0]).Refused
	must(t, r.client.HSet(t.Context(), refused, "42", "7 2").Err())
	wantWords(t, r.get(200, "/customers"), `<td class="n">5</td><td class="n">7</td>`)
	wantWords(t, r.get(200, "/customers/one?id=42"), "5 to 7 records over the limit")
	wantWords(t, r.get(200, "/customers/one?id=43"), "no record over the limit")
	for i := range streams.MaxRefused - 1 {
		must(t, r.client.HSet(t.Context(), refused, fmt.Sprintf("other-%d", i), "9 0").Err())
	}
	wantWords(t, r.get(200, "/customers/one?id=43"), "at most 7 records over the limit")
}

// In list mode, the workers that have registered are shown.
func TestAListHasWorkers(t *testing.T) {
	client := env.Redis(t).Client(t)
	now := client.Time(t.Context()).Val().UnixMilli()
	must(t, client.HSet(t.Context(), streams.KeysOf("l").Workers, "worker-7", fmt.Sprintf(`{"version":"v1","host":"engine","at":%d}`, now)).Err())
	opts := options(t, client)
	opts.Source.Keys, opts.Source.List = nil, "l"
	page := body(t, console.Handler(opts), "/queue")
	wantWords(t, page, "<bdi>worker-7</bdi>", "<bdi>engine</bdi>", "✓ live", "✓ 1 worker live")
	wantNone(t, page, "Pending entries", "No worker")
}

// renewed returns a part of a page that an open page renews.
func renewed(t *testing.T, page, name string) string {
	t.Helper()
	_, part, found := strings.Cut(page, `data-renew="`+name+`">`)
	if !found {
		t.Fatalf("the page does not renew %s:\n%s", name, page)
	}
	part, _, _ = strings.Cut(part, "</section>")
	return part
}

// An open page gets what another one has changed, and what could not be read before.
func TestWhatOpenPagesRenew(t *testing.T) {
	client := env.Redis(t).Client(t)
	opts := options(t, client)
	opts.Changes = true
	h := console.Handler(opts)
	reading := body(t, h, "/queue")
	wantWords(t, renewed(t, reading, "pause"), "Workers read records.")
	must(t, streams.Pause(t.Context(), client, "s", streams.Control{By: "ada", Reason: "because"}))
	paused := body(t, console.Handler(opts), "/queue")
	part, _, _ := strings.Cut(renewed(t, paused, "pause"), "data-outdated")
	wantWords(t, part, "Paused by <bdi>ada</bdi>", "Resume reading")
	wantNone(t, part, "Workers read", `name="reason"`) // what is typed stays as it is
	shown := func(page string) string {
		_, rest, _ := strings.Cut(page, `data-shown="`)
		shown, _, _ := strings.Cut(rest, `"`)
		return shown
	}
	if shown(reading) == shown(paused) || shown(paused) == "" {
		t.Errorf("the form was shown with %q, and then %q", shown(reading), shown(paused))
	}
	must(t, streams.Pause(t.Context(), client, "s", streams.Control{By: "ada", Reason: "because"}))
	if again := body(t, console.Handler(opts), "/queue"); shown(again) == shown(paused) {
		t.Errorf("another pause is shown as %q, like the one before", shown(again))
	}
	must(t, client.Del(t.Context(), "{s}:control").Err())
	must(t, client.Set(t.Context(), "{s}:control", "x", 0).Err())
	wantWords(t, renewed(t, body(t, console.Handler(opts), "/queue"), "pause"), "✕ Unknown.")

	must(t, client.Set(t.Context(), "s", "x", 0).Err())
	wantNone(t, renewed(t, body(t, console.Handler(opts), "/"), "equations"), "<details>") // and yet the place for them is there
	opts.Source.Keys, opts.Source.List = nil, "l"
	must(t, client.Set(t.Context(), "l", "x", 0).Err())
	for _, path := range []string{"/", "/queue"} {
		wantWords(t, renewed(t, body(t, console.Handler(opts), path), "list"), "✕ Unknown.")
	}
}
