package console

import (
	"crypto/rand"
	"crypto/sha256"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	sessionCookie = "console_session" // see cookieName
	sessionLength = 12 * time.Hour
	mostSessions  = 1000 // at once; the oldest one ends if there is one more
)

// sessions are who is logged in. They end when the program does. Only digests of their
// tokens are kept. It is safe for concurrent use.
type sessions struct {
	now func() time.Time

	mu   sync.Mutex
	ends map[[sha256.Size]byte]time.Time
}

// cookieName is the name of the cookie at the port that the browser uses: browsers keep cookies by host, so
// that consoles at several ports would overwrite those of each other.
func cookieName(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.Host)
	if _, notNumber := strconv.ParseUint(port, 10, 16); err != nil || notNumber != nil {
		return sessionCookie
	}
	return sessionCookie + "_" + port
}

// begin gives the browser a new session.
func (s *sessions) begin(w http.ResponseWriter, r *http.Request) {
	token := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ends == nil {
		s.ends = map[[sha256.Size]byte]time.Time{}
	}
	if len(s.ends) >= mostSessions {
		s.dropOldest()
	}
	s.ends[sha256.Sum256([]byte(token))] = s.now().Add(sessionLength)
	setSession(w, r, token, sessionLength)
}

func (s *sessions) dropOldest() {
	var oldest [sha256.Size]byte
	var first time.Time
	for key, end := range s.ends {
		if first.IsZero() || end.Before(first) {
			oldest, first = key, end
		}
	}
	delete(s.ends, oldest)
}

// valid reports whether a request belongs to a session.
func (s *sessions) valid(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cookie := range r.CookiesNamed(cookieName(r)) { // others under the same host may have set one
		if end, found := s.ends[sha256.Sum256([]byte(cookie.Value))]; found && s.now().Before(end) {
			return true
		}
	}
	return false
}

// end ends the session of a request.
func (s *sessions) end(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, cookie := range r.CookiesNamed(cookieName(r)) {
		delete(s.ends, sha256.Sum256([]byte(cookie.Value)))
	}
	setSession(w, r, "", -time.Second)
}

// setSession sets the cookie. Without a path it is for the folder that the login is in: the
// whole console under its prefix, and nothing beside it.
func setSession(w http.ResponseWriter, r *http.Request, token string, length time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Value: token, MaxAge: int(length / time.Second),
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: encrypted(r),
	})
}

// encrypted reports whether the browser talks TLS to the console, or to a proxy before it.
func encrypted(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}
