package console_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/net/html"

	"ingestion/record"
	"ingestion/streams"
)

// formOf returns the hidden fields of the form with an action, as pairs.
func formOf(t *testing.T, page, action string) (pairs []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	must(t, err)
	for n := range root.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" || !strings.HasSuffix(attribute(n, "action"), action) {
			continue
		}
		for input := range n.Descendants() {
			if input.Data == "input" && attribute(input, "type") == "hidden" {
				pairs = append(pairs, attribute(input, "name"), attribute(input, "value"))
			}
		}
		return pairs
	}
	t.Fatalf("no form for %s in\n%s", action, page)
	return nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func wantParts(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

func TestDeadLettersAreListedAndGrouped(t *testing.T) {
	r := newLetterRig(t)
	if page := r.page(200, "/dead"); !strings.Contains(page, "There are no dead letters") {
		t.Errorf("no words for an empty list:\n%s", page)
	}
	r.refuse(record.Rejected, "DocumentValidationFailure", ada, ada)
	r.refuse(record.Invalid, "email: missing", `{"customerId":"7"}`)
	page := r.page(200, "/dead")
	wantParts(t, page, "3 found among 3 looked at, of 3 kept", "DocumentValidationFailure", "email: missing", "customers.csv:12", `href="./dead/`+r.names()[0]+`"`)
	if strings.Contains(page, "Lovelace") {
		t.Error("the list has personal data")
	}
	wantParts(t, r.page(200, "/dead?event=validation_failed&customer=7"), "1 found among 3", `value="validation_failed" checked`, "action=purge&amp;customer=7&amp;event=validation_failed")
	wantParts(t, r.page(200, "/dead?reason=nothing"), "No dead letter that was looked at matches")
	wantParts(t, r.page(200, "/dead?by=reason"), `href="./dead?event=rejected&amp;exact=on&amp;reason=DocumentValidationFailure"`)
	wantParts(t, r.page(400, "/dead?olderThan=soon"), "is not an age")
}

// What does not fit on a page follows on the next one, with the same filter.
func TestLongListsOfDeadLettersGoOn(t *testing.T) {
	r := newLetterRig(t)
	const n, kept = 150, 20_000
	pipe := r.client.Pipeline()
	for i := range kept + 1 {
		pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "{s}:dead", Values: []any{"event", "rejected", "reason", strconv.Itoa(i % n), "data", ada}})
	}
	_, err := pipe.Exec(t.Context())
	must(t, err)
	more := regexp.MustCompile(`href="\./dead\?([^"]*from=[^"]*)"`)
	next := func(page string) string {
		found := more.FindStringSubmatch(page)
		if found == nil {
			t.Fatalf("no link to what follows:\n%s", page)
		}
		return "/dead?" + strings.ReplaceAll(found[1], "&amp;", "&")
	}
	page := r.page(200, "/dead?customer=42&reason=149&exact=on")
	wantParts(t, page, "100 found among ")
	wantParts(t, next(page), "customer=42", "reason=149", "exact=on")
	wantParts(t, r.page(200, next(page)), "33 found among ")

	page = r.page(200, "/dead?by=reason&event=rejected")
	wantParts(t, page, "20,000 found among 20,000 looked at, of 20,001 kept", "more have other reasons.")
	wantParts(t, next(page), "by=reason", "event=rejected")
	wantParts(t, r.page(200, next(page)), "1 found among 1 looked at")
}

// A purge deletes what its preview has counted, once that number is typed.
func TestPurgeIsPreviewedAndConfirmed(t *testing.T) {
	r := newLetterRig(t)
	r.refuse(record.Rejected, "refused", ada, ada)
	preview := r.page(200, "/dead/change?action=purge&event=rejected")
	wantParts(t, preview, "dead letters would be deleted for good", "Type 2 to delete")
	fields := formOf(t, preview, "dead/purge")
	r.refuse(record.Rejected, "refused", ada) // after the preview
	for _, typed := range []string{"", "1", "3", "all"} {
		wantParts(t, r.text(422, r.form("/dead/purge", append(fields, "confirm", typed)...)), "Nothing was deleted", "Type 2 to delete")
	}
	if n := len(r.names()); n != 3 {
		t.Fatalf("%d dead letters after purges that were not confirmed", n)
	}
	got := r.form("/dead/purge", append(fields, "confirm", "2")...)
	if at := got.Header.Get("Location"); got.StatusCode != 303 || at != "../dead?changed=2&done=purge&left=0" {
		t.Errorf("status %d, %s", got.StatusCode, at)
	}
	if n := len(r.names()); n != 1 {
		t.Errorf("%d dead letters are left, want the one after the preview", n)
	}
	wantParts(t, r.page(200, "/dead?changed=2&done=purge&left=0"), "2 dead letters deleted.")
	wantParts(t, r.text(409, r.form("/dead/purge", append(fields, "confirm", "2", "event", "poisoned")...)), "is not of a preview of this selection")
	wantParts(t, r.text(400, r.form("/dead/purge", "event", "rejected", "confirm", "1")), "take it from a preview")
}

func TestOneLetterIsReplayed(t *testing.T) {
	r := newLetterRig(t)
	r.refuse(record.Rejected, "refused", ada, ada)
	name := r.names()[0]
	fields := formOf(t, r.page(200, "/dead/change?action=replay&id="+name), "dead/replay")
	if got := r.form("/dead/replay", fields...); got.StatusCode != 303 {
		t.Fatalf("status %d", got.StatusCode)
	}
	if names := r.names(); len(names) != 1 || names[0] == name {
		t.Errorf("left are %v", names)
	}
	if got := r.form("/dead/replay", fields...); got.StatusCode != 303 || !strings.Contains(got.Header.Get("Location"), "changed=0") || len(r.names()) != 1 {
		t.Errorf("a repetition: status %d, %v", got.StatusCode, got.Header)
	}
}

// What is personal is shown only after a click, which is noted.
func TestLettersAreMaskedUntilRevealed(t *testing.T) {
	r := newLetterRig(t)
	r.refuse(record.Rejected, "refused", ada)
	path := "/dead/" + r.names()[0]
	page := r.page(200, path)
	wantParts(t, page, "A***", "a***@lovelace.org", "follows all rules today")
	if strings.Contains(page, "Ada") || strings.Contains(page, "edit\"") {
		t.Errorf("the page has personal data, or a form to edit it:\n%s", page)
	}
	wantParts(t, r.text(200, r.form(path+"/reveal")), "Ada Lovelace", "<textarea")
	wantParts(t, r.log.String(), "msg=console_dead_reveal", "user=anonymous", "letter="+r.names()[0])
	wantParts(t, r.page(200, "/activity"), "dead_reveal", "anonymous", r.names()[0])
	r.page(404, path+"/reveal")
	r.page(404, "/dead/1-1")
	r.page(400, "/dead/x")
	if a, err := streams.ReadActivities(t.Context(), r.client, "s", 9); err != nil || len(a) != 1 {
		t.Errorf("activities: %v, %v", a, err)
	}
}

func TestEditAndResend(t *testing.T) {
	r := newLetterRig(t)
	r.refuse(record.Invalid, "email: missing", `{"customerId":"42"}`)
	path := "/dead/" + r.names()[0] + "/edit"
	wrong := `{"customerId":"42","name":"</textarea>Ada"}`
	page := r.text(422, r.form(path, "body", wrong))
	wantParts(t, page, "Not sent", "email: missing", "createdAt: missing", "&lt;/textarea&gt;Ada")
	wantParts(t, r.text(422, r.form(path, "body", `{"customerId":"42"}`)), "Nothing was changed")
	if len(r.names()) != 1 {
		t.Fatal("a wrong body was sent")
	}
	if got := r.form(path, "body", ada+"\r\n"); got.StatusCode != 303 || got.Header.Get("Location") != "../../dead?done=edit" {
		t.Errorf("status %d, %v", got.StatusCode, got.Header)
	}
	last := r.client.XRevRangeN(t.Context(), "s", "+", "-", 1).Val()[0].Values
	if last["data"] != ada || last["source"] != "customers.csv:12" || len(r.names()) != 0 {
		t.Errorf("sent was %v, left are %v", last, r.names())
	}
	r.text(404, r.form(path, "body", ada))
}

func TestExportIsAFile(t *testing.T) {
	r := newLetterRig(t)
	r.refuse(record.Rejected, "refused", ada, "two\nlines", ada)
	fields := formOf(t, r.page(200, "/dead/change?action=export&all=on"), "dead/export")
	got := r.form("/dead/export", fields...)
	if at := got.Header.Get("Content-Disposition"); at != `attachment; filename="dead.ndjson"` {
		t.Errorf("%q", at)
	}
	if text := r.text(200, got); text != ada+"\n"+ada+"\n" {
		t.Errorf("%q", text)
	}
	if lines := strings.Count(r.text(200, r.form("/dead/export", append(fields, "details", "on")...)), "\n"); lines != 3 {
		t.Errorf("%d lines of details", lines)
	}
	wantParts(t, r.page(200, "/activity"), "dead_export", "matched")
	r.refuse(record.Rejected, "refused", ada) // after the preview
	if lines := strings.Count(r.text(200, r.form("/dead/export", append(fields, "details", "on")...)), "\n"); lines != 3 {
		t.Errorf("%d lines of details, want those that the preview has counted", lines)
	}
}

// A file that begins with another line than an object is not taken for one of another kind.
func TestAnExportThatBeginsWithNoObject(t *testing.T) {
	r := newLetterRig(t)
	r.refuse(record.Rejected, "refused", "customerId,name", ada)
	if text := r.text(200, r.form("/dead/export", "all", "on")); text != "\n\ncustomerId,name\n"+ada+"\n" {
		t.Errorf("%q", text)
	}
}

func TestTheQueuesButtonsPauseAndResume(t *testing.T) {
	r := newLetterRig(t)
	if got := r.form("/queue/pause", "for", "30m", "reason", "new index"); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "../queue" {
		t.Errorf("status %d, %v", got.StatusCode, got.Header)
	}
	if c, _, err := streams.ReadControl(t.Context(), r.client, "s"); err != nil || c.Reason != "new index" || c.Until.IsZero() {
		t.Errorf("%+v, %v", c, err)
	}
	r.form("/queue/resume")
	if c, _, err := streams.ReadControl(t.Context(), r.client, "s"); err != nil || !c.Until.IsZero() {
		t.Errorf("%+v, %v", c, err)
	}
	wantParts(t, r.text(400, r.form("/queue/pause", "for", "soon")), "want a duration")
}

// A pause that is over was not ended by who resumes afterwards, nor replaced by who pauses then.
func TestAPauseThatIsOver(t *testing.T) {
	a := newAPI(newLetterRig(t))
	lapsed := func() {
		must(t, streams.Pause(t.Context(), a.client, "s", streams.Control{By: "ada", Until: time.Now().Add(-time.Minute)}))
	}
	lapsed()
	if p := a.call(200, "POST", "resume", ""); p["was"] != nil {
		t.Errorf("resumed: %v", p)
	}
	lapsed()
	if p := a.call(200, "POST", "pause", `{"for":"10m"}`); p["replaced"] != nil {
		t.Errorf("paused: %v", p)
	}
}

// A pause that can't be read is ended and replaced all the same.
func TestAPauseThatCannotBeRead(t *testing.T) {
	a := newAPI(newLetterRig(t))
	broken := func() { must(t, a.client.HSet(t.Context(), "{s}:control", "paused", "perhaps").Err()) }
	broken()
	if p := a.call(200, "POST", "resume", ""); p["was"] != nil || a.client.Exists(t.Context(), "{s}:control").Val() != 0 {
		t.Errorf("resumed: %v", p)
	}
	broken()
	if p := a.call(200, "POST", "pause", `{"for":"10m"}`); p["replaced"] != nil {
		t.Errorf("paused: %v", p)
	}
	if c, now, err := streams.ReadControl(t.Context(), a.client, "s"); err != nil || !c.Active(now) {
		t.Errorf("%+v, %v", c, err)
	}
}

// A note of what was done is short, however much it was done with: Redis keeps a thousand of them.
func TestNotesAreShort(t *testing.T) {
	r := newLetterRig(t)
	var fields []string
	for i := range 1000 {
		fields = append(fields, "id", strconv.Itoa(1_000_000_000_000+i)+"-0")
	}
	r.text(303, r.form("/dead/replay", fields...))
	notes := r.client.LRange(t.Context(), streams.KeysOf("s").Audit, 0, -1).Val()
	if len(notes) != 2 || len(notes[0]) > 1000 || len(notes[1]) > 1000 { // before and after
		t.Errorf("notes: %q", notes)
	}
	wantParts(t, r.log.String(), "1000000000999-0") // the log has all
}

// A read-only console offers no button that would answer 403.
func TestReadOnlyPagesHaveNoChanges(t *testing.T) {
	r := readOnlyRig(t)
	for _, path := range []string{"/dead", "/dead/" + r.names()[0], "/dead/change?action=purge&all=on"} {
		page := r.page(200, path)
		if n := strings.Count(page, `method="post"`); n != 1 || !strings.Contains(page, "read-only") {
			t.Errorf("%s: %d forms beside that of the theme:\n%s", path, n-1, page)
		}
	}
}
