package console_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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

// Logging out also ends the events of other tabs.
func TestLogoutEndsEvents(t *testing.T) {
	h := locked(t, nil)
	server := httptest.NewServer(h)
	defer server.Close()
	b := &browser{handler: h}
	b.logIn(t, password)
	request, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+"/live", nil)
	must(t, err)
	request.AddCookie(&http.Cookie{Name: "console_session", Value: b.cookies["console_session"]})
	answer, err := server.Client().Do(request)
	must(t, err)
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	if !lines.Scan() {
		t.Fatalf("no event: %v", lines.Err())
	}
	b.ask(t, "POST", "/logout", nil)
	for lines.Scan() { // ends, or the test hangs
	}
	if err := lines.Err(); err != nil {
		t.Error(err)
	}
}
