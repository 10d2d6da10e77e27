package console

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const themeCookie = "console_theme"

var themes = []string{"auto", "light", "dark"}

func themeOf(r *http.Request) string {
	if cookie, err := r.Cookie(themeCookie); err == nil && slices.Contains(themes, cookie.Value) {
		return cookie.Value
	}
	return themes[0]
}

// setTheme keeps the theme in a cookie, so that it needs no script and does not flicker.
func (c *console) setTheme(w http.ResponseWriter, r *http.Request) {
	theme := r.PostFormValue("theme")
	if !slices.Contains(themes, theme) {
		c.refuse(w, r, http.StatusBadRequest, "There are the themes "+strings.Join(themes, ", ")+".")
		return
	}
	// Without a path, the cookie is for the folder that /theme is in: the whole console,
	// and nothing beside it.
	http.SetCookie(w, &http.Cookie{
		Name: themeCookie, Value: theme, MaxAge: int(365 * 24 * time.Hour / time.Second), SameSite: http.SameSiteLaxMode, HttpOnly: true,
	})
	c.redirect(w, r, ownPath(r.PostFormValue("back")))
}

// ownPath returns a path relative to the console's first page, or that page if the path
// leads out of the console.
func ownPath(path string) string {
	u, err := url.Parse("/" + path)
	clean := err == nil && u.Host == "" && u.Scheme == "" && !strings.HasPrefix(path, "/") && !strings.ContainsAny(path, "\\\r\n\t") &&
		!slices.Contains(strings.Split(u.Path, "/"), "..") && !strings.Contains(strings.SplitN(path, "?", 2)[0], ":")
	if !clean {
		return ""
	}
	return path
}
