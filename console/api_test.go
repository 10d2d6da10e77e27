package console_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/redis/go-redis/v9"

	"ingestion/console"
	"ingestion/internal/inspect"
	"ingestion/internal/test/schema"
	"ingestion/record"
	"ingestion/streams/streamstest"
)

func valuesOf(pairs []string) url.Values {
	values := url.Values{}
	for pair := range slices.Chunk(pairs, 2) {
		values.Add(pair[0], pair[1])
	}
	return values
}

func TestOpenAPIIsValid(t *testing.T) {
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	must(t, err)
	must(t, doc.Validate(t.Context()))
}

// Every operation of the document is asked for, with success and without, and each answer is
// as the document says.
func TestTheAPIAnswersAsDescribed(t *testing.T) {
	a := newAPI(newLetterRig(t))
	a.refuse(record.Rejected, "DocumentValidationFailure", ada, ada, ada)
	a.refuse(record.Invalid, "email: missing", `{"customerId":"42"}`)
	t.Run("reading", func(t *testing.T) { a.t = t; a.reads() })
	t.Run("dead letters", func(t *testing.T) { a.t = t; a.readsLetters() })
	t.Run("limits", func(t *testing.T) { a.t = t; a.changesLimits() })
	t.Run("pauses", func(t *testing.T) { a.t = t; a.pauses() })
	t.Run("changing dead letters", func(t *testing.T) { a.t = t; a.changesLetters() })
	a.t = t
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	must(t, err)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if !a.asked[operation.OperationID] {
				t.Errorf("%s %s was never asked for", method, path)
			}
		}
	}
}

func (a *api) reads() {
	t := a.t
	schema.Check(t, "ingestctl-status", []byte(a.send(200, "GET", "status", "", true)))
	if s := a.call(200, "GET", "status", ""); s["mode"] != "stream" || s["total"].(map[string]any)["deadLetters"] != 4.0 {
		t.Errorf("%v", s)
	}
	must(t, a.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", strings.Replace(ada, "42", "9", 1)}}).Err())
	held := streamstest.Receive(t, a.queue, 1)
	if p := a.call(200, "GET", "queue/pending", ""); p["all"] != true || p["entries"].([]any)[0].(map[string]any)["consumer"] != "c" {
		t.Errorf("%v", p)
	}
	_, err := a.queue.Settle(t.Context(), streamstest.All(record.Ingested, held))
	must(t, err)
	for _, query := range []string{"", "?unit=hour&since=7d"} {
		a.call(200, "GET", "history"+query, "")
	}
	a.fault(400, "GET", "history?unit=day", "")
	a.fault(400, "GET", "history?since=-1h", "")
	a.call(200, "GET", "customers", "")
	if w := a.call(200, "GET", "customers/one?customerId=42", ""); w["customerId"] != "42" || w["limit"] != "5/60" {
		t.Errorf("%v", w)
	}
	a.fault(400, "GET", "customers/one?customerId=%01", "")
	if tr := a.call(200, "GET", "trace?customerId=42", ""); tr["found"] != true || tr["masked"] != true {
		t.Errorf("%v", tr)
	}
	if v := a.call(200, "GET", "archive", ""); v["configured"] != false || len(v["chains"].([]any)) != 2 {
		t.Errorf("%v", v)
	}
	a.call(200, "GET", "trace?id="+a.names()[0], "")
	a.fault(400, "GET", "trace?id=x", "")
	a.fault(400, "GET", "trace", "")
	a.fault(400, "GET", "trace?customerId=42&email=ada@lovelace.org", "")
	if tr := a.call(200, "POST", "trace", `{"customerId":"42","email":"ada@lovelace.org"}`); tr["email"] != "a***@lovelace.org" || tr["matches"] != 3.0 {
		t.Errorf("%v", tr)
	}
	a.fault(400, "POST", "trace", `{"customerId":"42","createdAt":"yesterday"}`)
	if v := a.call(200, "POST", "validate", fmt.Sprintf(`{"body":%q}`, ada)); v["valid"] != true || v["customerId"] != "42" || len(v["_id"].(string)) != 64 {
		t.Errorf("%v", v)
	}
	if v := a.call(200, "POST", "validate", `{"body":"{\"customerId\":\"42\",\"name\":\"A\"}"}`); v["valid"] != false || len(v["breaks"].([]any)) != 2 {
		t.Errorf("%v", v)
	}
	a.fault(400, "POST", "validate", `{"bodies":""}`)
	a.fault(400, "POST", "validate", `{"body":""}{}`)
	a.fault(415, "POST", "validate", "")
	a.call(200, "GET", "openapi.yaml", "")
}

func (a *api) readsLetters() {
	t, names := a.t, a.names()
	all := a.call(200, "GET", "dead", "")
	if all["kept"] != 4.0 || all["matched"] != 4.0 || all["next"] != nil || len(all["letters"].([]any)) != 4 {
		t.Errorf("%v", all)
	}
	page := a.call(200, "GET", "dead?event=rejected&customer=42&reason=documentvalidation&limit=2", "")
	rest := a.call(200, "GET", "dead?event=rejected&limit=2&from="+url.QueryEscape(page["next"].(string)), "")
	if page["matched"] != 2.0 || rest["matched"] != 1.0 || rest["next"] != nil {
		t.Errorf("%v, then %v", page, rest)
	}
	if old := a.call(200, "GET", "dead?olderThan=7d", ""); old["matched"] != 0.0 {
		t.Errorf("%v", old)
	}
	for _, query := range []string{"event=x", "olderThan=x", "limit=0", "limit=1001", "from=1-0,2-0", "id=" + names[0]} {
		a.fault(400, "GET", "dead?"+query, "")
	}
	groups := a.call(200, "GET", "dead/groups", "")
	if first := groups["groups"].([]any)[0].(map[string]any); first["count"] != 3.0 || first["event"] != "rejected" {
		t.Errorf("%v", groups)
	}
	l := a.call(200, "GET", "dead/"+names[0], "")
	if l["masked"] != true || l["valid"] != true || strings.Contains(l["data"].(string), "Lovelace") {
		t.Errorf("%v", l)
	}
	if l := a.call(200, "POST", "dead/"+names[0]+"/reveal", ""); l["masked"] != false || l["data"] != ada {
		t.Errorf("%v", l)
	}
	a.fault(404, "GET", "dead/1-1", "")
	a.fault(400, "GET", "dead/x", "")
	a.fault(404, "POST", "dead/1-1/reveal", "")
	for _, query := range []string{"action=purge", "action=edit&all=on", "action=purge&all=on&event=rejected", "action=purge&id=x"} {
		a.fault(400, "GET", "dead/preview?"+query, "")
	}
}

func (a *api) changesLimits() {
	t := a.t
	if l := a.call(200, "PUT", "limits/one?customerId=42", `{"limit":"100/60"}`); l["changed"] != true || l["after"].(map[string]any)["own"] != "100/60" {
		t.Errorf("%v", l)
	}
	if l := a.call(200, "GET", "limits/one?customerId=42", ""); l["limit"] != "100/60" || l["ownApplies"] != true {
		t.Errorf("%v", l)
	}
	if l := a.call(200, "GET", "limits", ""); l["total"] != 1.0 {
		t.Errorf("%v", l)
	}
	if l := a.call(200, "DELETE", "limits/one?customerId=42", ""); l["changed"] != true || l["before"].(map[string]any)["own"] != "100/60" || l["after"].(map[string]any)["own"] != nil {
		t.Errorf("%v", l)
	}
	a.fault(400, "PUT", "limits/one?customerId=42", `{"limit":"many"}`)
	a.fault(400, "PUT", "limits/one?customerId=%01", `{"limit":"1/1"}`)
}

func (a *api) pauses() {
	t := a.t
	if p := a.call(200, "POST", "pause", `{"for":"30m","reason":"new index"}`); p["by"] != "anonymous" || p["reason"] != "new index" || p["until"] == nil {
		t.Errorf("%v", p)
	}
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	if p := a.call(200, "POST", "pause", `{"until":"`+until+`"}`); p["replaced"] == nil {
		t.Errorf("%v", p)
	}
	if p := a.call(200, "POST", "resume", ""); p["was"] == nil {
		t.Errorf("%v", p)
	}
	if p := a.call(200, "POST", "resume", ""); p["was"] != nil {
		t.Errorf("%v", p)
	}
	for _, body := range []string{`{"for":"x"}`, `{"for":"-1s"}`, `{"until":"2020-01-01T00:00:00Z"}`, `{"until":"noon"}`, `{"for":"1m","until":"` + until + `"}`, `{"reason":"` + strings.Repeat("x", 501) + `"}`} {
		a.fault(400, "POST", "pause", body)
	}
}

func (a *api) changesLetters() {
	t, names := a.t, a.names()
	preview := a.call(200, "GET", "dead/preview?action=purge&event=validation_failed", "")
	through := preview["through"].(string)
	if preview["matched"] != 1.0 || preview["dryRun"] != true {
		t.Errorf("%v", preview)
	}
	for body, status := range map[string]int{
		`{"events":["validation_failed"]}`:                               400, // not bound to a preview
		`{"through":"` + through + `"}`:                                  400, // nothing selected
		`{"events":["rejected"],"through":"` + through + `"}`:            409, // another filter
		`{"all":true,"through":"x"}`:                                     409,
		`{"all":true,"events":["rejected"],"through":"` + through + `"}`: 400,
		`{"events":["validation_failed"],"customer":"","through":"x"}`:   400,
		`{"events":["validation_failed",""],"through":"x"}`:              400,
		`{"events":["validation_failed"],"costumer":"1","through":"x"}`:  400,
		`{"ids":["x"]}`: 400,
	} {
		a.fault(status, "POST", "dead/purge", body)
	}
	if n := len(a.names()); n != 4 {
		t.Fatalf("%d dead letters after changes that were refused", n)
	}
	a.refuse(record.Invalid, "later", `{}`) // which no preview has seen
	if done := a.call(200, "POST", "dead/purge", `{"events":["validation_failed"],"through":"`+through+`"}`); done["changed"] != 1.0 || done["complete"] != true {
		t.Errorf("%v", done)
	}
	if left := a.names(); len(left) != 4 || left[3] == names[3] {
		t.Errorf("after a purge: %v, before: %v", left, names)
	}
	a.edits(names[0])
	if lines := a.send(200, "POST", "dead/export", `{"events":["rejected"]}`, true); lines != ada+"\n"+ada+"\n" {
		t.Errorf("%q", lines)
	}
	for line := range strings.Lines(a.send(200, "POST", "dead/export", `{"ids":["`+names[1]+`"],"details":true}`, true)) {
		schema.Check(t, "ingestctl-dead-list", []byte(line))
	}
	a.fault(400, "POST", "dead/export", `{}`)
	if done := a.call(200, "POST", "dead/replay", `{"ids":["`+names[1]+`"]}`); done["changed"] != 1.0 || done["through"] != nil {
		t.Errorf("%v", done)
	}
	if n := a.client.XLen(t.Context(), "s").Val(); n != 8 {
		t.Errorf("%d entries on the stream: two were put back", n)
	}
	activity := a.call(200, "GET", "activity", "")["activities"].([]any)
	newest := activity[0].(map[string]any)
	if newest["action"] != "dead_replay" || newest["user"] != "anonymous" || newest["details"].(map[string]any)["changed"] != "1" {
		t.Errorf("%v", newest)
	}
}

func (a *api) edits(name string) {
	t := a.t
	if e := a.call(422, "POST", "dead/"+name+"/edit", `{"set":{"email":"x"}}`); e["sent"] != false || e["valid"] != false || e["breaks"] == nil {
		t.Errorf("%v", e)
	}
	a.fault(400, "POST", "dead/"+name+"/edit", fmt.Sprintf(`{"body":%q}`, ada)) // as it is
	a.fault(400, "POST", "dead/"+name+"/edit", `{"set":{"phone":"1"}}`)
	a.fault(400, "POST", "dead/"+name+"/edit", `{}`)
	a.fault(404, "POST", "dead/1-1/edit", `{"body":"{}"}`)
	if e := a.call(200, "POST", "dead/"+name+"/edit", `{"set":{"email":"ada@lovelace.net"}}`); e["sent"] != true || fmt.Sprint(e["changed"]) != "[email]" {
		t.Errorf("%v", e)
	}
	last, err := a.client.XRevRangeN(t.Context(), "s", "+", "-", 1).Result()
	must(t, err)
	if body := last[0].Values["data"]; body != strings.Replace(ada, ".org", ".net", 1) {
		t.Errorf("the new entry has %v", body)
	}
}

// An API of several partitions takes and gives IDs as ingestctl does.
func TestTheAPIOfPartitions(t *testing.T) {
	a := newAPI(newLetterRig(t, func(o *console.Options) {
		o.Source = inspect.Source{Redis: o.Source.Redis, Keys: []string{"q:0", "q:1"}, Group: "g", Lease: time.Minute}
	}))
	for _, key := range []string{"q:0", "q:1"} {
		addLetter(t, a.client, key, "1000-0", map[string]string{"event": "rejected", "data": ada})
	}
	if l := a.call(200, "GET", "dead/1:1000-0", ""); l["id"] != "1:1000-0" {
		t.Errorf("%v", l)
	}
	a.fault(400, "GET", "dead/1000-0", "")
	p := a.call(200, "GET", "dead/preview?action=purge&all=on", "")
	if done := a.call(200, "POST", "dead/purge", fmt.Sprintf(`{"all":true,"through":%q}`, p["through"])); done["changed"] != 2.0 {
		t.Errorf("%v", done)
	}
	if p := a.call(200, "POST", "pause", `{}`); p["queue"] != "q" {
		t.Errorf("%v", p)
	}
}

// A server that does not answer is a 503 that says so; the status is answered all the same.
func TestTheAPIWithoutRedis(t *testing.T) {
	r := newLetterRig(t, func(o *console.Options) {
		o.Source.Redis = deadClient(t)
		o.Limiter = options(t, o.Source.Redis).Limiter
	})
	a := newAPI(r)
	if s := a.call(200, "GET", "status", ""); s["total"] != nil || s["redis"].(map[string]any)["error"] == nil {
		t.Errorf("%v", s)
	}
	for _, path := range []string{"dead", "dead/groups", "dead/1-0", "dead/preview?action=purge&all=on", "activity", "limits", "limits/one?customerId=42", "customers/one?customerId=42"} {
		if text := a.fault(503, "GET", path, ""); text == "" {
			t.Errorf("%s: no reason", path)
		}
	}
	a.call(200, "GET", "customers", "")
	a.fault(503, "POST", "pause", `{}`)
	a.fault(503, "POST", "resume", "")
	if page := r.page(200, "/dead"); !strings.Contains(page, "Unknown.") {
		t.Errorf("the page does not say that nothing is known:\n%s", page)
	}
}
