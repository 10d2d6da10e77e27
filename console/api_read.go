package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/duration"
	"ingestion/internal/inspect"
	"ingestion/streams"
)

// brief bounds how long an answer may read, as that of a panel: otherwise the waits for a server that does not answer
// add up.
func brief(h func(*http.Request) (any, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		ctx, cancel := context.WithTimeout(r.Context(), readFor)
		defer cancel()
		return h(r.WithContext(ctx))
	}
}

// apiStatus answers with what the pages show, so that it costs nothing besides.
func (c *console) apiStatus(r *http.Request) (any, error) {
	shown, err := c.readings.state.get(r.Context())
	if err != nil {
		return nil, err
	}
	status := *shown.Status
	if status.History, err = c.readings.hour.get(r.Context()); err != nil {
		return nil, err
	}
	return answer.StatusOf(&status, shown.Findings), nil
}

func (c *console) apiPending(r *http.Request) (any, error) {
	held, err := c.readings.held.get(r.Context())
	if err != nil {
		return nil, err
	}
	return answer.PendingOf(held), nil
}

func (c *console) apiHistory(r *http.Request) (any, error) {
	unit, since := streams.Minutes, time.Hour
	switch text := r.FormValue("unit"); text {
	case "", "minute":
	case "hour":
		unit, since = streams.Hours, 24*time.Hour
	default:
		return nil, wrong(fmt.Errorf("unit is %q: want minute or hour", text))
	}
	if text := r.FormValue("since"); text != "" {
		var err error
		if since, err = duration.Parse(text); err != nil || since <= 0 {
			return nil, wrong(fmt.Errorf("since is %q: want a duration such as 1h or 7d", text))
		}
	}
	return answer.PastOf(inspect.ReadHistory(r.Context(), c.Source, unit, since)), nil
}

var errNoLimiter = errors.New("the console has no limiter")

// mostLimits is how many own limits are read at once.
const mostLimits = 1000

func (c *console) apiCustomers(r *http.Request) (any, error) {
	refused := inspect.ReadRefused(r.Context(), c.Source)
	limits, err := c.readLimits(r.Context())
	if err != nil {
		return answer.CustomersOf(refused, nil, err), nil
	}
	return answer.CustomersOf(refused, &limits, nil), nil
}

func (c *console) apiLimits(r *http.Request) (any, error) {
	limits, err := c.readLimits(r.Context())
	return limits, err
}

func (c *console) readLimits(ctx context.Context) (answer.Limits, error) {
	t := c.tracer()
	if t.Limiter == nil {
		return answer.Limits{}, errNoLimiter
	}
	limits, total, err := t.ListLimits(ctx, mostLimits)
	if err != nil {
		return answer.Limits{}, err
	}
	return answer.LimitsOf(limits, total, t.Limiter.Default()), nil
}

// customerOf returns the customer that the address names: in its query, since a path can't end
// with a customer that is called "..".
func customerOf(r *http.Request) (string, error) {
	customer, err := inspect.Customer(r.URL.Query().Get("customerId"))
	if err != nil {
		return "", wrong(fmt.Errorf("the service accepts no such customer: %w", err))
	}
	return customer, nil
}

func (c *console) apiCustomer(r *http.Request) (any, error) {
	customer, err := customerOf(r)
	if err != nil {
		return nil, err
	}
	w, err := c.tracer().ReadWindow(r.Context(), customer)
	if err != nil {
		return nil, err
	}
	return answer.WindowOf(w), nil
}

func (c *console) apiLimit(r *http.Request) (any, error) {
	customer, err := customerOf(r)
	if err != nil {
		return nil, err
	}
	l, err := c.tracer().ReadLimit(r.Context(), customer)
	if err != nil {
		return nil, err
	}
	return answer.LimitOfOne{Version: 1, Limit: answer.LimitOf(l)}, nil
}

// traceRequest is what a trace looks for: an ID, or a customer, an email address or both.
type traceRequest struct {
	ID         string `json:"id"`
	CustomerID string `json:"customerId"`
	Email      string `json:"email"`
	CreatedAt  string `json:"createdAt"`
}

func (c *console) apiTrace(r *http.Request) (any, error) {
	q := r.URL.Query()
	if q.Has("email") {
		return nil, wrong(errors.New("an email address does not belong in an address: send it in the body of a POST"))
	}
	return c.traced(r.Context(), traceRequest{ID: q.Get("id"), CustomerID: q.Get("customerId"), CreatedAt: q.Get("createdAt")})
}

func (c *console) apiTraceBody(r *http.Request) (any, error) {
	var asked traceRequest
	if err := readJSON(r, &asked); err != nil {
		return nil, err
	}
	return c.traced(r.Context(), asked)
}

func (c *console) traced(ctx context.Context, asked traceRequest) (any, error) {
	f := traceForm{ID: asked.ID, CustomerID: asked.CustomerID, Email: asked.Email}
	if f.empty() {
		return nil, wrong(errors.New("give an id, or a customerId, an email address or both"))
	}
	q, err := f.query(c.Source)
	if err != nil {
		return nil, wrong(err)
	}
	if asked.CreatedAt != "" {
		if q.Customer.CreatedAt, err = inspect.CreatedAt(asked.CreatedAt); err != nil {
			return nil, wrong(fmt.Errorf("the service accepts no such createdAt: %w", err))
		}
	}
	tr, err := c.search(ctx, q)
	if err != nil {
		return nil, err
	}
	return answer.TraceOf(tr, true), nil
}

// apiArchive answers with what is archived and rebuilt.
func (c *console) apiArchive(r *http.Request) (any, error) {
	return struct {
		Version int `json:"version"`
		archiveView
	}{1, c.readArchive(r.Context())}, nil
}

// mostActivities bounds how many activities are answered.
const mostActivities = streams.MaxActivities

func (c *console) apiActivity(r *http.Request) (any, error) {
	all, err := streams.ReadActivities(r.Context(), c.Source.Redis, c.Source.Main(), mostActivities)
	if err != nil {
		return nil, err
	}
	return answer.ActivitiesOf(all), nil
}
