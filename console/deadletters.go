package console

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/letters"
	"ingestion/internal/plural"
)

// deadPage is the screen of the dead letters: a filter, and what matches, one by one or by
// reason.
type deadPage struct {
	Done    string // what an action has done
	Wrong   string // what is wrong with the filter
	Err     error  // why nothing can be shown
	Filter  filterView
	Reasons bool // by reason

	Unread        []answer.Unread
	Kept          int64
	Seen, Matched int
	Letters       []letterRow
	Groups        []groupRow
	Others        int64
	More          template.URL // the query of what comes next; "" if nothing is left
	Older         bool         // this is not the newest part

	ByLetter, ByReason, Selected template.URL // queries with the same filter
}

// filterView is the form of the filter.
type filterView struct {
	Events                      []eventChoice
	OlderThan, Customer, Reason string
	Exact                       bool
}

type eventChoice struct {
	Name    string
	Checked bool
}

// letterRow is a dead letter in the list.
type letterRow struct {
	Name, Event, Customer, Reason, Source string
	Deliveries                            int64
	Written                               time.Time
	Age                                   time.Duration
}

// groupRow is letters with the same reason.
type groupRow struct {
	letters.Group
	Query template.URL // selects these and no others; "" if no query can
}

func (c *console) deadLetters(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page := deadPage{Filter: filterOf(q), Done: doneText(q), Reasons: q.Get("by") == "reason", Older: q.Get("from") != ""}
	page.queries(q)
	var s letters.Search
	err := knownNames(q, "by", "from", "limit", "done", "changed", "left")
	if err == nil {
		s, err = c.searchOf(q)
	}
	if err != nil {
		page.Wrong = sentence(err.Error())
		c.renderStatus(w, r, statusOf(err), "dead.html", page)
		return
	}
	c.fillDead(r, &page, s)
	c.render(w, r, "dead.html", page)
}

func (c *console) fillDead(r *http.Request, page *deadPage, s letters.Search) {
	now := c.Now()
	var groups letters.Groups
	visit := func(l *letters.Letter) { page.Letters = append(page.Letters, letterRowOf(l, now)) }
	if page.Reasons {
		s.Most, visit = scanLetters, groups.Add
	}
	found, err := c.searchLetters(r.Context(), s, visit)
	if err != nil {
		page.Err = err
		return
	}
	page.Kept, page.Seen, page.Matched, page.Unread = found.Kept, found.Seen, found.Matched, found.Unread
	largest, others := groups.Largest(shownGroups)
	for _, g := range largest {
		row := groupRow{g, groupQuery(r.URL.Query(), &g)}
		row.Event, row.Reason = shortText(g.Event), shortText(g.Reason)
		page.Groups = append(page.Groups, row)
	}
	page.Others = others
	if found.Next != nil {
		more := filterQuery(r.URL.Query())
		more.Set("from", *found.Next)
		if page.Reasons {
			more.Set("by", "reason")
		}
		page.More = template.URL(more.Encode())
	}
}

// groupQuery selects the letters of a group among those that match a query.
func groupQuery(q url.Values, g *letters.Group) template.URL {
	blank := g.Reason != "" && strings.TrimSpace(g.Reason) == ""
	if !slices.Contains(letters.Events(), g.Event) || len(g.Reason) > maxReasonCondition || blank {
		return ""
	}
	query := filterQuery(q)
	query.Set("event", g.Event)
	query.Set("exact", switchedOn)
	query.Del("reason")
	if g.Reason != "" {
		query.Set("reason", g.Reason)
	}
	return template.URL(query.Encode())
}

func letterRowOf(l *letters.Letter, now time.Time) letterRow {
	return letterRow{
		Name: l.Name, Event: shortText(l.Event), Customer: shortText(letters.CustomerOf(&l.DeadLetter)), Reason: shortText(l.Reason), Source: shortText(l.Source),
		Deliveries: l.Deliveries, Written: l.Written(), Age: max(0, now.Sub(l.Written())),
	}
}

// maxShort is how much of a text a row of a table shows, in bytes.
const maxShort = 300

// shortText is a text for a row of a table.
func shortText(text string) string {
	if len(text) > maxShort {
		return strings.ToValidUTF8(text[:maxShort], "") + "…"
	}
	return text
}

func filterOf(q url.Values) filterView {
	f := filterView{OlderThan: q.Get("olderThan"), Customer: q.Get("customer"), Reason: q.Get("reason"), Exact: q.Get("exact") == switchedOn}
	chosen := " " + strings.Join(q["event"], " ") + " "
	for _, event := range letters.Events() {
		f.Events = append(f.Events, eventChoice{event, strings.Contains(chosen, " "+event+" ")})
	}
	return f
}

// filterQuery has the conditions of a query, and nothing else of it.
func filterQuery(q url.Values) url.Values {
	kept := url.Values{}
	for _, name := range conditions {
		if values := filled(q[name]); len(values) > 0 {
			kept[name] = values
		}
	}
	return kept
}

// queries sets the addresses of what else can be done with what matches.
func (p *deadPage) queries(q url.Values) {
	filter := filterQuery(q)
	p.ByLetter = template.URL(filter.Encode())
	filter.Set("by", "reason")
	p.ByReason = template.URL(filter.Encode())
	filter.Del("by")
	if len(filter) == 0 {
		filter.Set("all", "on")
	}
	p.Selected = template.URL(filter.Encode())
}

// doneText says what an action has done, which the browser was sent here after. Only numbers
// are taken from the address.
func doneText(q url.Values) string {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(q.Get(name), 10, 64)
		return max(0, n)
	}
	changed, left := number("changed"), number("left")
	words := ""
	switch q.Get("done") {
	case "replay":
		words = letterCount(changed) + " put back on the queue."
	case "purge":
		words = letterCount(changed) + " deleted."
	case "edit":
		return "The dead letter was put back on the queue with its new body."
	default:
		return ""
	}
	if left > 0 {
		words += fmt.Sprintf(" %s can't be put back as they are, and were left.", letterCount(left))
	}
	return words
}

func letterCount(n int64) string { return plural.Counted(n, "dead letter", "dead letters") }

// sentence makes a sentence of an error.
func sentence(text string) string {
	if text == "" {
		return text
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}
