package console

import (
	"context"
	"net/http"
)

func (c *console) routes() {
	c.mux.HandleFunc("GET /static/{file}", c.static)
	c.mux.HandleFunc("GET /livez", c.livez)
	c.mux.HandleFunc("POST /theme", c.short(c.setTheme))
	if c.Auth.hasLogin() {
		c.mux.HandleFunc("GET /login", c.showLogin)
		c.mux.HandleFunc("POST /login", c.short(c.logIn))
		c.mux.HandleFunc("POST /logout", c.short(c.logOut))
	}
	if c.Metrics != nil {
		c.read("GET /metrics/queue", c.Metrics.ServeHTTP)
	}

	c.page("GET /{$}", "Overview", c.overview)
	c.page("GET /queue", "Queue", c.queue)
	c.read("GET /live", c.live)
	c.deadRoutes()
	c.apiRoutes()
	c.page("GET /customers", "Customers", c.customers)
	c.page("GET /customers/one", "Customer", c.customer)
	c.change("POST /customers/limit", c.setLimit)
	c.change("POST /customers/unset", c.unsetLimit)
	c.page("GET /trace", "Trace", c.trace)
	c.page("POST /trace", "Trace", c.traceAsked)
	c.page("GET /archive", "Archive and rebuilds", c.archive)
	c.page("GET /activity", "Activity", c.activity)
	c.page("/", "Not found", c.notFound)
}

type titleKey struct{}

// page registers a screen. The title is its heading.
func (c *console) page(pattern, title string, h http.HandlerFunc) {
	c.mux.Handle(pattern, c.known(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && !forPrograms(r) && !c.readForm(w, r, c.maxBody()) {
			return
		}
		h(w, r.WithContext(context.WithValue(r.Context(), titleKey{}, title)))
	}))
}

// change registers a route that changes something: it answers 403 unless changes are
// allowed, and needs no other protection against requests of other sites.
func (c *console) change(pattern string, h http.HandlerFunc) {
	c.page(pattern, "Change", func(w http.ResponseWriter, r *http.Request) {
		if !c.Changes {
			c.refuse(w, r, http.StatusForbidden, "This console is read-only. Whoever runs it can allow changes with CONSOLE_CHANGES=on.")
			return
		}
		defer c.readings.state.forget() // the page that follows shows what has changed
		h(w, r)
	})
}

// read registers a route for programs, without a page.
func (c *console) read(pattern string, h http.HandlerFunc) { c.mux.Handle(pattern, c.known(h)) }

func (c *console) deadRoutes() {
	c.page("GET /dead", "Dead letters", c.deadLetters)
	c.page("GET /dead/{id}", "Dead letter", c.deadLetter)
	c.page("GET /dead/change", "Change dead letters", c.askChange)
	c.change("POST /dead/replay", c.replayLetters)
	c.change("POST /dead/purge", c.purgeLetters)
	c.change("POST /dead/export", c.exportLetters)
	c.change("POST /dead/{id}/reveal", c.revealLetter)
	c.change("POST /dead/{id}/edit", c.editLetter)
	c.change("POST /queue/pause", c.pause)
	c.change("POST /queue/resume", c.resume)
}
