package console

import (
	"net/http"
	"net/url"
)

// backTo is the query of the login that says which page follows.
func backTo(path string) string { return url.Values{"back": {path}}.Encode() }

// loginPage is what login.html shows.
type loginPage struct {
	Back    string
	User    string // as typed before
	Problem string // a sentence; "" at the first attempt
}

func (c *console) showLogin(w http.ResponseWriter, r *http.Request) {
	c.renderTitled(w, r, http.StatusOK, "Log in", "login.html", loginPage{Back: ownPath(r.URL.Query().Get("back"))})
}

func (c *console) logIn(w http.ResponseWriter, r *http.Request) {
	page := loginPage{Back: ownPath(r.PostFormValue("back")), User: r.PostFormValue("user")}
	ok, wait := c.tryPassword(r, page.User, r.PostFormValue("password"))
	switch {
	case wait:
		c.tooMany(w, r)
	case !ok:
		page.Problem = "The name or the password is wrong."
		c.renderTitled(w, r, http.StatusUnauthorized, "Log in", "login.html", page)
	default:
		c.sessions.begin(w, r)
		c.Log.Info("console_login", "status", "success", "user", c.Auth.User, "remote", r.RemoteAddr)
		c.redirect(w, r, page.Back)
	}
}

func (c *console) logOut(w http.ResponseWriter, r *http.Request) {
	c.sessions.end(w, r)
	c.redirect(w, r, "login")
}

func (c *console) tooMany(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "10")
	c.refuse(w, r, http.StatusTooManyRequests, "Many are trying to log in from your address, with a wrong name or password. Try again in some seconds.")
}
