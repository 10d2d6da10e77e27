package console

import (
	"context"
	"net/http"
	"strings"

	"ingestion/internal/inspect"
	"ingestion/record"
	"ingestion/streams"
)

// overviewPage is what overview.html shows.
type overviewPage struct {
	*state
	Outcomes  []string
	Moved     bool // entries were moved to a list
	Equations []streams.Equation
	Past      past
	Spans     []span
	Archive   archiveState
}

func (c *console) overview(w http.ResponseWriter, r *http.Request) {
	s, err := c.readings.state.get(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page := overviewPage{state: s, Spans: spansOf(r), Archive: archiveOf(s.Status)}
	for _, o := range record.Outcomes() {
		page.Outcomes = append(page.Outcomes, o.String())
	}
	if accounts := s.Accounts(); len(accounts) > 0 && len(accounts) == len(s.Partitions) {
		total := streams.Total(accounts)
		page.Moved, page.Equations = total.Moved > 0, total.Equations()
	}
	for _, current := range page.Spans {
		if current.Current {
			page.Past = c.past(r.Context(), current, s)
		}
	}
	c.render(w, r, "overview.html", page)
}

func (c *console) past(ctx context.Context, s span, now *state) past {
	source := &c.readings.hour
	if s.Name != spans[0].Name {
		source = &c.readings.day
	}
	h, err := source.get(ctx)
	if err != nil {
		h = inspect.History{Err: err}
	}
	return pastOf(h, s, now.At)
}

// spansOf marks the span that the request asks for.
func spansOf(r *http.Request) []span {
	asked := r.URL.Query().Get("span")
	all := append([]span(nil), spans...)
	for i := range all {
		if all[i].Name == asked {
			all[i].Current = true
			return all
		}
	}
	all[0].Current = true
	return all
}

// archiveState says how far the archive of all partitions is.
type archiveState struct {
	On, Served bool
	Lag        int64 // entries that are not archived; negative if unknown
}

func archiveOf(s *inspect.Status) archiveState {
	a := archiveState{Served: true}
	for _, p := range s.Partitions {
		if p.Err != nil || !p.Archive.On {
			continue
		}
		a.On, a.Served = true, a.Served && p.Archive.Served
		if a.Lag < 0 || p.Archive.Lag < 0 {
			a.Lag = -1
		} else {
			a.Lag += p.Archive.Lag
		}
	}
	return a
}

// screenFor is the screen on which something can be done about a finding; "" if there is none.
func screenFor(f inspect.Finding) screen {
	var path string
	switch {
	case strings.HasPrefix(f.Command, "ingestctl dead"):
		path = "dead"
	case strings.HasPrefix(f.Command, "ingestctl resume"), strings.HasPrefix(f.Command, "ingestctl status"), strings.HasPrefix(f.Command, "ingestctl top"):
		path = "queue"
	case strings.HasPrefix(f.Command, "ingestctl limits"):
		path = "customers"
	case strings.HasPrefix(f.Command, "ingestctl trace"):
		path = "trace"
	case strings.HasPrefix(f.Command, "ingestctl archive"), strings.HasPrefix(f.Command, "ingestctl rebuild"):
		path = "archive"
	}
	for _, s := range screens {
		if path != "" && s.Path == path {
			return s
		}
	}
	return screen{}
}
