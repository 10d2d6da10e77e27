package console

import (
	"fmt"
	"net/http"
	"time"
)

const (
	liveRhythm = time.Second
	// renewEvery is after how many values a page fetches its tables and charts again.
	renewEvery = 5
	// liveTimeout is how long a browser may take to read an event.
	liveTimeout = 10 * time.Second
)

// live sends the values of the queue as server-sent events, once a second, until the browser or
// the server goes. All browsers get the same readings, and none is made while nobody looks.
func (c *console) live(w http.ResponseWriter, r *http.Request) {
	connection := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy such as nginx must pass events on at once
	if r.Method == http.MethodHead {
		return
	}
	ticker := time.NewTicker(liveRhythm)
	defer ticker.Stop()
	for n := 1; ; n++ {
		s, err := c.readings.state.get(r.Context())
		if err != nil {
			return
		}
		_ = connection.SetWriteDeadline(time.Now().Add(liveTimeout)) // not supported by some writers, which have no deadline then
		event := "values"
		if n%renewEvery == 0 {
			event = "renew"
		}
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, s.encoded); err != nil || connection.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
		if c.Auth.hasLogin() && !c.mayStay(r) {
			return
		}
	}
}

// mayStay reports whether the session that a stream of events began with goes on.
func (c *console) mayStay(r *http.Request) bool {
	_, _, basic := r.BasicAuth()
	return basic || c.sessions.valid(r)
}
