package console

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"ingestion/internal/answer"
)

//go:embed templates
var templateFiles embed.FS

// pages are the templates by file name. Each page defines "main", which is shown within
// base.html; its data is .Data of the view.
var pages = parsePages()

func parsePages() map[string]*template.Template {
	base := template.Must(template.New("").Funcs(functions).ParseFS(templateFiles, "templates/base.html", "templates/parts.html"))
	files, err := fs.Glob(templateFiles, "templates/*.html")
	if err != nil {
		panic(err) // the pattern is wrong
	}
	all := map[string]*template.Template{}
	for _, file := range files {
		all[path.Base(file)] = template.Must(template.Must(base.Clone()).ParseFS(templateFiles, file))
	}
	return all
}

// view is what base.html shows.
type view struct {
	Title   string
	Root    string // the relative address of the console's first page, "./" or "../" and so on
	Path    string // the address that shows this page again, relative to Root, with its query
	Screens []screen
	User    string
	LogOut  bool   // there is a session that the user can end
	Changes bool   // changes are allowed
	Theme   string // auto, light or dark
	Version string // of the static files
	Data    any    // what the page shows
}

// screen is an item of the navigation.
type screen struct {
	Name, Path string
	Current    bool
}

// screens are the items in order. Path is also the first part of the addresses of all pages
// that belong to one.
var screens = []screen{
	{Name: "Overview"},
	{Name: "Queue", Path: "queue"},
	{Name: "Dead letters", Path: "dead"},
	{Name: "Customers", Path: "customers"},
	{Name: "Trace", Path: "trace"},
	{Name: "Archive", Path: "archive"},
	{Name: "Activity", Path: "activity"},
}

// render shows a page with status 200. file is one of templates/; data is what it shows.
func (c *console) render(w http.ResponseWriter, r *http.Request, file string, data any) {
	c.renderStatus(w, r, http.StatusOK, file, data)
}

func (c *console) renderStatus(w http.ResponseWriter, r *http.Request, status int, file string, data any) {
	title, _ := r.Context().Value(titleKey{}).(string)
	c.renderTitled(w, r, status, title, file, data)
}

func (c *console) renderTitled(w http.ResponseWriter, r *http.Request, status int, title, file string, data any) {
	var page bytes.Buffer
	v := view{
		Title: title, Root: root(r), Path: again(r), Screens: screensAt(r), User: c.user(r),
		LogOut: c.Auth.hasLogin(), Changes: c.Changes, Theme: themeOf(r), Version: staticVersion, Data: data,
	}
	if err := pages[file].ExecuteTemplate(&page, "base.html", v); err != nil {
		c.Log.Error("warning", "status", "error", "reason", "showing "+file+": "+err.Error())
		http.Error(w, "This page can't be shown: the log of the console says why.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(visible(page.Bytes())) // fails only if the client has gone
}

// refuse says why a request is not served: on a page, or to a program as JSON. The message is a
// sentence or more.
func (c *console) refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	if forPrograms(r) {
		c.answer(w, status, answer.Failure{Version: 1, Error: message})
		return
	}
	c.renderTitled(w, r, status, http.StatusText(status), "refused.html", message)
}

func (c *console) notFound(w http.ResponseWriter, r *http.Request) {
	c.refuse(w, r, http.StatusNotFound, "There is no such page.")
}

// redirect sends the browser to another page by GET. to is relative to the console's first page.
// http.Redirect would make it absolute, and lose the prefix of the console.
func (c *console) redirect(w http.ResponseWriter, r *http.Request, to string) {
	w.Header().Set("Location", root(r)+to)
	w.WriteHeader(http.StatusSeeOther)
}

// root returns the relative address of the console's first page.
func root(r *http.Request) string {
	up := strings.Count(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	if up == 0 {
		return "./"
	}
	return strings.Repeat("../", up)
}

// here returns the address of the page relative to the console's first page.
func here(r *http.Request) string {
	at := strings.TrimPrefix(r.URL.EscapedPath(), "/")
	if r.URL.RawQuery != "" {
		at += "?" + r.URL.RawQuery
	}
	return at
}

// again returns the address that shows the page again: the answer to a form has none of its own, so that
// it is that of its screen.
func again(r *http.Request) string {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return here(r)
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/")
	return first
}

func screensAt(r *http.Request) []screen {
	first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	at := make([]screen, len(screens))
	for i, s := range screens {
		s.Current = s.Path == first
		at[i] = s
	}
	return at
}
