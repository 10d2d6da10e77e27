package console_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/console"
	"ingestion/internal/test/env"
	"ingestion/store"
)

// silentStore is a MongoDB that takes connections and answers nothing until it is released, whatever its caller does.
type silentStore struct{ released chan struct{} }

func newSilentStore(t *testing.T) silentStore {
	t.Helper()
	s := silentStore{make(chan struct{})}
	t.Cleanup(func() { close(s.released) })
	return s
}

func (s silentStore) Check(context.Context) error { <-s.released; return nil }

func (s silentStore) Find(context.Context, store.Field, string, int64) ([]store.Stored, error) {
	<-s.released
	return nil, nil
}

func (s silentStore) Indexed(context.Context, store.Field) (bool, error) {
	<-s.released
	return false, nil
}

// patience is how long a page may take beside a server that does not answer: more than a reading, and much less than
// one for each page.
const patience = 30 * time.Second

// watched opens pages, and waits until each has got some events.
func watched(t *testing.T, server *httptest.Server, pages, events int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var all sync.WaitGroup
	for range pages {
		all.Go(func() {
			request, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/live", nil)
			if err != nil {
				t.Error(err)
				return
			}
			answer, err := server.Client().Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			lines := bufio.NewScanner(answer.Body)
			for n := 0; n < events; {
				if !lines.Scan() {
					t.Errorf("%d events: %v", n, lines.Err())
					return
				}
				if strings.HasPrefix(lines.Text(), "data: ") {
					n++
				}
			}
		})
	}
	all.Wait()
}

// within sends a request, and returns the page.
func within(t *testing.T, method, address string, form url.Values) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	must(t, err)
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := http.DefaultClient.Do(request)
	must(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(t, err)
	return string(text)
}

// A MongoDB that does not answer holds up nothing that is read from Redis.
func TestASlowMongoDBStopsNothing(t *testing.T) {
	client := env.Redis(t).Client(t)
	add(t, client, 3)
	opts := options(t, client)
	opts.Store, opts.Changes = newSilentStore(t), true
	server := httptest.NewServer(console.Handler(opts))
	defer server.Close()
	defer server.CloseClientConnections()
	begin := time.Now()
	watched(t, server, 50, 3)
	if took := time.Since(begin); took > 8*time.Second { // and not 5 s each, as long as a reading may take
		t.Errorf("three events took %v: they wait for MongoDB", took)
	}
	page := within(t, "GET", server.URL+"/", nil)
	if got := shows(t, page, "length"); got != "3" {
		t.Errorf("the stream has %s entries", got)
	}
	wantWords(t, page, "? has not answered yet")
	if page := within(t, "POST", server.URL+"/queue/pause", url.Values{"for": {"10m"}}); !strings.Contains(page, "‖ paused until") {
		t.Errorf("after a pause:\n%s", page)
	}
}

// A Redis that does not answer is asked once for all.
func TestASlowRedisIsAskedOnceForAll(t *testing.T) {
	slow := env.Redis(t)
	client := slow.Client(t)
	add(t, client, 3)
	server := httptest.NewServer(console.Handler(options(t, client)))
	defer server.Close()
	defer server.CloseClientConnections()
	watched(t, server, 1, 1)
	slow.Hang()
	defer slow.Kill()
	begin := time.Now()
	watched(t, server, 50, 2)
	if page := within(t, "GET", server.URL+"/queue", nil); shows(t, page, "p.0.length") != "unknown" {
		t.Errorf("the stream is known:\n%s", page)
	}
	t.Logf("50 pages got two events and another one was shown after %v", time.Since(begin))
}

// What a program reads ends in a bounded time, as the panels do, however long the client of Redis would wait.
func TestTheAPIWaitsForNoSlowRedis(t *testing.T) {
	slow := env.Redis(t)
	client := redis.NewClient(&redis.Options{Addr: slow.Addr, ContextTimeoutEnabled: true, ReadTimeout: 4 * patience})
	defer client.Close()
	must(t, client.Ping(t.Context()).Err())
	server := httptest.NewServer(console.Handler(options(t, client)))
	defer server.Close()
	slow.Hang()
	defer slow.Kill()
	var all sync.WaitGroup
	for _, path := range []string{"history", "customers", "customers/one?customerId=42", "limits", "limits/one?customerId=42", "activity"} {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			request, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/api/v1/"+path, nil)
			if err != nil {
				t.Error(err)
				return
			}
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Error(err)
				return
			}
			defer answer.Body.Close()
			if text, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(text), `"error":"`) {
				t.Errorf("%s: %s, %v", path, text, err)
			}
		})
	}
	all.Wait()
}
