// Package otlp is an OpenTelemetry collector in the test's process: it takes spans by
// OTLP over HTTP or gRPC and keeps them.
package otlp

import (
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Collector keeps the spans that it is sent.
type Collector struct {
	// URL is the value of OTEL_EXPORTER_OTLP_ENDPOINT.
	URL string

	mu       sync.Mutex
	requests int
	raw      strings.Builder
	spans    []Span
}

// Span is a span, with its attributes as text.
type Span struct {
	Service, Name, Kind        string
	TraceID, ID, Parent        string // in hexadecimal
	Failed                     bool
	Attributes, LinkAttributes map[string]string // the latter of all links
	Links                      []string          // IDs of spans
	Resource                   map[string]string
}

// Start starts a collector that is stopped when the test ends.
func Start(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// ServeHTTP takes spans.
func (c *Collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := read(r)
	var request collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &request)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, "not spans", http.StatusBadRequest)
		return
	}
	c.keep(&request, body)
}

// keep keeps the spans of a request.
func (c *Collector) keep(request *collector.ExportTraceServiceRequest, raw []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests++
	c.raw.Write(raw)
	for _, resource := range request.ResourceSpans {
		about := texts(resource.Resource.GetAttributes())
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				c.spans = append(c.spans, spanOf(about, s))
			}
		}
	}
}

func read(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	unzipped, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unzipped)
}

func spanOf(resource map[string]string, s *trace.Span) Span {
	out := Span{
		Service: resource["service.name"], Name: s.Name, Kind: strings.TrimPrefix(s.Kind.String(), "SPAN_KIND_"),
		TraceID: hex.EncodeToString(s.TraceId), ID: hex.EncodeToString(s.SpanId), Parent: hex.EncodeToString(s.ParentSpanId),
		Failed:     s.Status.GetCode() == trace.Status_STATUS_CODE_ERROR,
		Attributes: texts(s.Attributes), LinkAttributes: map[string]string{}, Resource: resource,
	}
	for _, l := range s.Links {
		out.Links = append(out.Links, hex.EncodeToString(l.SpanId))
		for name, value := range texts(l.Attributes) {
			out.LinkAttributes[name] += value + " "
		}
	}
	return out
}

func texts(attributes []*common.KeyValue) map[string]string {
	all := map[string]string{}
	for _, a := range attributes {
		text := a.Value.String() // for example string_value:"redis"
		if _, isText := a.Value.GetValue().(*common.AnyValue_StringValue); isText {
			text = a.Value.GetStringValue()
		} else if _, value, found := strings.Cut(text, ":"); found {
			text = value
		}
		all[a.Key] = text
	}
	return all
}

// Spans returns what has arrived so far.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Named returns those with a name.
func (c *Collector) Named(name string) []Span {
	var found []Span
	for _, s := range c.Spans() {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

// Requests returns the number of requests so far.
func (c *Collector) Requests() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests
}

// Raw returns all that has arrived, as it was sent but not compressed.
func (c *Collector) Raw() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.raw.String()
}
