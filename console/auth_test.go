package console_test

import (
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"ingestion/console"
	"ingestion/internal/test/env"
)

const (
	name     = "ada"
	password = "analytical engine"
)

// locked is a console with a login.
func locked(t *testing.T, change func(*console.Options)) http.Handler {
	t.Helper()
	opts := options(t, env.Redis(t).Client(t))
	opts.Auth = console.Auth{User: name, Password: password}
	if change != nil {
		change(&opts)
	}
	return console.Handler(opts)
}

// browser sends requests with the cookies that it has been given.
type browser struct {
	handler http.Handler
	cookies map[string]string
	remote  string
}

func (b *browser) ask(t *testing.T, method, path string, form url.Values) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if b.remote != "" {
		r.RemoteAddr = b.remote
	}
	for cookie, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: cookie, Value: value})
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		if b.cookies == nil {
			b.cookies = map[string]string{}
		}
		b.cookies[cookie.Name] = cookie.Value
	}
	return w.Result()
}

func (b *browser) logIn(t *testing.T, password string) *http.Response {
	t.Helper()
	return b.ask(t, "POST", "/login", url.Values{"user": {name}, "password": {password}, "back": {"queue"}})
}

func TestLogin(t *testing.T) {
	b := &browser{handler: locked(t, nil)}
	if got := b.ask(t, "GET", "/queue?x=1", nil); got.StatusCode != 303 || got.Header.Get("Location") != "./login?back=queue%3Fx%3D1" {
		t.Fatalf("without a login: %v", got)
	}
	if got := b.ask(t, "GET", "/live", nil); got.StatusCode != 401 {
		t.Errorf("a program without a login: %v", got.Status)
	}
	for _, path := range []string{"/login", "/static/live.mjs", "/livez"} {
		if got := b.ask(t, "GET", path, nil); got.StatusCode != 200 {
			t.Errorf("%s: %v", path, got.Status)
		}
	}
	if got := b.logIn(t, "wrong"); got.StatusCode != 401 || len(got.Cookies()) > 0 {
		t.Fatalf("wrong password: %v", got)
	}
	got := b.logIn(t, password)
	if got.StatusCode != 303 || got.Header.Get("Location") != "./queue" {
		t.Fatalf("right password: %v", got)
	}
	if c := got.Cookies()[0]; !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure || c.Path != "" {
		t.Errorf("the cookie is %+v", c)
	}
	if got := b.ask(t, "GET", "/", nil); got.StatusCode != 200 {
		t.Fatalf("with a session: %v", got.Status)
	}
	r := httptest.NewRequest("GET", "/", nil) // with one of another program under this host, too
	r.Header.Set("Cookie", "console_session=x; console_session="+b.cookies["console_session"])
	w := httptest.NewRecorder()
	if b.handler.ServeHTTP(w, r); w.Code != 200 {
		t.Errorf("with two cookies: %d", w.Code)
	}
	stolen := &browser{handler: b.handler, cookies: map[string]string{"console_session": b.cookies["console_session"]}}
	b.ask(t, "POST", "/logout", nil)
	for who, b := range map[string]*browser{"after logout": b, "another with the same cookie": stolen} {
		if got := b.ask(t, "GET", "/", nil); got.StatusCode != 303 {
			t.Errorf("%s: %v", who, got.Status)
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	now := time.Now()
	b := &browser{handler: locked(t, func(o *console.Options) { o.Now = func() time.Time { return now } })}
	b.logIn(t, password)
	for after, status := range map[time.Duration]int{0: 200, 12*time.Hour - time.Second: 200, 12*time.Hour + time.Second: 303} {
		begin := now
		now = now.Add(after)
		if got := b.ask(t, "GET", "/", nil); got.StatusCode != status {
			t.Errorf("after %v: %v", after, got.Status)
		}
		now = begin
	}
}

// Guesses are slowed down, the right password gets in all the same, and other addresses do not wait.
func TestGuessesAreLimited(t *testing.T) {
	h := locked(t, nil)
	guesser, other := &browser{handler: h, remote: "192.0.2.1:1000"}, &browser{handler: h, remote: "192.0.2.2:1000"}
	for range 6 {
		if got := guesser.logIn(t, "guess"); got.StatusCode != 401 {
			t.Fatalf("a guess: %v", got.Status)
		}
	}
	if got := guesser.logIn(t, password); got.StatusCode != 303 {
		t.Errorf("the right password after the guesses: %v", got.Status)
	}
	for range 7 {
		if got := other.logIn(t, password); got.StatusCode != 303 {
			t.Errorf("another address: %v", got.Status)
		}
	}
}

func TestBasicAuthentication(t *testing.T) {
	var log strings.Builder
	h := locked(t, func(o *console.Options) { o.Log = slog.New(slog.NewTextHandler(&log, nil)) })
	try := func(name, password string) int {
		r := httptest.NewRequest("GET", "/", nil)
		r.SetBasicAuth(name, password)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	for range 10 {
		if got := try(name, password); got != 200 {
			t.Fatalf("status %d", got)
		}
	}
	for i := range 6 {
		if got := try(name, "wrong"); got != 401 {
			t.Errorf("guess %d: status %d", i, got)
		}
	}
	if got := try(name, password); got != 200 {
		t.Errorf("the right password after the guesses: status %d", got)
	}
	// Guesses are in the log, though they are no requests that change something.
	if wrong := strings.Count(log.String(), "wrong name or password"); wrong != 6 {
		t.Errorf("%d guesses in the log:\n%s", wrong, &log)
	}
}

// A login whose password is missing, as of a variable that is not set, lets nobody in.
func TestNoPasswordIsNoWayIn(t *testing.T) {
	h := locked(t, func(o *console.Options) { o.Auth = console.Auth{User: name} })
	b := &browser{handler: h}
	if got := b.ask(t, "GET", "/", nil); got.StatusCode != 303 {
		t.Errorf("without a login: %v", got.Status)
	}
	if got := b.logIn(t, ""); got.StatusCode != 401 {
		t.Errorf("an empty password: %v", got.Status)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth(name, "")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 401 {
		t.Errorf("an empty password by basic authentication: %d", w.Code)
	}
}

// Whoever may not log in can't fill memory or a disk either.
func TestLoginTakesSmallFormsOnly(t *testing.T) {
	h := locked(t, nil)
	large := strings.Repeat("x", 1<<20)
	var form strings.Builder
	parts := multipart.NewWriter(&form)
	file, err := parts.CreateFormFile("user", "x")
	must(t, err)
	_, err = file.Write([]byte(large))
	must(t, err)
	must(t, parts.Close())
	for kind, body := range map[string]string{"application/x-www-form-urlencoded": "password=" + large, parts.FormDataContentType(): form.String()} {
		for _, path := range []string{"/login", "/logout", "/theme"} {
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			r.Header.Set("Content-Type", kind)
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != 413 {
				t.Errorf("%s, %s: status %d", path, kind, w.Code)
			}
		}
	}
}

func TestProxyNamesTheUser(t *testing.T) {
	h := locked(t, func(o *console.Options) { o.Auth = console.Auth{Header: "Remote-User"} })
	for user, status := range map[string]int{"grace": 200, "": 401, " ": 401, "mallory|grace": 401, strings.Repeat("x", 201): 401} {
		r := httptest.NewRequest("GET", "/", nil)
		for one := range strings.SplitSeq(user, "|") { // a proxy that adds its header to that of the client
			r.Header.Add("Remote-User", one)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("user %q: status %d", user, w.Code)
		}
	}
}

// A name of another site that resolves to this machine is not one of its own.
func TestLocalConsoleKnowsItsNames(t *testing.T) {
	h := locked(t, func(o *console.Options) { o.Auth = console.Auth{Local: true} })
	for host, status := range map[string]int{
		"localhost:8080": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "localhost": 200,
		"evil.example:8080": 421, "127.0.0.1.evil.example": 421, "192.0.2.1:8080": 421, "": 421,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("host %q: status %d, want %d", host, w.Code, status)
		}
	}
}
