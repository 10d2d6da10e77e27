package console

import (
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"ingestion/internal/letters"
)

// changePage asks before an action on dead letters, with the number of those that match.
type changePage struct {
	Action                letters.Action
	Verb, Done            string // "Replay", "put back on the queue"
	Words                 string // what is selected
	Fields                []formField
	Matched, Bytes, Unfit int64
	Events                []eventCount
	Preview               *letters.Preview
	Deletes               bool
	Confirm               string // what has to be typed
	Wrong                 string // why the action was not done
	Progress              string // what an earlier step has done
	Back                  template.URL
}

type formField struct{ Name, Value string }

type eventCount struct {
	Event string
	N     int64
}

var actionWords = map[letters.Action][2]string{
	letters.Replay: {"Replay", "put back on the queue, unchanged"},
	letters.Purge:  {"Delete", "deleted for good"},
	exporting:      {"Export", "exported with their personal data"},
}

// askChange shows what an action would do, and the button that does it.
func (c *console) askChange(w http.ResponseWriter, r *http.Request) {
	action, s, err := askedPreview(r.URL.Query())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.showChange(w, r, http.StatusOK, action, &s, "")
}

func (c *console) showChange(w http.ResponseWriter, r *http.Request, status int, action letters.Action, s *selection, wrong string) {
	_ = r.ParseForm() // fills r.Form, from the address or the form
	p, err := c.preview(r.Context(), action, s)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page := changePage{
		Action: action, Verb: actionWords[action][0], Done: actionWords[action][1], Words: s.words(), Matched: p.Matched, Bytes: p.Bytes,
		Preview: p, Deletes: action == letters.Purge, Confirm: strconv.FormatInt(p.Matched, 10), Wrong: wrong,
		Back: template.URL(filterQuery(s.query()).Encode()), Progress: c.progressWords(r.Form),
	}
	for _, event := range slices.Sorted(maps.Keys(p.Events)) {
		page.Events = append(page.Events, eventCount{event, p.Events[event]})
	}
	page.Fields = fieldsOf(s.query())
	if token := c.token(action, s, p); token != "" {
		page.Fields = append(page.Fields, formField{"through", token})
	}
	if page.Progress != "" {
		page.Fields = append(page.Fields, formField{"changed", strconv.FormatInt(changedBefore(r.Form), 10)})
	}
	c.renderTitled(w, r, status, page.Verb+" dead letters", "deadchange.html", page)
}

// fieldsOf are the fields of a form that has the values of a query.
func fieldsOf(q url.Values) (fields []formField) {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		for _, value := range q[name] {
			fields = append(fields, formField{name, value})
		}
	}
	return fields
}

// progressWords say what earlier requests have done, before the time for each was over.
func (c *console) progressWords(q url.Values) string {
	if !q.Has("changed") {
		return ""
	}
	return fmt.Sprintf("%s so far. One request takes at most %v: go on with the rest.", letterCount(changedBefore(q)), c.ChangeTimeout)
}

// changedBefore is how many letters earlier requests have changed, which is only shown.
func changedBefore(q url.Values) int64 {
	n, _ := strconv.ParseInt(q.Get("changed"), 10, 64)
	return max(0, n)
}

func (c *console) replayLetters(w http.ResponseWriter, r *http.Request) {
	c.submitChange(w, r, letters.Replay)
}

func (c *console) purgeLetters(w http.ResponseWriter, r *http.Request) {
	c.submitChange(w, r, letters.Purge)
}

// submitChange does what the form of askChange asks for.
func (c *console) submitChange(w http.ResponseWriter, r *http.Request, action letters.Action) {
	s, err := formSelection(r)
	if err == nil {
		err = s.definite()
	}
	var p *letters.Preview
	if err == nil {
		p, err = c.preview(r.Context(), action, &s)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if typed := strings.TrimSpace(r.PostFormValue("confirm")); action == letters.Purge && typed != strconv.FormatInt(p.Matched, 10) {
		c.showChange(w, r, http.StatusUnprocessableEntity, action, &s, "Nothing was deleted: the number that was typed is not that of the dead letters.")
		return
	}
	out, err := c.applyChange(r, action, &s, p)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	changed := out.Changed + changedBefore(r.PostForm)
	result := url.Values{"changed": {strconv.FormatInt(changed, 10)}, "left": {strconv.FormatInt(out.Unfit, 10)}}
	if out.Complete {
		result.Set("done", string(action))
		c.redirect(w, r, "dead?"+result.Encode())
		return
	}
	rest := s.query()
	rest.Set("action", string(action))
	if s.Through != "" { // what was named needs no preview
		rest.Set("through", s.Through)
	}
	rest.Set("changed", result.Get("changed"))
	c.redirect(w, r, "dead/change?"+rest.Encode())
}

func (c *console) exportLetters(w http.ResponseWriter, r *http.Request) {
	s, err := formSelection(r)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.export(w, r, &s, r.PostFormValue("details") != "")
}

func formSelection(r *http.Request) (selection, error) {
	if err := r.ParseForm(); err != nil {
		return selection{}, wrong(fmt.Errorf("the form can't be read: %w", err))
	}
	return strictly(r.PostForm, "id", "all", "through", "changed", "confirm", "details")
}
