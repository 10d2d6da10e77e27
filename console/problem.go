package console

import (
	"errors"
	"net/http"
)

// problem is an error that is the caller's: its text says what to do.
type problem struct {
	status int
	error
}

func (p *problem) Unwrap() error { return p.error }

func problemOf(status int, err error) error { return &problem{status, err} }

// wrong is a problem of a request that makes no sense.
func wrong(err error) error { return problemOf(http.StatusBadRequest, err) }

// statusOf is the status for an error: 503 unless it is a problem, since then a server failed.
func statusOf(err error) int {
	if p, ok := errors.AsType[*problem](err); ok {
		return p.status
	}
	return http.StatusServiceUnavailable
}

// fail answers with an error, as a page or as JSON.
func (c *console) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	c.logFailure(r, status, err)
	c.refuse(w, r, status, sentence(err.Error()))
}

// logFailure logs why a server failed. A search that waits for others, or a browser that has gone, is no failure.
func (c *console) logFailure(r *http.Request, status int, err error) {
	if status < http.StatusInternalServerError || errors.Is(err, errBusy) || r.Context().Err() != nil {
		return
	}
	c.Log.Error("warning", "status", "error", "method", r.Method, "path", r.URL.Path, "code", status, "reason", err.Error())
}
