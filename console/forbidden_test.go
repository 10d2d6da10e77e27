package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"ingestion/console"
	"ingestion/record"
)

// harmless are the routes that are not GET and yet change nothing of the queue.
var harmless = []string{"POST /theme", "POST /login", "POST /logout", "POST /trace", "POST /api/v1/trace", "POST /api/v1/validate"}

// otherRoutes are all routes of the source that are not GET.
func otherRoutes(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(allRoutes(t), func(route string) bool { return strings.HasPrefix(route, "GET ") })
}

// allRoutes are all routes of the source, with their methods.
func allRoutes(t *testing.T) (routes []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	must(t, err)
	pattern := regexp.MustCompile(`"(GET|POST|PUT|DELETE|PATCH) ([^" ]+)"`)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		must(t, err)
		for _, match := range pattern.FindAllStringSubmatch(string(source), -1) {
			path := match[2]
			if !strings.HasPrefix(path, "/") {
				path = "/api/v1/" + path
			}
			routes = append(routes, match[1]+" "+path)
		}
	}
	slices.Sort(routes)
	return slices.Compact(routes)
}

// requests are what a route could be asked for with effect.
func (r *letterRig) requests(route, name string) (requests []*http.Request) {
	method, path, _ := strings.Cut(route, " ")
	path = strings.NewReplacer("{id}", name, "{customer}", "42").Replace(path)
	if strings.HasSuffix(path, "/one") {
		path += "?customerId=42"
	}
	if strings.Contains(path, "{") {
		r.t.Fatalf("no value for %s", path)
	}
	for _, body := range []string{
		`{}`, `{"ids":["` + name + `"]}`, `{"limit":"1/1"}`, `{"set":{"email":"ada@lovelace.net"}}`, `{"for":"1m"}`, `{"all":true}`,
	} {
		q := httptest.NewRequest(method, path, strings.NewReader(body))
		q.Header.Set("Content-Type", "application/json")
		requests = append(requests, q)
	}
	form := "id=" + name + "&confirm=1&for=1m&customer=42&customerId=42&limit=1%2F1&window=1&own=1%2F1&body=%7B%7D&user=admin&password=x&theme=dark"
	q := httptest.NewRequest(method, path, strings.NewReader(form))
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	q.Header.Set("Sec-Fetch-Site", "same-origin")
	return append(requests, q)
}

// content is everything in Redis.
func (r *letterRig) content() map[string]string {
	r.t.Helper()
	keys, err := r.client.Keys(r.t.Context(), "*").Result()
	must(r.t, err)
	all := map[string]string{}
	for _, key := range keys {
		if all[key], err = r.client.Dump(r.t.Context(), key).Result(); err != nil {
			r.t.Fatal(err)
		}
	}
	return all
}

// Without CONSOLE_CHANGES=on, every route that changes something answers 403, and nothing is
// changed or revealed. With it, it does not.
func TestEveryChangeIsForbidden(t *testing.T) {
	r := newLetterRig(t, func(o *console.Options) { o.Changes = false })
	r.refuse(record.Rejected, "refused", ada)
	name, before := r.names()[0], r.content()
	routes := otherRoutes(t)
	forbidden := 0
	for _, route := range routes {
		for _, q := range r.requests(route, name) {
			w := httptest.NewRecorder()
			r.handler.ServeHTTP(w, q)
			if strings.Contains(w.Body.String(), "Lovelace") {
				t.Errorf("%s has personal data: %s", route, w.Body)
			}
			if slices.Contains(harmless, route) {
				continue
			}
			forbidden++
			if w.Code != http.StatusForbidden {
				t.Errorf("%s: status %d: %s", route, w.Code, w.Body)
			}
		}
	}
	r.text(403, r.form("/trace", "customer", "42", "reveal", "yes"))
	if diff := cmp.Diff(before, r.content()); diff != "" {
		t.Errorf("Redis has changed: %s", diff)
	}
	if forbidden < 10*7 {
		t.Errorf("only %d requests: %v", forbidden, routes)
	}
	r.allowed(t, routes)
}

// allowed checks that no 403 comes from the test.
func (r *letterRig) allowed(t *testing.T, routes []string) {
	on := newLetterRig(t)
	on.refuse(record.Rejected, "refused", ada)
	for _, route := range routes {
		for _, q := range on.requests(route, on.names()[0]) {
			w := httptest.NewRecorder()
			on.handler.ServeHTTP(w, q)
			if w.Code == http.StatusForbidden {
				t.Errorf("%s: 403 though changes are allowed: %s", route, w.Body)
			}
			if len(on.names()) == 0 {
				on.refuse(record.Rejected, "refused", ada)
			}
		}
	}
}

// open are the routes that need no login.
var open = []string{"GET /static/{file}", "GET /livez", "POST /theme", "GET /login", "POST /login", "POST /logout"}

// All routes but these want a login, and without one say nothing of the queue.
func TestEveryRouteWantsALogin(t *testing.T) {
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	r := newLetterRig(t, func(o *console.Options) { o.Auth, o.Metrics = console.Auth{User: name, Password: password}, metrics })
	r.refuse(record.Rejected, "refused", ada)
	letter, before := r.names()[0], r.content()
	gone, leave := context.WithCancel(t.Context()) // events last until the browser goes
	leave()
	routes := append(allRoutes(t), "GET /nothing", "HEAD /", "GET /api/v1/nothing")
	for _, route := range routes {
		if slices.Contains(open, route) {
			continue
		}
		method, path, _ := strings.Cut(route, " ")
		q := httptest.NewRequestWithContext(gone, method, strings.NewReplacer("{id}", letter, "{$}", "").Replace(path), strings.NewReader("{}"))
		q.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		r.handler.ServeHTTP(w, q)
		toLogin := w.Code == http.StatusSeeOther && strings.Contains(w.Header().Get("Location"), "login?back=")
		if w.Code != http.StatusUnauthorized && !toLogin || strings.Contains(w.Body.String(), letter) {
			t.Errorf("%s: status %d: %s", route, w.Code, w.Body)
		}
	}
	if diff := cmp.Diff(before, r.content()); diff != "" {
		t.Errorf("Redis has changed: %s", diff)
	}
	if len(routes) < 50 {
		t.Errorf("only %d routes: %v", len(routes), routes)
	}
}

// Who is refused gets an answer of the API as it is described.
func TestTheAPIRefusesAsDescribed(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	must(t, err)
	noLogin := newAPI(newLetterRig(t, func(o *console.Options) { o.Auth = console.Auth{User: name, Password: password} }))
	otherName := newAPI(newLetterRig(t, func(o *console.Options) { o.Auth = console.Auth{Local: true} }))
	readOnly := newAPI(newLetterRig(t, func(o *console.Options) { o.Changes = false }))
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			at := strings.TrimPrefix(strings.ReplaceAll(path, "{id}", "1-0"), "/")
			noLogin.fault(401, method, at, "{}")
			otherName.fault(421, method, at, "{}") // the requests are to example.com
			if slices.Contains(otherRoutes(t), method+" /api/v1"+path) && !slices.Contains(harmless, method+" /api/v1"+path) {
				readOnly.fault(403, method, at, "{}")
			}
		}
	}
}
