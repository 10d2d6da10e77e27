package console

import (
	"errors"
	"io"
	"net/http"
	"path"
	"strings"
	"time"
)

// policy allows what the pages need and nothing else: no inline script, and no style but their own.
var policy = "default-src 'none'; style-src " + stylesheetSource + "; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secure sets the headers of all answers.
func secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses requests that the pages of other sites make: those that change something, and those
// that only cost something, such as a search or an open stream of events. Links from other sites work.
func (c *console) sameOrigin(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	deny := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.refuse(w, r, http.StatusForbidden, "The request came from a page of another site.")
	})
	guard.SetDenyHandler(deny)
	return guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if embedded(r) {
			deny(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}))
}

// embedded reports whether a page of another site has asked for something that it includes or reads. Browsers
// say so on TLS and on this machine.
func embedded(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Dest") != "document"
	}
	return false
}

// canonical refuses addresses that are not written as those of the pages, such as //queue: a redirect to the
// right one would be absolute, and lose the prefix of the console.
func (c *console) canonical(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := r.URL.EscapedPath()
		clean := path.Clean("/" + at)
		if strings.HasSuffix(at, "/") && clean != "/" {
			clean += "/"
		}
		if at != clean {
			c.notFound(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// maxShortForm bounds the forms that need no login, in bytes.
const maxShortForm = 64 << 10

// short reads the form of a route that needs no login, so that nobody can fill memory or a disk by it.
func (c *console) short(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxShortForm)
		if c.readForm(w, r, maxShortForm) {
			h(w, r)
		}
	}
}

// readForm reads the form of a request, of which it keeps so many bytes in memory. If it is too large or
// broken, it answers itself: a part of it would be another request.
func (c *console) readForm(w http.ResponseWriter, r *http.Request, inMemory int64) bool {
	err := r.ParseForm()
	if err == nil {
		err = r.ParseMultipartForm(inMemory)
	}
	if err == nil || errors.Is(err, http.ErrNotMultipart) {
		return true
	}
	c.fail(w, r, unreadable(err))
	return false
}

// logged logs requests, with who sent them: those that change something at level info, others at debug.
func (c *console) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
		begin := time.Now()
		defer func() {
			log := c.Log.Debug
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				log = c.Log.Info
			}
			broken := recover()
			status := "success"
			if broken != nil || seen.status >= http.StatusBadRequest {
				status = "error"
			}
			log("console_request", "status", status, "method", r.Method, "path", r.URL.Path, "code", seen.status, "complete", broken == nil,
				"ms", time.Since(begin).Milliseconds(), "user", seen.user, "remote", r.RemoteAddr)
			if broken != nil {
				panic(broken) // the server ends the connection
			}
		}()
		next.ServeHTTP(seen, r)
	})
}

// statusWriter notes the status of an answer, and who gets it.
type statusWriter struct {
	http.ResponseWriter
	status int
	user   string // "" if it is not known
}

// tell says for the log who has sent the request of an answer.
func tell(w http.ResponseWriter, user string) {
	if seen, ok := w.(*statusWriter); ok {
		seen.user = user
	}
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// livez answers that the program serves. It reads nothing, and needs no login.
func (c *console) livez(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "ok\n") // fails only if the client has gone
}
