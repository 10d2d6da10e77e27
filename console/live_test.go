package console_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ingestion/console"
	"ingestion/internal/test/env"
)

// events reads the values that an open page gets, until one of them is as wanted.
func awaitValue(t *testing.T, lines *bufio.Scanner, name, want string) {
	t.Helper()
	for lines.Scan() {
		data, isData := strings.CutPrefix(lines.Text(), "data: ")
		if !isData {
			continue
		}
		var values map[string]string
		must(t, json.Unmarshal([]byte(data), &values))
		if values[name] == want {
			return
		}
	}
	t.Fatalf("the events ended before %s was %s: %v", name, want, lines.Err())
}

func TestOpenPagesGetNewValues(t *testing.T) {
	client := env.Redis(t).Client(t)
	must(t, client.XGroupCreateMkStream(t.Context(), "s", "g", "0").Err())
	server := httptest.NewServer(console.Handler(options(t, client)))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/live", nil)
	must(t, err)
	answer, err := server.Client().Do(request)
	must(t, err)
	defer answer.Body.Close()
	if kind := answer.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("%s, %s", answer.Status, kind)
	}
	lines := bufio.NewScanner(answer.Body)
	awaitValue(t, lines, "undelivered", "0")
	add(t, client, 2)
	awaitValue(t, lines, "undelivered", "2")
}

// Events come once a second, also after the time that a server has for any other answer. Some of them say that the page
// has to fetch its tables and charts again.
func TestEventsGoOn(t *testing.T) {
	server := httptest.NewUnstartedServer(console.Handler(options(t, env.Redis(t).Client(t))))
	server.Config.WriteTimeout = time.Second
	server.Start()
	defer server.Close()
	defer server.CloseClientConnections()
	begun := time.Now()
	answer, err := server.Client().Get(server.URL + "/live")
	must(t, err)
	defer answer.Body.Close()
	var events []string
	for lines := bufio.NewScanner(answer.Body); len(events) < 5 && lines.Scan(); {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			events = append(events, event)
		}
	}
	if want := "values values values values renew"; strings.Join(events, " ") != want {
		t.Errorf("the events are %q, want %s", events, want)
	}
	if took := time.Since(begun); took < 3*time.Second {
		t.Errorf("five events took %v, want some 4 s", took)
	}
	if answer.Header.Get("X-Accel-Buffering") != "no" {
		t.Errorf("a proxy may hold the events up: %v", answer.Header)
	}
}

// Logging out also ends the events of other tabs.
func TestLogoutEndsEvents(t *testing.T) {
	h := locked(t, nil)
	server := httptest.NewServer(h)
	defer server.Close()
	b := &browser{handler: h}
	b.logIn(t, password)
	request, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/live", nil)
	must(t, err)
	request.Host = "example.com" // where the session began: its cookie is that of a port
	request.AddCookie(&http.Cookie{Name: "console_session", Value: b.cookies["console_session"]})
	answer, err := server.Client().Do(request)
	must(t, err)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	if !lines.Scan() || lines.Text() != "event: values" {
		t.Fatalf("%s: no event: %q, %v", answer.Status, lines.Text(), lines.Err())
	}
	b.ask(t, "POST", "/logout", nil)
	for lines.Scan() { // ends, or the test hangs
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
}
