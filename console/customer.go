package console

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/inspect"
	"ingestion/internal/plural"
	"ingestion/limiter"
)

// shownPlaces is how many of a customer's places are listed, the latest ones.
const shownPlaces = 50

// customerView is the page of one customer.
type customerView struct {
	CustomerID string
	Error      *string // why its window is unknown; nil if the rest is known
	Window     *inspect.CustomerWindow
	Applies    string // the limit, in words
	Own        string // as written, or ""
	Badge      badge
	Line       *timeline // nil if the customer has no window
	Listed     []listedPlace
	Before     string // how many places come before those listed; ""
	Looked     string // of the dead letters
	Verdict    string // what there is to say besides Badge; ""
	Try        tryView
	Change     limitForm
	Done       string
}

// badge is a state: a symbol, a word and, by its class, a colour.
type badge struct{ Class, Text string }

// listedPlace is a place in the window, or a refusal.
type listedPlace struct {
	At   time.Time
	What string
	ID   string
}

// limitForm is the form that changes a customer's limit.
type limitForm struct {
	Limit   string
	Refusal string // why Limit can't be set; ""
}

func (c *console) customer(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	id, ok := c.askedCustomer(w, r, q.Get("id"))
	if !ok {
		return
	}
	view := c.readCustomer(r.Context(), id)
	view.Done = doneWords[q.Get("done")]
	view.Try = c.readTry(r.Context(), id, q.Get("try"))
	c.renderCustomer(w, r, http.StatusOK, view)
}

func (c *console) renderCustomer(w http.ResponseWriter, r *http.Request, status int, view *customerView) {
	c.renderTitled(w, r, status, "Customer "+view.CustomerID, "customer.html", view)
}

func (c *console) readCustomer(ctx context.Context, id string) *customerView {
	ctx, cancel := context.WithTimeout(ctx, readFor)
	defer cancel()
	view := &customerView{CustomerID: id}
	window, err := c.tracer().ReadWindow(ctx, id)
	if err != nil {
		view.Error = answer.Error(err)
		return view
	}
	view.Window, view.Own = window, window.Own
	view.Applies, view.Verdict = window.Applies.Words(), more(window.VerdictWords())
	view.Looked = window.Looked.Words("")
	view.Change.Limit, view.Badge = window.Own, verdictBadge(window)
	view.list(window)
	if window.Limit.Mode == limiter.Windowed {
		view.Line = newTimeline(window)
	}
	return view
}

// more is what follows the first word of a sentence, which a badge says.
func more(words string) string {
	_, rest, _ := strings.Cut(words, " ")
	return rest
}

func verdictBadge(w *inspect.CustomerWindow) badge {
	switch {
	case !w.Known:
		return badge{"warn", "? unknown"}
	case w.Verdict.Decision == limiter.Admitted:
		return badge{"ok", "✓ admitted"}
	case w.Verdict.Decision == limiter.Reserved:
		return badge{"warn", "◷ deferred"}
	default:
		return badge{"error", "✕ refused"}
	}
}

// list takes the latest places, the last one first.
func (v *customerView) list(w *inspect.CustomerWindow) {
	from := max(0, len(w.Around)-shownPlaces)
	if before := w.First + from; before > 0 {
		v.Before = plural.Counted(before, "place", "places")
	}
	for _, p := range slices.Backward(w.Around[from:]) {
		what := "✓ admitted"
		if p.At > w.Now {
			what = "◷ reserved"
		}
		v.Listed = append(v.Listed, listedPlace{At: time.UnixMilli(p.At), What: what, ID: p.Member})
	}
}

// OtherRefusals is how many known refusals are not listed.
func (v *customerView) OtherRefusals() int { return v.Window.Refused.Total() - len(v.Window.Refusals) }

// Lately says how often the customer was over its limit lately; "" if nothing counts that.
func (v *customerView) Lately() string { return v.Window.LatelyWords() }

// Places says how many places the customer has; "" if it has no window.
func (v *customerView) Places() string {
	if v.Window.Limit.Mode != limiter.Windowed {
		return ""
	}
	return v.Window.PlacesWords()
}

// Clock is the time of the reading, by the clock of Redis.
func (v *customerView) Clock() time.Time { return time.UnixMilli(v.Window.Now) }
