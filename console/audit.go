package console

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"ingestion/streams"
)

// auditTimeout bounds the note of what somebody did, after which the answer waits no longer.
const auditTimeout = 3 * time.Second

// outcome is what has become of something that somebody did, as the status of its line in the log and in
// its note.
type outcome string

const (
	begun     outcome = "begun" // noted before, so that it is known even if the console dies
	succeeded outcome = "success"
	partial   outcome = "partial"   // done in part; it may go on
	refused   outcome = "error"     // not done
	uncertain outcome = "uncertain" // done or not: a server's answer is missing
)

// deed is something that somebody does to the queue. Its beginning is noted, and how it ends.
type deed struct {
	c      *console
	r      *http.Request
	action string
}

// begin notes that somebody is about to do something. The details are alternating names and values,
// without personal data.
func (c *console) begin(r *http.Request, action string, details ...any) *deed {
	d := &deed{c, r, action}
	d.note(begun, details)
	return d
}

// end notes how it has ended: by an error, or well in full or in part.
func (d *deed) end(well outcome, err error, details ...any) {
	if err != nil {
		well, details = outcomeOf(err), append(slices.Clone(details), "problem", err.Error())
	}
	d.note(well, details)
}

// outcomeOf is what an error makes of a change: a problem is told before anything is changed.
func outcomeOf(err error) outcome {
	if statusOf(err) == http.StatusServiceUnavailable {
		return uncertain
	}
	return refused
}

func (d *deed) note(what outcome, details []any) { d.c.note(d.r, d.action, what, details) }

// audit notes what is done at once, such as showing something: before it is.
func (c *console) audit(r *http.Request, action string, details ...any) {
	c.note(r, action, succeeded, details)
}

// note logs what somebody did, and keeps it in Redis, where the console shows it. The log has it also if
// Redis takes no note, and has long details in full.
func (c *console) note(r *http.Request, action string, what outcome, details []any) {
	user := c.user(r)
	log := c.Log.Info
	if what == refused || what == uncertain {
		log = c.Log.Warn
	}
	log("console_"+action, append([]any{"status", string(what), "user", user}, details...)...)
	note := streams.Activity{At: c.Now().UTC(), User: user, Action: action, Detail: detailsOf(details)}
	if what != succeeded {
		note.Detail["outcome"] = string(what)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), auditTimeout)
	defer cancel()
	if err := streams.NoteActivity(ctx, c.Source.Redis, c.Source.Main(), note); err != nil {
		c.Log.Warn("warning", "status", "error", "reason", "what a user did is in the log only: "+err.Error())
	}
}

func detailsOf(pairs []any) map[string]string {
	named := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		named[fmt.Sprint(pairs[i])] = strings.ToValidUTF8(shortText(fmt.Sprint(pairs[i+1])), "\ufffd")
	}
	return named
}

// shownActivities is how many activities a page shows.
const shownActivities = 100

// activity shows who did what.
func (c *console) activity(w http.ResponseWriter, r *http.Request) {
	all, err := streams.ReadActivities(r.Context(), c.Source.Redis, c.Source.Main(), shownActivities)
	page := activityPage{Err: err, Kept: streams.MaxActivities}
	for _, a := range all {
		page.Activities = append(page.Activities, activityRowOf(a))
	}
	c.render(w, r, "activity.html", page)
}

type activityPage struct {
	Err        error
	Activities []activityRow
	Kept       int
}

// activityRow is what somebody did; Action is empty if its note can't be read.
type activityRow struct {
	At           time.Time
	User, Action string
	Details      []formField
}

func activityRowOf(a streams.Activity) activityRow {
	row := activityRow{At: a.At, User: shortText(a.User), Action: shortText(a.Action)}
	for _, name := range slices.Sorted(maps.Keys(a.Detail)) {
		row.Details = append(row.Details, formField{shortText(name), shortText(a.Detail[name])})
	}
	return row
}
