package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
)

// adminOf returns the address on which a worker serves metrics and health.
func adminOf(t *testing.T, p *env.Proc) string {
	t.Helper()
	var started struct{ Admin string }
	if err := json.Unmarshal([]byte(p.WaitForLine(soon, event("worker_started"))), &started); err != nil || started.Admin == "" {
		t.Fatalf("worker_started names no address: %v", err)
	}
	return started.Admin
}

func fetch(t *testing.T, addr, path string) (code int, body string) {
	t.Helper()
	client := http.Client{Timeout: soon, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get("http://" + addr + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// scrape returns the value of each series of the worker.
func scrape(t *testing.T, addr string) map[string]float64 {
	t.Helper()
	return scrapePath(t, addr, "/metrics")
}

func scrapePath(t *testing.T, addr, path string) map[string]float64 {
	t.Helper()
	_, text := fetch(t, addr, path)
	series := map[string]float64{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		name, value, ok := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(value, 64); ok && err == nil && !strings.HasPrefix(name, "#") {
			series[name] = v
		}
	}
	return series
}

// awaitSeries waits until a series has a value.
func awaitSeries(t *testing.T, addr, name string, want float64) {
	t.Helper()
	env.Eventually(t, soon, func() (bool, string) {
		got, ok := scrape(t, addr)[name]
		return ok && got == want, fmt.Sprintf("%s is %v, want %v", name, got, want)
	})
}

func TestAWorkerServesWhatItDid(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{list, stream} {
		r := newHarness(t, mode, "ADMIN_ADDR=127.0.0.1:0", "ADMIN_PPROF=on")
		f := newFixture(7, 300)
		r.feed(f)
		worker := r.start()
		r.awaitOutcomes(len(f.records))
		addr := adminOf(t, worker)
		for outcome, n := range f.want {
			awaitSeries(t, addr, fmt.Sprintf("ingestion_records_settled_total{outcome=%q}", outcome), float64(n))
		}
		series := scrape(t, addr)
		if got := series[`ingestion_records_received_total{delivery="new"}`]; got != float64(len(f.records)) {
			t.Errorf("%s: %v records received, want %d", mode, got, len(f.records))
		}
		wantTimed := float64(0) // a list has no arrival times
		if mode == stream {
			wantTimed = float64(len(f.records))
		}
		if got := series["ingestion_record_latency_seconds_count"]; got != wantTimed {
			t.Errorf("%s: latency of %v records, want %v", mode, got, wantTimed)
		}
		for _, path := range []string{"/", "/livez", "/readyz", "/debug/pprof/"} {
			if code, body := fetch(t, addr, path); code != http.StatusOK {
				t.Errorf("%s: code %d, %s", path, code, body)
			}
		}
		r.wantQueue(f, addr)
		wantConventions(t, addr, "/metrics")
		wantConventions(t, addr, "/metrics/queue")
		r.stop(worker)
	}
}

// wantQueue checks the metrics of the queue, which is worked off.
func (r *harness) wantQueue(f *fixture, addr string) {
	r.t.Helper()
	want := map[string]float64{"queue_up": 1, "list_records": 0}
	if r.mode == stream {
		want = map[string]float64{"queue_up": 1, "stream_entries": float64(len(f.records)), "undelivered_entries": 0, "account_balanced": 1}
		for outcome, n := range f.want {
			want[fmt.Sprintf("ledger_outcomes_total{outcome=%q}", outcome)] = float64(n)
		}
	}
	env.Eventually(r.t, soon, func() (bool, string) {
		got := scrapePath(r.t, addr, "/metrics/queue")
		for name, value := range want {
			name, labels, _ := strings.Cut(strings.TrimSuffix(name, "}"), "{")
			if labels != "" {
				labels += ","
			}
			series := fmt.Sprintf(`ingestion_%s{%spartition="0"}`, name, labels)
			if found, ok := got[series]; !ok || found != value {
				return false, fmt.Sprintf("%s: %s is %v (there: %v), want %v", r.mode, series, found, ok, value)
			}
		}
		return true, ""
	})
}

// wantConventions has promtool check the metrics, if it is installed.
func wantConventions(t *testing.T, addr, path string) {
	t.Helper()
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Log("promtool is not installed: the metrics are checked by internal/metrics only")
		return
	}
	_, text := fetch(t, addr, path)
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

type readiness struct {
	Ready        bool
	Dependencies map[string]struct {
		OK             bool
		Since          time.Time
		Reason, Action string
	}
}

// awaitReady waits until /readyz says that exactly these dependencies fail.
func awaitReady(t *testing.T, addr string, failing ...string) {
	t.Helper()
	want := map[string]bool{}
	for _, name := range failing {
		want[name] = true
	}
	env.Eventually(t, soon, func() (bool, string) {
		code, body := fetch(t, addr, "/readyz")
		var r readiness
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			return false, err.Error()
		}
		as := r.Ready == (len(failing) == 0) && (code == http.StatusOK) == r.Ready && len(r.Dependencies) == 3
		for name, d := range r.Dependencies {
			as = as && d.OK != want[name] && !d.Since.IsZero() && d.OK == (d.Reason == "") && d.OK == (d.Action == "")
		}
		return as, fmt.Sprintf("code %d, %s, want %v to fail", code, body, failing)
	})
}

func wantAlive(t *testing.T, addr string) {
	t.Helper()
	if code, body := fetch(t, addr, "/livez"); code != http.StatusOK {
		t.Errorf("/livez: code %d, %s", code, body)
	}
}

func TestAWorkerWithoutMongoDBIsAliveButNotReady(t *testing.T) {
	t.Parallel()
	r := newRestartableHarness(t, stream, "ADMIN_ADDR=127.0.0.1:0")
	worker := r.start()
	addr := adminOf(t, worker)
	awaitReady(t, addr)
	r.mongo.Stop()
	awaitReady(t, addr, "mongo") // nothing was inserted: the worker still reads
	r.feed(newFixture(7, 50))
	awaitReady(t, addr, "mongo", "reading")
	awaitSeries(t, addr, `ingestion_reading_blocked{reason="mongo"}`, 1)
	wantAlive(t, addr)
	series := scrape(t, addr)
	if series[`ingestion_retries_total{class="not_sent",server="mongo"}`]+series[`ingestion_retries_total{class="transient",server="mongo"}`] == 0 {
		t.Error("no retries on MongoDB are counted")
	}
	r.mongo.Start()
	awaitReady(t, addr)
	awaitSeries(t, addr, `ingestion_reading_blocked{reason="mongo"}`, 0)
	r.stop(worker)
}

func TestAWorkerWithoutRedisIsAliveButNotReady(t *testing.T) {
	t.Parallel()
	r := newHarness(t, stream, "ADMIN_ADDR=127.0.0.1:0")
	worker := r.start()
	addr := adminOf(t, worker)
	r.redis.Stop()
	awaitReady(t, addr, "redis", "reading")
	wantAlive(t, addr)
	env.Eventually(t, soon, func() (bool, string) {
		n := scrape(t, addr)[`ingestion_retries_total{class="connection",server="redis"}`]
		return n > 0, "no retries on Redis are counted"
	})
	r.redis.Start()
	awaitReady(t, addr)
	r.stop(worker)
}

func TestHealthcheckAsksTheRunningWorker(t *testing.T) {
	t.Parallel()
	r := newHarness(t, stream, "ADMIN_ADDR=127.0.0.1:0")
	worker := r.start()
	addr := adminOf(t, worker)
	check := func(wantCode int, args ...string) *env.Proc {
		t.Helper()
		p := env.Process(t, r.program, append([]string{"healthcheck"}, args...), []string{"ADMIN_ADDR=" + addr})
		if code := p.Wait(soon); code != wantCode {
			t.Errorf("healthcheck %v: code %d, want %d: %s", args, code, wantCode, p.Stderr())
		}
		return p
	}
	awaitReady(t, addr)
	check(0)
	check(0, "--ready")
	r.redis.Stop()
	awaitReady(t, addr, "redis", "reading")
	check(0)
	if p := check(1, "--ready"); !strings.Contains(p.Stderr(), `"reading": {`) {
		t.Errorf("the reason is missing: %s", p.Stderr())
	}
	r.redis.Start()
	r.stop(worker)
	check(1)
}

func TestAnAddressThatIsTaken(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r := newHarness(t, stream)
	p := r.launch("ADMIN_ADDR=" + l.Addr().String())
	r.wantExit(p, 2)
	if !strings.Contains(p.Stderr(), "ADMIN_ADDR: "+l.Addr().String()+" is in use by another program") {
		t.Errorf("standard error: %s", p.Stderr())
	}
	// The default one is taken here, or by another program already.
	if l, err := net.Listen("tcp", "127.0.0.1:9464"); err == nil {
		defer l.Close()
	}
	r.env = without(r.env, "ADMIN_ADDR=")
	p = r.start()
	p.WaitForLine(soon, func(line string) bool {
		return strings.Contains(line, `"event":"warning"`) && strings.Contains(line, "ADMIN_ADDR: 127.0.0.1:9464 is in use")
	})
	r.stop(p)
}

// without returns the settings but those that begin with a prefix.
func without(environ []string, prefix string) (rest []string) {
	for _, setting := range environ {
		if !strings.HasPrefix(setting, prefix) {
			rest = append(rest, setting)
		}
	}
	return rest
}
