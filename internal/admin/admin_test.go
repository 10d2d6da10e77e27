package admin_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"ingestion/internal/admin"
	"ingestion/internal/test/need"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func text(body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return recorder.Code, recorder.Body.String()
}

func TestTheLandingPageListsWhatIsServed(t *testing.T) {
	none := admin.Handler(admin.Options{})
	all := admin.Handler(admin.Options{
		Metrics: text("m"), Queue: text("q"), Pprof: true,
		Live:  func() []string { return nil },
		Ready: admin.NewReadiness().Report,
	})
	_, emptyPage := get(t, none, "/")
	_, page := get(t, all, "/")
	for _, path := range []string{"/metrics", "/metrics/queue", "/livez", "/readyz", "/debug/pprof/"} {
		if code, _ := get(t, none, path); code != http.StatusNotFound {
			t.Errorf("%s: code %d, want 404 if it is not served", path, code)
		}
		if code, _ := get(t, all, path); code != http.StatusOK {
			t.Errorf("%s: code %d, want 200", path, code)
		}
		link := `href=".` + path + `"`
		if strings.Contains(emptyPage, link) || !strings.Contains(page, link) {
			t.Errorf("%s: listed although it is not served, or not listed:\n%s\n%s", path, emptyPage, page)
		}
	}
	if code, _ := get(t, all, "/other"); code != http.StatusNotFound {
		t.Errorf("/other: code %d, want 404", code)
	}
	if code, body := get(t, all, "/debug/pprof/goroutine?debug=1"); code != http.StatusOK || !strings.Contains(body, "goroutine profile") {
		t.Errorf("goroutine profile: code %d, %.80s", code, body)
	}
}

func TestLivezNamesWhatHangs(t *testing.T) {
	var hangs []string
	h := admin.Handler(admin.Options{Live: func() []string { return hangs }})
	if code, body := get(t, h, "/livez"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("code %d, %q, want 200, ok", code, body)
	}
	hangs = []string{"the reader hangs", "the heartbeat hangs"}
	if code, body := get(t, h, "/livez"); code != http.StatusServiceUnavailable || body != "the reader hangs\nthe heartbeat hangs\n" {
		t.Errorf("code %d, %q, want 503 with both", code, body)
	}
}

func TestReadyzSaysWhatFailsSinceWhenAndWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fault *admin.Fault
		checks := 0
		r := admin.NewReadiness(
			admin.Dependency{Name: "redis", Check: func(context.Context) *admin.Fault { return nil }},
			admin.Dependency{Name: "mongo", Check: func(context.Context) *admin.Fault { checks++; return fault }})
		h := admin.Handler(admin.Options{Ready: r.Report})
		began := time.Now().UTC()
		ask := func(wantCode int) map[string]admin.State {
			t.Helper()
			code, body := get(t, h, "/readyz")
			var report admin.Report
			if err := json.Unmarshal([]byte(body), &report); err != nil {
				t.Fatal(err)
			}
			if code != wantCode || report.Ready != (wantCode == http.StatusOK) || !report.Dependencies["redis"].OK {
				t.Errorf("code %d, want %d: %s", code, wantCode, body)
			}
			return report.Dependencies
		}
		if mongo := ask(http.StatusOK)["mongo"]; !mongo.OK || !mongo.Since.Equal(began) {
			t.Errorf("%+v, want ok since %v", mongo, began)
		}
		fault = &admin.Fault{Reason: "unreachable", Action: "retries"}
		ask(http.StatusOK)
		if checks != 1 {
			t.Errorf("%d checks within a second, want 1", checks)
		}
		for range 3 {
			time.Sleep(2 * time.Second)
			mongo := ask(http.StatusServiceUnavailable)["mongo"]
			if want := (admin.State{Since: began.Add(2 * time.Second), Reason: "unreachable", Action: "retries"}); mongo != want {
				t.Errorf("%+v, want %+v", mongo, want)
			}
		}
		fault.Since = began.Add(time.Second)
		time.Sleep(2 * time.Second)
		if mongo := ask(http.StatusServiceUnavailable)["mongo"]; !mongo.Since.Equal(fault.Since) {
			t.Errorf("since %v, want what the check says, %v", mongo.Since, fault.Since)
		}
		fault = nil
		time.Sleep(2 * time.Second)
		if mongo := ask(http.StatusOK)["mongo"]; !mongo.OK || mongo.Reason != "" || !mongo.Since.Equal(time.Now()) {
			t.Errorf("%+v, want ok since now", mongo)
		}
	})
}

// A check that gets no answer ends in time.
func TestReadyzWaitsTwoSecondsAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := admin.NewReadiness(admin.Dependency{Name: "redis", Check: func(ctx context.Context) *admin.Fault {
			<-ctx.Done()
			return &admin.Fault{Reason: "no answer"}
		}})
		began := time.Now()
		if r.Report(t.Context()).Ready || time.Since(began) != 2*time.Second {
			t.Errorf("ready, or after %v, want not ready after 2s", time.Since(began))
		}
	})
}

func listen(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil && strings.HasPrefix(addr, "[") {
		need.Skip(t, "this machine has no IPv6: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAServerIsAskedByItsAddress(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", ":0", "0.0.0.0:0", "[::]:0", "localhost:0"} {
		t.Run(addr, func(t *testing.T) {
			l := listen(t, addr)
			s := admin.Serve(l, admin.Options{Live: func() []string { return nil }}, slog.New(slog.DiscardHandler))
			defer s.Close()
			host, _, _ := net.SplitHostPort(addr)
			_, port, _ := net.SplitHostPort(s.Addr())
			answer, err := admin.Ask(t.Context(), net.JoinHostPort(host, port), "/livez")
			if err != nil || answer != "ok\n" {
				t.Errorf("%q, %v, want ok", answer, err)
			}
			if _, err := admin.Ask(t.Context(), s.Addr(), "/readyz"); err == nil || !strings.Contains(err.Error(), "404") {
				t.Errorf("%v, want 404", err)
			}
		})
	}
}

// Close waits for an answer under way, but not for one that never ends.
func TestAServerCloses(t *testing.T) {
	for name, ends := range map[string]bool{"after a request": true, "in spite of a request": false} {
		t.Run(name, func(t *testing.T) {
			asked, answer := make(chan struct{}), make(chan struct{})
			slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(asked)
				select {
				case <-answer:
					_, _ = io.WriteString(w, "done")
				case <-r.Context().Done():
				}
			})
			s := admin.Serve(listen(t, "127.0.0.1:0"), admin.Options{Metrics: slow}, slog.New(slog.DiscardHandler))
			got := make(chan error, 1)
			go func() { _, err := admin.Ask(t.Context(), s.Addr(), "/metrics"); got <- err }()
			<-asked
			if ends {
				close(answer)
			}
			s.Close()
			if err := <-got; (err == nil) != ends {
				t.Errorf("the answer: %v", err)
			}
			if _, err := admin.Ask(t.Context(), s.Addr(), "/metrics"); err == nil {
				t.Error("the server still answers")
			}
		})
	}
}
