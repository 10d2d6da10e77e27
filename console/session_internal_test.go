package console

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Sessions are bounded: the oldest one ends, and no other.
func TestTheOldestSessionEnds(t *testing.T) {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	s := sessions{now: func() time.Time { return now }}
	var requests []*http.Request
	for range mostSessions + 1 {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		s.begin(w, r)
		r.AddCookie(w.Result().Cookies()[0])
		requests = append(requests, r)
		now = now.Add(time.Second)
	}
	for i, r := range requests {
		if valid := s.valid(r); valid != (i > 0) {
			t.Errorf("session %d of %d goes on: %v", i, len(requests), valid)
		}
	}
	if len(s.ends) != mostSessions {
		t.Errorf("%d sessions are kept", len(s.ends))
	}
}

// Over TLS, also up to a proxy, the cookie of a session goes nowhere else.
func TestSessionsOverTLS(t *testing.T) {
	for forwarded, secure := range map[string]bool{"https": true, "http": false, "": false} {
		s := sessions{now: time.Now}
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/login", nil)
		r.Header.Set("X-Forwarded-Proto", forwarded)
		if s.begin(w, r); w.Result().Cookies()[0].Secure != secure {
			t.Errorf("by %q: %v", forwarded, w.Result().Cookies())
		}
	}
}
