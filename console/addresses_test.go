package console_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"ingestion/console"
	"ingestion/internal/test/env"
)

// An address with too many slashes is no page: a redirect to the right one would lose the prefix.
func TestNoRedirectLosesThePrefix(t *testing.T) {
	h := http.StripPrefix("/x", console.Handler(options(t, env.Redis(t).Client(t))))
	for _, path := range []string{"/x//queue", "/x/dead//change", "/x/./queue", "/x/dead/../queue", "/x//"} {
		got := ask(t, h, "GET", path, nil)
		if got.StatusCode != 404 || got.Header.Get("Location") != "" {
			t.Errorf("%s: %s to %q", path, got.Status, got.Header.Get("Location"))
		}
	}
	for _, path := range []string{"/x/", "/x/queue", "/x/static/live.mjs"} {
		if got := ask(t, h, "GET", path, nil); got.StatusCode != 200 {
			t.Errorf("%s: %s", path, got.Status)
		}
	}
}

// HEAD of the events ends, or the test hangs.
func TestHeadOfEventsEnds(t *testing.T) {
	h := console.Handler(options(t, env.Redis(t).Client(t)))
	if got := ask(t, h, "HEAD", "/live", nil); got.StatusCode != 200 || got.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("%s, %v", got.Status, got.Header)
	}
}

var imported = regexp.MustCompile(`import "\./([^"]+)"`)

// Browsers keep all scripts, and ask for no more of them than whether they have changed.
func TestScriptsAreKept(t *testing.T) {
	h := console.Handler(options(t, env.Redis(t).Client(t)))
	text := func(got *http.Response) string {
		content, err := io.ReadAll(got.Body)
		must(t, err)
		return string(content)
	}
	imports := imported.FindAllStringSubmatch(text(ask(t, h, "GET", "/static/console.mjs", nil)), -1)
	if len(imports) != 2 {
		t.Fatalf("imports: %v", imports)
	}
	for _, i := range imports {
		got := ask(t, h, "GET", "/static/"+i[1], nil)
		if !strings.Contains(got.Header.Get("Cache-Control"), "immutable") || got.Header.Get("Content-Type") != "text/javascript; charset=utf-8" || !strings.Contains(text(got), "function") {
			t.Errorf("%s: %s, %v", i[1], got.Status, got.Header)
		}
	}
	r := httptest.NewRequest("GET", "/static/live.mjs", nil)
	r.Header.Set("If-None-Match", ask(t, h, "GET", "/static/live.mjs", nil).Header.Get("ETag"))
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusNotModified {
		t.Errorf("what has not changed: status %d", w.Code)
	}
}

// Consoles at two ports of a host do not end the sessions of each other.
func TestSessionsOfTwoPorts(t *testing.T) {
	var cookies []*http.Cookie
	ports := map[string]http.Handler{"8080": locked(t, nil), "8081": locked(t, nil)}
	for port, h := range ports {
		r := httptest.NewRequest("POST", "http://localhost:"+port+"/login", strings.NewReader(url.Values{"user": {name}, "password": {password}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		cookies = append(cookies, w.Result().Cookies()...)
	}
	jar := map[string]string{} // by name, as a browser keeps them for a host
	for _, cookie := range cookies {
		jar[cookie.Name] = cookie.Value
	}
	for port, h := range ports {
		r := httptest.NewRequest("GET", "http://localhost:"+port+"/", nil)
		for name, value := range jar {
			r.AddCookie(&http.Cookie{Name: name, Value: value})
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 200 {
			t.Errorf("port %s: status %d", port, w.Code)
		}
	}
}
