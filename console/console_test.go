package console_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"

	"ingestion/console"
	"ingestion/internal/inspect"
	"ingestion/internal/test/env"
	"ingestion/limiter"
	"ingestion/record"
)

func TestMain(m *testing.M) {
	logging.Disable() // of the Redis client: some tests stop the server
	env.Main(m)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// options are those of a console that looks at the stream "s", without changes and login.
func options(t testing.TB, client redis.UniversalClient) console.Options {
	t.Helper()
	l, err := limiter.New(client, limiter.Config{Limit: 5, Window: time.Minute, Bases: []string{"s"}})
	must(t, err)
	return console.Options{Source: inspect.Source{Redis: client, Keys: []string{"s"}, Group: "g", Lease: time.Minute}, Limiter: l}
}

// ask sends a request to the handler as a browser on a page of the console does.
func ask(t testing.TB, h http.Handler, method, path string, form url.Values) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestPagesHaveTheSecurityHeaders(t *testing.T) {
	h := console.Handler(options(t, env.Redis(t).Client(t)))
	for path, status := range map[string]int{"/": 200, "/nothing": 404, "/static/live.mjs": 200, "/static/nothing": 404} {
		got := ask(t, h, "GET", path, nil)
		if got.StatusCode != status {
			t.Errorf("%s: status %d, want %d", path, got.StatusCode, status)
		}
		policy := got.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || got.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, got.Header)
		}
	}
}

func TestRequestsOfOtherSitesAreRefused(t *testing.T) {
	h := console.Handler(options(t, env.Redis(t).Client(t)))
	for site, status := range map[string]int{
		"Sec-Fetch-Site: same-origin": 303, "Sec-Fetch-Site: none": 303, "Sec-Fetch-Site: cross-site": 403, "Sec-Fetch-Site: same-site": 403,
		"Origin: http://example.com": 303, "Origin: http://evil.example": 403, "Origin: null": 403, // of browsers, without TLS
	} {
		r := httptest.NewRequest("POST", "/theme", strings.NewReader("theme=dark"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		header, value, _ := strings.Cut(site, ": ")
		r.Header.Set(header, value)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%s: status %d, want %d", site, w.Code, status)
		}
	}
}

// A page of another site may lead to the console, and not make it search or stream for that page.
func TestOtherSitesMayOnlyLinkToPages(t *testing.T) {
	h := console.Handler(options(t, env.Redis(t).Client(t)))
	for _, path := range []string{"/", "/trace?customer=42", "/dead/change?action=purge&all=on", "/api/v1/status", "/live"} {
		for fetch, status := range map[string]int{"cross-site navigate document": 200, "same-origin cors empty": 200, "cross-site no-cors image": 403, "same-site cors empty": 403, "cross-site navigate iframe": 403} {
			ctx, cancel := context.WithCancel(t.Context())
			if cancel(); path != "/live" { // which lasts until the browser goes
				ctx = t.Context()
			}
			r := httptest.NewRequestWithContext(ctx, "GET", path, nil)
			parts := strings.Fields(fetch)
			for i, name := range []string{"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest"} {
				r.Header.Set(name, parts[i])
			}
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != status {
				t.Errorf("%s, %s: status %d, want %d", path, fetch, w.Code, status)
			}
		}
	}
}

// The form comes back to where it was, relative to the prefix, and never elsewhere.
func TestThemeComesBack(t *testing.T) {
	h := http.StripPrefix("/x", console.Handler(options(t, env.Redis(t).Client(t))))
	for back, want := range map[string]string{
		"queue": "./queue", "dead?event=rejected": "./dead?event=rejected", "": "./",
		"//evil.example/": "./", "/\\evil.example": "./", "https://evil.example/": "./", "../..": "./", "javascript:alert(1)": "./",
	} {
		got := ask(t, h, "POST", "/x/theme", url.Values{"theme": {"dark"}, "back": {back}})
		if location := got.Header.Get("Location"); got.StatusCode != 303 || location != want {
			t.Errorf("back to %q: status %d, location %q, want %q", back, got.StatusCode, location, want)
		}
		if cookie := got.Cookies(); len(cookie) != 1 || cookie[0].Path != "" || cookie[0].Value != "dark" {
			t.Errorf("cookies: %v", cookie)
		}
	}
}

// Pages have the theme that was chosen, and no other text.
func TestPagesHaveTheirTheme(t *testing.T) {
	h := console.Handler(options(t, env.Redis(t).Client(t)))
	for cookie, want := range map[string]string{"": "auto", "dark": "dark", "light": "light", "blue": "auto"} {
		r := httptest.NewRequest("GET", "/trace", nil)
		r.AddCookie(&http.Cookie{Name: "console_theme", Value: cookie})
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); !strings.Contains(w.Body.String(), `data-theme="`+want+`"`) {
			t.Errorf("the theme of %q is not %s", cookie, want)
		}
	}
	if got := ask(t, h, "POST", "/theme", url.Values{"theme": {"blue"}}); got.StatusCode != 400 || len(got.Cookies()) > 0 {
		t.Errorf("a theme that there is not: %s, %v", got.Status, got.Cookies())
	}
}

// The answer to a form has no address that could be shown again: its screen has.
func TestThemeOfTheAnswerToAForm(t *testing.T) {
	r := newLetterRig(t)
	r.refuse(record.Rejected, "refused", ada)
	for path, want := range map[string]string{"/dead/" + r.names()[0] + "/reveal": "dead", "/dead/purge": "dead", "/queue/pause": "queue"} {
		got := r.form(path, "for", "soon")
		page, err := io.ReadAll(got.Body)
		must(t, err)
		if fields := formOf(t, string(page), "theme"); !slices.Equal(fields, []string{"back", want}) {
			t.Errorf("%s: %q, want %s", path, fields, want)
		}
	}
}
