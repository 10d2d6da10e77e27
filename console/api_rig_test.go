package console_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/redis/go-redis/v9"

	"ingestion/console"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

const ada = `{"customerId":"42","name":"Ada Lovelace","email":"ada@lovelace.org","createdAt":"2026-01-31T12:00:00Z"}`

// letterRig is a console that may change the stream "s", and a worker's view of it.
type letterRig struct {
	t       *testing.T
	client  *redis.Client
	queue   *streams.Stream
	handler http.Handler
	log     *bytes.Buffer
}

func newLetterRig(t *testing.T, change ...func(*console.Options)) *letterRig {
	t.Helper()
	r := &letterRig{t: t, client: env.Redis(t).Client(t), log: &bytes.Buffer{}}
	q, err := streams.NewStream(streams.StreamOptions{
		Client: r.client, Key: "s", Group: "g", Consumer: "c", PollTimeout: 100 * time.Millisecond, ClaimIdle: 30 * time.Second,
		Retention: time.Hour, DeadLetters: streams.DeadLetterOptions{On: true, Worker: "c"}, Log: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	must(t, q.Open(t.Context()))
	r.queue = q
	opts := options(t, r.client)
	opts.Changes, opts.Log, opts.Collection = true, slog.New(slog.NewTextHandler(r.log, nil)), "db.c"
	for _, f := range change {
		f(&opts)
	}
	r.handler = console.Handler(opts)
	return r
}

// refuse makes dead letters of bodies.
func (r *letterRig) refuse(outcome record.Outcome, reason string, bodies ...string) {
	r.t.Helper()
	for _, body := range bodies {
		must(r.t, r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", body, "source", "customers.csv:12"}}).Err())
	}
	s := streamstest.All(outcome, streamstest.Receive(r.t, r.queue, len(bodies)))
	for i := range s {
		s[i].Reason = reason
	}
	_, err := r.queue.Settle(r.t.Context(), s)
	must(r.t, err)
}

// names are those of all dead letters, the oldest first.
func (r *letterRig) names() (names []string) {
	r.t.Helper()
	for l, err := range streams.NewDeadLetters(r.client, "s").Letters(r.t.Context(), false) {
		must(r.t, err)
		names = append(names, l.ID)
	}
	return names
}

// form sends a form as a browser does.
func (r *letterRig) form(path string, pairs ...string) *http.Response {
	r.t.Helper()
	return ask(r.t, r.handler, http.MethodPost, path, valuesOf(pairs))
}

// page returns the text of a page, which must have the status.
func (r *letterRig) page(status int, path string) string {
	r.t.Helper()
	return r.text(status, ask(r.t, r.handler, http.MethodGet, path, nil))
}

func (r *letterRig) text(status int, got *http.Response) string {
	r.t.Helper()
	text, err := io.ReadAll(got.Body)
	must(r.t, err)
	if got.StatusCode != status {
		r.t.Fatalf("status %d, want %d: %s", got.StatusCode, status, text)
	}
	return string(text)
}

// document is openapi.yaml, loaded once.
var document = sync.OnceValues(func() (routers.Router, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	doc.Servers = openapi3.Servers{{URL: "/api/v1"}}
	lines := func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
		text, err := io.ReadAll(body)
		return string(text), err
	}
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", lines)
	return legacy.NewRouter(doc)
})

// api calls the API, and holds each answer against the document.
type api struct {
	*letterRig
	asked map[string]bool // operations
}

func newAPI(r *letterRig) *api { return &api{letterRig: r, asked: map[string]bool{}} }

// call sends a request that the document allows, and returns the answer, which must have the
// status.
func (a *api) call(status int, method, path, body string) map[string]any {
	a.t.Helper()
	text := a.send(status, method, path, body, true)
	var value map[string]any
	if json.Unmarshal([]byte(text), &value) != nil {
		return map[string]any{"text": text}
	}
	return value
}

// fault sends a request that the document may forbid, and returns the error in the answer.
func (a *api) fault(status int, method, path, body string) string {
	a.t.Helper()
	var answer struct{ Error string }
	text := a.send(status, method, path, body, false)
	must(a.t, json.Unmarshal([]byte(text), &answer))
	return answer.Error
}

func (a *api) send(status int, method, path, body string, allowed bool) string {
	a.t.Helper()
	request := func() *http.Request {
		r := httptest.NewRequest(method, "/api/v1/"+path, strings.NewReader(body))
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		return r
	}
	router, err := document()
	must(a.t, err)
	route, params, err := router.FindRoute(request())
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	a.asked[route.Operation.OperationID] = true
	input := &openapi3filter.RequestValidationInput{
		Request: request(), PathParams: params, Route: route, Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if err := openapi3filter.ValidateRequest(a.t.Context(), input); err != nil && allowed {
		a.t.Errorf("%s %s: the document forbids this request: %v", method, path, err)
	}
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, request())
	text := w.Body.String()
	if w.Code != status {
		a.t.Fatalf("%s %s: status %d, want %d: %s", method, path, w.Code, status, text)
	}
	got := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: w.Code, Header: w.Header(), Body: io.NopCloser(strings.NewReader(text)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateResponse(a.t.Context(), got); err != nil {
		a.t.Errorf("%s %s: not as openapi.yaml says: %v\n%s", method, path, err, text)
	}
	return text
}

// addLetter writes a dead letter as no worker would.
func addLetter(t testing.TB, client *redis.Client, key, id string, fields map[string]string) {
	t.Helper()
	args := redis.XAddArgs{Stream: streams.KeysOf(key).Dead, ID: id, Values: fields}
	must(t, client.XAdd(t.Context(), &args).Err())
}

// deadClient is a client of a server that is not there.
func deadClient(t testing.TB) *redis.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	addr := l.Addr().String()
	must(t, l.Close())
	client := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	return client
}
