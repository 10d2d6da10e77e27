package console

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/inspect"
)

const (
	// readFor is how long one panel may read; what takes longer is unknown.
	readFor = 5 * time.Second
	// shownLimits is about how many customers with a limit of their own a page lists.
	shownLimits = 200
)

// limitedView is who hit its limit most often lately.
type limitedView struct {
	Error     *string           `json:"error"` // why the customers are unknown
	Unread    []answer.Unread   `json:"unread"`
	Counted   bool              `json:"counted"`
	Customers []limitedCustomer `json:"customers"`
}

// limitedCustomer is how many of a customer's records were over its limit lately.
type limitedCustomer struct {
	CustomerID string `json:"customerId"`
	AtLeast    int64  `json:"atLeast"`
	AtMost     int64  `json:"atMost"`
}

func (c *console) readLimited(ctx context.Context) limitedView {
	view := limitedView{Counted: !c.Source.IsList(), Customers: []limitedCustomer{}}
	read := inspect.ReadRefused(ctx, c.Source)
	if view.Unread = answer.UnreadPartitions(read.Unread); len(read.Unread) == 0 {
		view.Error = answer.Error(read.Err)
	}
	for _, r := range read.Customers {
		view.Customers = append(view.Customers, limitedCustomer{CustomerID: r.CustomerID, AtLeast: r.Count - r.Error, AtMost: r.Count})
	}
	return view
}

// ownLimitsView are the customers that have a limit of their own.
type ownLimitsView struct {
	answer.Limits
	Error   *string
	Further bool   // this is not the first page
	Next    string // where the next page begins; "" if there is none
}

func (c *console) readOwnLimits(ctx context.Context, from string) ownLimitsView {
	if c.Limiter == nil {
		return ownLimitsView{Error: answer.Text("the console has no limiter")}
	}
	t := c.tracer()
	limits, next, err := t.PageLimits(ctx, from, shownLimits)
	var total int64
	if err == nil {
		total, err = t.CountLimits(ctx)
	}
	if err != nil {
		return ownLimitsView{Error: answer.Error(err)}
	}
	return ownLimitsView{Limits: answer.LimitsOf(limits, total, c.Limiter.Default()), Further: from != "", Next: next}
}

// customersView is the screen of customers.
type customersView struct {
	Limited limitedView
	Own     ownLimitsView
	Halved  string
	Refusal string // why the customer that was asked for can't be shown
	Asked   string
}

func (c *console) customers(w http.ResponseWriter, r *http.Request) {
	c.renderCustomers(w, r, http.StatusOK, customersView{})
}

func (c *console) renderCustomers(w http.ResponseWriter, r *http.Request, status int, view customersView) {
	ctx, cancel := context.WithTimeout(r.Context(), readFor)
	defer cancel()
	view.Limited, view.Own, view.Halved = c.readLimited(ctx), c.readOwnLimits(ctx, r.URL.Query().Get("limits")), inspect.HalvedWords
	c.renderTitled(w, r, status, "Customers", "customers.html", view)
}

// askedCustomer returns the customer that a request names. If no record can have it, it
// answers the request and returns false.
func (c *console) askedCustomer(w http.ResponseWriter, r *http.Request, id string) (string, bool) {
	customer, err := inspect.Customer(id)
	if err == nil {
		return customer, true
	}
	c.renderCustomers(w, r, http.StatusUnprocessableEntity, customersView{Asked: id, Refusal: "No record can have this customerId: " + err.Error()})
	return "", false
}

// customerAddress is the address of a customer's page, relative to the console's first page.
// The customerId is no part of the path, since it may be two dots.
func customerAddress(customerID string) string {
	return "customers/one?" + url.Values{"id": {customerID}}.Encode()
}
