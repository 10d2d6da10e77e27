package console

import (
	"context"
	"fmt"
	"net/http"

	"ingestion/internal/inspect"
	"ingestion/limiter"
)

// doneWords say what a change has done, by the parameter that the address has after it.
var doneWords = map[string]string{
	"set":   "The limit is set. It applies from the next batch of each worker on.",
	"unset": "The own limit is removed. The default applies from the next batch of each worker on.",
	"same":  "Nothing changed: it was so already.",
}

// setLimit gives a customer a limit of its own.
func (c *console) setLimit(w http.ResponseWriter, r *http.Request) {
	limit, err := limiter.ParseLimit(r.PostFormValue("limit"))
	if err != nil {
		c.wrongLimit(w, r, http.StatusUnprocessableEntity, err.Error())
		return
	}
	c.applyLimit(w, r, &limit, "set")
}

// unsetLimit removes it.
func (c *console) unsetLimit(w http.ResponseWriter, r *http.Request) {
	c.applyLimit(w, r, nil, "unset")
}

func (c *console) applyLimit(w http.ResponseWriter, r *http.Request, limit *limiter.Limit, done string) {
	id, ok := c.askedCustomer(w, r, r.PostFormValue("id"))
	if !ok {
		return
	}
	seen := r.PostFormValue("seen")
	before, after, err := c.changeLimit(r, id, limit, &seen)
	switch {
	case err != nil && statusOf(err) == http.StatusConflict:
		c.wrongLimit(w, r, http.StatusConflict, sentence(err.Error()))
		return
	case err != nil:
		c.logFailure(r, statusOf(err), err)
		c.wrongLimit(w, r, statusOf(err), err.Error())
		return
	case before.Own == after.Own:
		done = "same"
	}
	c.redirect(w, r, customerAddress(id)+"&done="+done)
}

func ownWords(own string) string {
	if own == "" {
		return "none of its own"
	}
	return own
}

// wrongLimit shows the customer again, with what was entered and what is wrong with it.
func (c *console) wrongLimit(w http.ResponseWriter, r *http.Request, status int, refusal string) {
	id, ok := c.askedCustomer(w, r, r.PostFormValue("id"))
	if !ok {
		return
	}
	view := c.readCustomer(r.Context(), id)
	view.Change = limitForm{Limit: r.PostFormValue("limit"), Refusal: refusal}
	c.renderCustomer(w, r, status, view)
}

// changeLimit sets a customer's own limit, or removes it if limit is nil. It does so only if the own limit
// is the one that was seen, "" for none, unless seen is nil. It may be repeated.
func (c *console) changeLimit(r *http.Request, customerID string, limit *limiter.Limit, seen *string) (before, after inspect.CustomerLimit, err error) {
	ctx, cancel := context.WithTimeout(r.Context(), readFor)
	defer cancel()
	action, next := "limit_unset", ""
	if limit != nil {
		action, next = "limit_set", limit.String()
	}
	d := c.begin(r, action, "customerId", customerID, "to", ownWords(next))
	was, err := c.replaceLimit(ctx, customerID, next, seen)
	d.end(succeeded, err, "customerId", customerID, "before", was, "after", next)
	if err != nil {
		return before, after, err
	}
	t := c.tracer()
	return t.LimitAs(customerID, was), t.LimitAs(customerID, next), nil
}

// replaceLimit returns the own limit that was there before. It is a conflict if that is not the one that
// was seen.
func (c *console) replaceLimit(ctx context.Context, customerID, next string, seen *string) (was string, err error) {
	if c.Limiter == nil {
		return "", problemOf(http.StatusConflict, errNoLimiter)
	}
	was, replaced, err := c.Source.ReplaceLimit(ctx, customerID, next, seen)
	switch {
	case err != nil:
		return was, fmt.Errorf("the limit may be changed or not, and it is safe to repeat that: %w", err)
	case !replaced:
		return was, problemOf(http.StatusConflict, fmt.Errorf("somebody has changed the limit meanwhile, from %s to %s. Nothing was changed now", ownWords(*seen), ownWords(was)))
	}
	return was, nil
}
