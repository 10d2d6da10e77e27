package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"ingestion/internal/inspect"
	"ingestion/internal/plural"
)

const (
	// searchFor is how long one search may take. It then shows what it has found.
	searchFor = 20 * time.Second
	// searches is how many may run at once.
	searches = 2
	// mostScan is how many entries a search may look at.
	mostScan = 10 * inspect.DefaultScan
)

// errBusy means that others are searching.
var errBusy = errors.New("other searches are running: try again when they have ended, within 20 s")

// takeSearch waits for no other search. The function that it returns lets another one begin.
func (c *console) takeSearch() (done func(), err error) {
	select {
	case c.searching <- struct{}{}:
		return func() { <-c.searching }, nil
	default:
		return nil, errBusy
	}
}

// bounded returns a context that is canceled when the time of a search is up, so that what was found until then can
// be shown.
func bounded(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(searchFor, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}

// search finds records. What can be looked up waits for no search: that of others only counts if this one looks
// through what is queued.
func (c *console) search(ctx context.Context, q traceQuery) (*inspect.Trace, error) {
	ctx, end := bounded(ctx)
	defer end()
	release := func() {}
	defer func() { release() }()
	t := c.tracer()
	t.Scan = q.Scan
	t.BeforeScan = func() error {
		done, err := c.takeSearch()
		if err == nil {
			release = done
		}
		return err
	}
	if q.ID != "" {
		return t.ByID(ctx, q.ID, q.Partition)
	}
	return t.ByCustomer(ctx, q.Customer)
}

// trace looks for what the address says. An email address is never in one.
func (c *console) trace(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f := traceForm{ID: q.Get("id"), CustomerID: q.Get("customer"), Scan: q.Get("scan")}
	c.showTrace(w, r, f, false)
}

// traceAsked looks for what a form says. Unless that is personal, or is to be revealed, the
// browser goes to an address that can be passed on.
func (c *console) traceAsked(w http.ResponseWriter, r *http.Request) {
	f := traceForm{
		ID: r.PostFormValue("id"), CustomerID: r.PostFormValue("customer"), Email: r.PostFormValue("email"), Scan: r.PostFormValue("scan"),
	}
	reveal := r.PostFormValue("reveal") == "yes"
	if reveal && !c.Changes {
		c.refuse(w, r, http.StatusForbidden, "This console is read-only, so it reveals no personal data. Whoever runs it can allow that with CONSOLE_CHANGES=on.")
		return
	}
	if f.Email == "" && !reveal {
		c.redirect(w, r, f.address())
		return
	}
	c.showTrace(w, r, f, reveal)
}

func (c *console) showTrace(w http.ResponseWriter, r *http.Request, f traceForm, reveal bool) {
	view := &traceView{Form: f, Revealed: reveal, Changes: c.Changes}
	if f.empty() {
		c.render(w, r, "trace.html", view)
		return
	}
	query, err := f.query(c.Source)
	if err != nil {
		view.Refusal = err.Error()
		c.renderTitled(w, r, http.StatusUnprocessableEntity, "Trace", "trace.html", view)
		return
	}
	if reveal {
		c.audit(r, "reveal", "entry", f.ID, "customerId", f.CustomerID, "byEmail", f.Email != "")
	}
	found, err := c.search(r.Context(), query)
	status := http.StatusOK
	switch {
	case err != nil:
		status, view.Error = statusOf(err), err.Error()
		c.logFailure(r, status, err)
	default:
		view.take(found, query.Scan, len(c.Source.Keys) > 1)
	}
	c.renderTitled(w, r, status, "Trace", "trace.html", view)
}

// traceForm is what somebody looks for, as entered.
type traceForm struct{ ID, CustomerID, Email, Scan string }

func (f traceForm) empty() bool { return f.ID == "" && f.CustomerID == "" && f.Email == "" }

// address is that of the page, without the email address.
func (f traceForm) address() string {
	q := url.Values{}
	for name, value := range map[string]string{"id": f.ID, "customer": f.CustomerID, "scan": f.Scan} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if len(q) == 0 {
		return "trace"
	}
	return "trace?" + q.Encode()
}

// traceQuery is what somebody looks for: an ID, or records of a customer or with an address.
type traceQuery struct {
	ID        string
	Partition int // the index of the partition of ID; -1: any
	Customer  inspect.CustomerQuery
	Scan      int64
}

// query checks what was entered.
func (f traceForm) query(src inspect.Source) (q traceQuery, err error) {
	if q.Scan, err = strconv.ParseInt(cmp.Or(f.Scan, strconv.Itoa(inspect.DefaultScan)), 10, 64); err != nil || q.Scan < 1 || q.Scan > mostScan {
		return q, errors.New("the number of entries to look at is not from 1 to " + plural.Thousands(mostScan))
	}
	if f.ID != "" {
		if f.CustomerID != "" || f.Email != "" {
			return q, errors.New("enter either an ID, or a customerId, an email address or both")
		}
		q.ID, q.Partition, err = partitionOf(src, f.ID)
		return q, err
	}
	q.Customer.Email = inspect.Email(f.Email)
	if f.CustomerID == "" {
		return q, nil
	}
	if q.Customer.CustomerID, err = inspect.Customer(f.CustomerID); err != nil {
		return q, errors.New("no record can have this customerId: " + err.Error())
	}
	return q, nil
}

// partitionOf splits the number of a partition from an ID, as in 2:1795477478417-0.
func partitionOf(src inspect.Source, text string) (id string, partition int, err error) {
	id, partition = text, -1
	if number, rest, found := strings.Cut(text, ":"); found {
		if partition, err = strconv.Atoi(number); err != nil || partition < 0 {
			return id, partition, errors.New("what is before the colon is not the number of a partition")
		}
		id = rest
	}
	switch {
	case !inspect.IsEntryID(id) && !inspect.IsDocumentID(id):
		return id, partition, errors.New("this is no ID: enter that of an entry or of a dead letter, such as 1795477478417-0, or an _id of 64 hex digits")
	case partition >= len(src.Keys):
		return id, partition, errors.New("there is no such partition: the first one is 0, and there are " + plural.Thousands(len(src.Keys)))
	}
	return id, partition, nil
}
