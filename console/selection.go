package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/duration"
	"ingestion/internal/letters"
)

// selection says which dead letters a request is about, as ingestctl dead takes it.
type selection struct {
	letters.Filter
	All     bool   // all dead letters
	Through string // the token of a preview
	older   string // as it was given
}

// maxNames is how many dead letters a request may name.
const maxNames = 1000

// selectionOf reads the query of an address, or a form. Fields that are empty are not given.
func selectionOf(q url.Values) (selection, error) {
	s := selection{
		Filter: letters.Filter{
			Names: filled(q["id"]), Events: filled(q["event"]), Customer: strings.TrimSpace(q.Get("customer")),
			Reason: strings.TrimSpace(q.Get("reason")), Exact: q.Get("exact") == switchedOn,
		},
		All:     q.Get("all") == switchedOn,
		Through: q.Get("through"),
		older:   strings.TrimSpace(q.Get("olderThan")),
	}
	if s.Exact {
		s.Reason = q.Get("reason")
	}
	for _, name := range []string{"all", "exact"} {
		if text := q.Get(name); text != "" && text != switchedOn {
			return s, wrong(fmt.Errorf("%s is %q: want %s, or leave it out", name, text, switchedOn))
		}
	}
	return s, s.check()
}

// switchedOn is the value of a switch, as forms send it.
const switchedOn = "on"

func filled(values []string) []string {
	return slices.DeleteFunc(slices.Clone(values), func(v string) bool { return strings.TrimSpace(v) == "" })
}

// Bounds of conditions, in bytes.
const (
	maxCustomer        = 256 // as of a record
	maxReasonCondition = 500
)

// check reads the age, and reports what is wrong.
func (s *selection) check() (err error) {
	for _, event := range s.Events {
		if !slices.Contains(letters.Events(), event) {
			return wrong(fmt.Errorf("%q is not an event that leaves dead letters: there are %s", event, strings.Join(letters.Events(), ", ")))
		}
	}
	if s.older != "" {
		if s.OlderThan, err = duration.Parse(s.older); err != nil || s.OlderThan < 0 {
			return wrong(fmt.Errorf("%q is not an age: want for example 90s, 24h or 7d", s.older))
		}
	}
	switch {
	case len(s.Customer) > maxCustomer:
		return wrong(fmt.Errorf("customer has %d bytes: no record's customerId has more than %d", len(s.Customer), maxCustomer))
	case len(s.Reason) > maxReasonCondition:
		return wrong(fmt.Errorf("reason has %d bytes: give at most %d", len(s.Reason), maxReasonCondition))
	case len(s.Names) > maxNames:
		return wrong(fmt.Errorf("%d dead letters are named: name at most %d", len(s.Names), maxNames))
	case len(s.Names) > 0 && (s.Narrow() || s.All || s.Through != ""):
		return wrong(errors.New("select dead letters by ID or by conditions, not both"))
	case s.All && s.Narrow():
		return wrong(errors.New("select all dead letters or those that match conditions, not both"))
	}
	return nil
}

var errNothingSelected = errors.New("no dead letters are selected: give IDs, conditions, or all")

// definite reports a selection that a change can't have: changes are asked for explicitly, and
// bound to what a preview has seen.
func (s *selection) definite() error {
	switch {
	case len(s.Names) == 0 && !s.Narrow() && !s.All:
		return wrong(errNothingSelected)
	case len(s.Names) == 0 && s.Through == "":
		return wrong(errors.New("through is missing: take it from a preview of the same conditions"))
	}
	return nil
}

// query is the selection as the query of an address, without Through.
func (s *selection) query() url.Values {
	q := url.Values{}
	q["id"], q["event"] = s.Names, s.Events
	for name, value := range map[string]string{"olderThan": s.older, "customer": s.Customer, "reason": s.Reason} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for name, on := range map[string]bool{"all": s.All, "exact": s.Exact} {
		if on {
			q.Set(name, switchedOn)
		}
	}
	return q
}

// words say what is selected, for the log.
func (s *selection) words() string {
	q := s.query()
	var words []string
	for _, name := range []string{"id", "event", "olderThan", "customer", "reason", "exact"} {
		if len(q[name]) > 0 {
			words = append(words, name+"="+strings.Join(q[name], ","))
		}
	}
	if len(words) == 0 {
		return "all"
	}
	return strings.Join(words, " ")
}

// previewTimeout bounds how long matching letters are counted.
const previewTimeout = 30 * time.Second

// scans is how many requests may read many dead letters at once, so that open tabs do not keep Redis busy.
const scans = 4

// scanTimeout bounds a search of dead letters, which looks at scanLetters of them.
const scanTimeout = 20 * time.Second

// beginScan waits until others have read theirs. The function that it returns lets the next one begin.
func (c *console) beginScan(ctx context.Context) (done func(), err error) {
	select {
	case c.scanning <- struct{}{}:
		return func() { <-c.scanning }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("others are reading dead letters: try again later: %w", ctx.Err())
	}
}

// preview counts what an action on the selection would change.
func (c *console) preview(ctx context.Context, action letters.Action, s *selection) (*letters.Preview, error) {
	ctx, cancel := endAfter(ctx, previewTimeout)
	defer cancel()
	var err error
	if s.Names, err = c.letters.Names(s.Names); err != nil {
		return nil, wrong(err)
	}
	done, err := c.beginScan(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var through letters.Through
	if s.Through != "" {
		if through, err = c.letters.ParseToken(s.Through, string(action), &s.Filter); err != nil {
			return nil, problemOf(http.StatusConflict, fmt.Errorf("through is not of a preview of this selection and action: %w", err))
		}
	}
	if err = s.Fix(ctx, c.Source.Redis); err == nil {
		var p *letters.Preview
		if p, err = c.letters.Preview(ctx, &s.Filter, 0, through); err == nil {
			return p, nil
		}
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("counting the dead letters takes more than %v: select fewer, for example by their age: %w", previewTimeout, err)
	}
	return nil, err
}

// token binds a later change to a preview; "" if the letters are named or none matched.
func (c *console) token(action letters.Action, s *selection, p *letters.Preview) string {
	if len(s.Names) > 0 {
		return ""
	}
	return c.letters.Token(string(action), &s.Filter, p.Through)
}

// changeTimeout is the default of Options.ChangeTimeout.
const changeTimeout = 20 * time.Second

// changeLetters makes a change in steps, until it is done or ChangeTimeout is over. It is bound
// to the preview that the selection has the token of.
func (c *console) changeLetters(r *http.Request, action letters.Action, s *selection) (answer.LettersChange, error) {
	if err := s.definite(); err != nil {
		return answer.LettersChange{}, err
	}
	p, err := c.preview(r.Context(), action, s)
	if err != nil {
		return answer.LettersChange{}, err
	}
	return c.applyChange(r, action, s, p)
}

func (c *console) applyChange(r *http.Request, action letters.Action, s *selection, p *letters.Preview) (answer.LettersChange, error) {
	ctx, cancel := endAfter(r.Context(), c.ChangeTimeout)
	defer cancel()
	d := c.begin(r, "dead_"+string(action), "letters", s.words(), "matched", p.Matched)
	done, err := (&letters.Change{Queue: c.letters, Action: action, Filter: &s.Filter, Through: p.Through}).Run(ctx)
	out := answer.LettersChangeOf(action, p, done, c.token(action, s, p))
	well := succeeded
	if out.Complete = err == nil; !out.Complete {
		well = partial
	}
	if errors.Is(err, letters.ErrStopped) {
		err = nil
	}
	d.end(well, err, "letters", s.words(), "matched", p.Matched, "changed", done.Changed, "left", done.Left, "complete", out.Complete)
	if err != nil {
		err = fmt.Errorf("not finished after %d of %d dead letters, and safe to repeat: %w", done.Changed, p.Matched, err)
	}
	return out, err
}

// endAfter returns a context that ends after a time, by a signal between the calls of a server. A
// deadline would end a call that is under way, with an error that does not say why.
func endAfter(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(after, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}
