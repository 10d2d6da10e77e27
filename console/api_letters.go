package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"ingestion/internal/answer"
	"ingestion/internal/letters"
)

// Bounds of a search of dead letters.
const (
	defaultLetters = 100   // that a page shows
	mostLetters    = 1000  // that may be asked for
	scanLetters    = 20000 // that one request looks at
	shownGroups    = 100
)

func (c *console) apiLetters(r *http.Request) (any, error) {
	s, err := c.apiSearchOf(r, "limit", "from")
	if err != nil {
		return nil, err
	}
	out := answer.Letters{Letters: []answer.LetterLine{}}
	out.LetterSearch, err = c.searchLetters(r.Context(), s, func(l *letters.Letter) { out.Letters = append(out.Letters, answer.LetterLineOf(l)) })
	return out, err
}

func (c *console) apiGroups(r *http.Request) (any, error) {
	s, err := c.apiSearchOf(r, "from")
	if err != nil {
		return nil, err
	}
	var groups letters.Groups
	var out answer.LetterGroups
	s.Most = scanLetters
	if out.LetterSearch, err = c.searchLetters(r.Context(), s, groups.Add); err != nil {
		return nil, err
	}
	largest, others := groups.Largest(shownGroups)
	out.Groups, out.Others = answer.LetterGroupsOf(largest), others
	return out, nil
}

// apiSearchOf is searchOf for an address that a program has made, with other names than conditions.
func (c *console) apiSearchOf(r *http.Request, other ...string) (letters.Search, error) {
	q := r.URL.Query()
	if err := strict(q, other...); err != nil {
		return letters.Search{}, err
	}
	return c.searchOf(q)
}

// searchOf reads conditions, and where to go on.
func (c *console) searchOf(q url.Values) (letters.Search, error) {
	found := letters.Search{Most: defaultLetters, Scan: scanLetters}
	s, err := selectionOf(q)
	if err != nil {
		return found, err
	}
	found.Filter = &s.Filter
	if text := q.Get("limit"); text != "" {
		if found.Most, err = strconv.Atoi(text); err != nil || found.Most < 1 || found.Most > mostLetters {
			return found, wrong(fmt.Errorf("limit is %q: want 1 to %d", text, mostLetters))
		}
	}
	if found.From, err = c.letters.ParseCursor(q.Get("from")); err != nil {
		return found, wrong(fmt.Errorf("from: %w", err))
	}
	return found, nil
}

// searchLetters looks for dead letters, and says how far.
func (c *console) searchLetters(ctx context.Context, s letters.Search, visit func(*letters.Letter)) (answer.LetterSearch, error) {
	out := answer.LetterSearch{Version: 1}
	ctx, cancel := endAfter(ctx, c.scanFor)
	defer cancel()
	end, err := c.beginScan(ctx)
	if err != nil {
		return out, err
	}
	defer end()
	done, err := c.fixedSearch(ctx, s, visit)
	if err != nil {
		return out, err
	}
	kept, unread := c.letters.Kept(ctx)
	for _, u := range done.Unread { // it may be that only some letters of it can't be read
		if !slices.ContainsFunc(unread, func(known letters.Unread) bool { return known.Key == u.Key }) {
			unread = append(unread, u)
		}
	}
	out.Kept, out.Seen, out.Matched, out.Next = kept, done.Seen, done.Matched, answer.Text(c.letters.Cursor(done.Next))
	out.Unread = answer.UnreadOf(unread)
	return out, nil
}

// fixedSearch looks for dead letters by the clock of Redis.
func (c *console) fixedSearch(ctx context.Context, s letters.Search, visit func(*letters.Letter)) (done letters.Searched, err error) {
	if err = s.Filter.Fix(ctx, c.Source.Redis); err == nil {
		done, err = c.letters.Search(ctx, s, visit)
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("looking at dead letters takes more than %v: Redis is slow or busy, so try again later: %w", c.scanFor, err)
	}
	return done, err
}

func (c *console) apiPreview(r *http.Request) (any, error) {
	action, s, err := askedPreview(r.URL.Query())
	if err != nil {
		return nil, err
	}
	p, err := c.preview(r.Context(), action, &s)
	if err != nil {
		return nil, err
	}
	out := answer.LettersChangeOf(action, p, letters.Done{}, c.token(action, &s, p))
	out.DryRun = true
	return out, nil
}

// askedPreview reads which action would be done, and with which dead letters.
func askedPreview(q url.Values) (letters.Action, selection, error) {
	action, err := actionOf(q.Get("action"))
	if err != nil {
		return action, selection{}, err
	}
	s, err := strictly(q, "action", "id", "all", "through", "changed")
	if err == nil && len(s.Names) == 0 && !s.Narrow() && !s.All {
		err = wrong(errNothingSelected)
	}
	return action, s, err
}

// exporting is the action of a preview of an export.
const exporting letters.Action = "export"

func actionOf(text string) (letters.Action, error) {
	switch action := letters.Action(text); action {
	case letters.Replay, letters.Purge, exporting:
		return action, nil
	}
	return "", wrong(fmt.Errorf("action is %q: want replay, purge or export", text))
}

// letter returns the dead letter that the path names.
func (c *console) letter(r *http.Request) (letters.Letter, error) {
	name := r.PathValue("id")
	if _, _, err := c.letters.Parse(name); err != nil {
		return letters.Letter{}, wrong(err)
	}
	l, there, err := c.letters.Get(r.Context(), name)
	if err == nil && !there {
		err = problemOf(http.StatusNotFound, fmt.Errorf("there is no dead letter %s: it was never there, or has been put back or deleted", name))
	}
	return l, err
}

// breaks returns which of the worker's rules a dead letter breaks today; nil if none.
func (c *console) breaks(l *letters.Letter) error {
	if l.Fields != nil {
		return errors.New(`the entry has not exactly one field "data"`)
	}
	_, err := c.Decoder.Decode([]byte(l.Data))
	return err
}

func (c *console) apiLetter(r *http.Request) (any, error) {
	l, err := c.letter(r)
	if err != nil {
		return nil, err
	}
	return answer.LetterDetailsOf(&l, c.breaks(&l), false), nil
}

func (c *console) apiReveal(r *http.Request) (any, error) {
	l, err := c.reveal(r)
	if err != nil {
		return nil, err
	}
	return answer.LetterDetailsOf(&l, c.breaks(&l), true), nil
}

// reveal returns a dead letter that is shown in full. Who did that is noted before.
func (c *console) reveal(r *http.Request) (letters.Letter, error) {
	l, err := c.letter(r)
	if err == nil {
		c.audit(r, "dead_reveal", "letter", l.Name)
	}
	return l, err
}

func (c *console) apiValidate(r *http.Request) (any, error) {
	var asked struct {
		Body string `json:"body"`
	}
	if err := readJSON(r, &asked); err != nil {
		return nil, err
	}
	return answer.ValidationOf(c.Decoder.Decode([]byte(asked.Body))), nil
}

// lettersRequest selects dead letters. Conditions are pointers since an empty one is a mistake,
// as of a variable that is not set: without it more would be selected than was meant.
type lettersRequest struct {
	IDs       []string `json:"ids"`
	All       bool     `json:"all"`
	Events    []string `json:"events"`
	OlderThan *string  `json:"olderThan"`
	Customer  *string  `json:"customer"`
	Reason    *string  `json:"reason"`
	Exact     bool     `json:"exact"`
	Through   *string  `json:"through"`
}

func (q *lettersRequest) selection() (selection, error) {
	if q.IDs != nil && len(q.IDs) == 0 || q.Events != nil && len(q.Events) == 0 || slices.Contains(q.IDs, "") || slices.Contains(q.Events, "") {
		return selection{}, wrong(errors.New("ids or events, or an item of them, is empty: leave it out if that is meant"))
	}
	given := url.Values{"id": q.IDs, "event": q.Events}
	for name, value := range map[string]*string{"olderThan": q.OlderThan, "customer": q.Customer, "reason": q.Reason, "through": q.Through} {
		if value == nil {
			continue
		}
		if given.Set(name, *value); *value == "" {
			return selection{}, wrong(fmt.Errorf("%s is empty: leave it out if that is meant", name))
		}
	}
	for name, on := range map[string]bool{"all": q.All, "exact": q.Exact} {
		if on {
			given.Set(name, switchedOn)
		}
	}
	return selectionOf(given)
}

func (c *console) apiReplay(r *http.Request) (any, error) { return c.apiChange(r, letters.Replay) }

func (c *console) apiPurge(r *http.Request) (any, error) { return c.apiChange(r, letters.Purge) }

func (c *console) apiChange(r *http.Request, action letters.Action) (any, error) {
	var asked lettersRequest
	if err := readJSON(r, &asked); err != nil {
		return nil, err
	}
	s, err := asked.selection()
	if err != nil {
		return nil, err
	}
	out, err := c.changeLetters(r, action, &s)
	return out, err
}

// editRequest is the new body of a dead letter, or the fields of it that change.
type editRequest struct {
	Body *string           `json:"body"`
	Set  map[string]string `json:"set"`
}

func (c *console) apiEdit(r *http.Request) (any, error) {
	var asked editRequest
	if err := readJSON(r, &asked); err != nil {
		return nil, err
	}
	l, err := c.letter(r)
	if err != nil {
		return nil, err
	}
	body, err := asked.of(&l)
	if err != nil {
		return nil, wrong(err)
	}
	out, err := c.resend(r, &l, body)
	if err == nil && !out.Valid {
		return invalid{out}, nil
	}
	return out, err
}

// of returns the new body of a dead letter.
func (q *editRequest) of(l *letters.Letter) ([]byte, error) {
	switch {
	case (q.Body == nil) == (len(q.Set) == 0):
		return nil, errors.New("give either body or set")
	case q.Body != nil:
		return []byte(*q.Body), nil
	case l.Fields != nil:
		return nil, errors.New("the entry had not exactly one body, so that no field of it can be set: give the whole body")
	}
	return withFields([]byte(l.Data), q.Set)
}

func (c *console) apiExport(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		lettersRequest
		Details bool `json:"details"`
	}
	err := readJSON(r, &asked)
	var s selection
	if err == nil {
		s, err = asked.selection()
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.export(w, r, &s, asked.Details)
}
