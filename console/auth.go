package console

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// Auth says who may use the console, and what they are called in the log. Set at most one of Password,
// Header and Local. The zero value lets everybody in.
type Auth struct {
	// User logs in with Password: by a form, or by HTTP basic authentication for programs.
	// With a User and no Password, nobody can.
	User, Password string
	// Header has the user's name in each request, which a proxy in front of the console has
	// set. Requests without it are refused, and so are those that have it twice: then the proxy
	// has not replaced what its client sent.
	Header string
	// Local lets in everybody who asks for this machine by its own name. A page of another
	// site whose name resolves to this machine is refused.
	Local bool
}

// anonymous is the name of users whom nobody has asked for theirs.
const anonymous = "anonymous"

type userKey struct{}

// known calls h for those who may use the console.
func (c *console) known(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.Auth.Local && !namesThisMachine(r.Host) {
			c.refuse(w, r, http.StatusMisdirectedRequest, "Without a login, this console answers only to localhost and to the addresses of the loopback, such as 127.0.0.1.")
			return
		}
		user, ok := c.identify(w, r)
		if ok {
			r.Body = c.boundedBody(w, r)
			tell(w, user)
			h(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
		}
	})
}

// identify returns the name of who sent the request. If that is not known, it answers itself.
func (c *console) identify(w http.ResponseWriter, r *http.Request) (user string, ok bool) {
	switch {
	case c.Auth.Header != "":
		user = c.Auth.named(r)
		if user == "" {
			c.refuse(w, r, http.StatusUnauthorized, "The proxy in front of the console has not said who you are: it must send the header "+c.Auth.Header+" once.")
		}
		return user, user != ""
	case !c.Auth.hasLogin():
		return anonymous, true
	case c.sessions.valid(r):
		return c.Auth.User, true
	}
	if name, password, given := r.BasicAuth(); given {
		return c.Auth.User, c.basic(w, r, name, password)
	}
	if r.Method == http.MethodGet && !forPrograms(r) {
		c.redirect(w, r, "login?"+backTo(here(r)))
		return "", false
	}
	c.refuse(w, r, http.StatusUnauthorized, "Nobody is logged in, or no longer: log in, and do this again.")
	return "", false
}

// hasLogin reports whether users log in to the console itself.
func (a Auth) hasLogin() bool { return a.User != "" || a.Password != "" }

// maxUser is the longest name of a user, in bytes: it is kept with all that the user does.
const maxUser = 200

// named returns the name in the header of a proxy; "" if it is not there exactly once.
func (a Auth) named(r *http.Request) string {
	names := r.Header.Values(a.Header)
	if len(names) != 1 || len(names[0]) > maxUser {
		return ""
	}
	return strings.TrimSpace(names[0])
}

// basic checks the name and the password that a program has sent with its request.
func (c *console) basic(w http.ResponseWriter, r *http.Request, name, password string) bool {
	ok, wait := c.tryPassword(r, name, password)
	switch {
	case wait:
		c.tooMany(w, r)
	case !ok:
		c.refuse(w, r, http.StatusUnauthorized, "The name or the password is wrong.")
	}
	return ok
}

// tryPassword checks a name and a password, and logs what is wrong with them: guesses by a form and by
// basic authentication are seen alike.
func (c *console) tryPassword(r *http.Request, name, password string) (ok, wait bool) {
	ok, wait = c.attempts.try(r, func() bool { return c.Auth.matches(name, password) })
	switch {
	case wait:
		c.Log.Warn("console_login", "status", "error", "remote", r.RemoteAddr, "reason", "too many attempts")
	case !ok:
		c.Log.Warn("console_login", "status", "error", "remote", r.RemoteAddr, "reason", "wrong name or password")
	}
	return ok, wait
}

// matches compares in constant time. Nothing matches an empty password.
func (a Auth) matches(name, password string) bool {
	given := sha256.Sum256([]byte(name + "\x00" + password))
	want := sha256.Sum256([]byte(a.User + "\x00" + a.Password))
	return a.Password != "" && subtle.ConstantTimeCompare(given[:], want[:]) == 1
}

// user returns the name of who sent the request.
func (c *console) user(r *http.Request) string {
	name, _ := r.Context().Value(userKey{}).(string)
	return name
}

// namesThisMachine reports whether the host of a request is a loopback address or localhost.
func namesThisMachine(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

// forPrograms reports whether a request is not for a page: the answer is read by a program.
func forPrograms(r *http.Request) bool {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return first == "api" || first == "live" || first == "metrics"
}
