package deploy_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/internal/test/need"
)

// server is a Prometheus that runs as a process.
type server struct {
	t    *testing.T
	addr string
}

// interval is that between two scrapes, and between two evaluations of the rules.
const interval = "1s"

// startPrometheus starts a Prometheus with the configuration of deploy, except that it
// scrapes the given worker and archiver, and more often.
func startPrometheus(t *testing.T, worker, archiver string) *server {
	t.Helper()
	rules, err := filepath.Abs(prometheus)
	if err != nil {
		t.Fatal(err)
	}
	config := read(t, filepath.Join(prometheus, "prometheus.yml"))
	for old, instead := range map[string]string{
		"scrape_interval: 15s":     "scrape_interval: " + interval,
		"evaluation_interval: 15s": "evaluation_interval: " + interval,
		"[recording.yml, alerts.yml]": fmt.Sprintf("[%s, %s]", filepath.Join(rules, "recording.yml"),
			filepath.Join(rules, "alerts.yml")),
		"dns_sd_configs: [{names: [worker], type: A, port: 9464, refresh_interval: 10s}]":   `static_configs: [{targets: ["` + worker + `"]}]`,
		"dns_sd_configs: [{names: [archiver], type: A, port: 9464, refresh_interval: 10s}]": `static_configs: [{targets: ["` + archiver + `"]}]`,
		`targets: ["worker:9464"]`: `targets: ["` + worker + `"]`,
	} {
		if !strings.Contains(config, old) {
			t.Fatalf("prometheus.yml does not contain %s", old)
		}
		config = strings.ReplaceAll(config, old, instead)
	}
	return runPrometheus(t, config)
}

// runPrometheus starts a Prometheus with a configuration.
func runPrometheus(t *testing.T, config string) *server {
	t.Helper()
	need.Program(t, "prometheus")
	dir := t.TempDir()
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, addr: freeAddress(t)}
	p := env.Process(t, "prometheus", []string{
		"--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(dir, "data"), "--web.listen-address=" + s.addr, "--log.level=warn",
	}, nil)
	env.Eventually(t, time.Minute, func() (bool, string) {
		_, err := s.ask("up")
		return err == nil, fmt.Sprintf("Prometheus does not answer: %v; %s", err, p.Stderr())
	})
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// sample is an element of a result.
type sample struct {
	Metric map[string]string
	Value  [2]any // time and value
}

func (s sample) String() string { return fmt.Sprintf("%v %v", s.Metric, s.Value[1]) }

// query returns the result of an expression, or an error that Prometheus reports.
func (s *server) ask(expr string) ([]sample, error) {
	ctx := s.t.Context()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/api/v1/query?query="+url.QueryEscape(expr), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	var reply struct {
		Status, Error string
		Data          struct{ Result []sample }
	}
	if err := json.NewDecoder(response.Body).Decode(&reply); err != nil {
		return nil, err
	}
	if reply.Status != "success" {
		return nil, fmt.Errorf("%s: %s", reply.Status, reply.Error)
	}
	return reply.Data.Result, nil
}

// has waits until an expression has a result.
func (s *server) has(expr string) {
	s.t.Helper()
	env.Eventually(s.t, time.Minute, func() (bool, string) {
		result, err := s.ask(expr)
		if err != nil {
			s.t.Fatalf("%s: %v", expr, err)
		}
		return len(result) > 0, expr + " has no result"
	})
}
