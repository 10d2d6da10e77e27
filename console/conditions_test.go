package console_test

import (
	"net/http"
	"strings"
	"testing"

	"ingestion/record"
)

// A group's link selects its letters and no others: within the filter, and with exactly this reason.
func TestAGroupIsSelectedExactly(t *testing.T) {
	r := newLetterRig(t)
	other := strings.Replace(ada, "42", "c7", 1)
	r.refuse(record.Rejected, "name:missing", other, other)
	r.refuse(record.Rejected, "name:missing", ada)
	r.refuse(record.Rejected, "Name:missing,email:missing", other)
	r.refuse(record.Rejected, "", other)
	page := r.page(200, "/dead?by=reason&customer=c7&reason=name")
	link := `dead?customer=c7&amp;event=rejected&amp;exact=on&amp;reason=name%3Amissing`
	wantParts(t, page, `href="./`+link+`"`)
	list := r.page(200, "/"+strings.ReplaceAll(link, "&amp;", "&"))
	wantParts(t, list, "2 found among 5", `name="exact" value="on" checked`, "action=purge&amp;customer=c7&amp;event=rejected&amp;exact=on&amp;reason=name%3Amissing")
	wantParts(t, r.page(200, "/dead?by=reason&customer=c7"), `href="./dead?customer=c7&amp;event=rejected&amp;exact=on"`) // no reason
	wantParts(t, r.page(200, "/dead?customer=c7&event=rejected&exact=on"), "1 found among 5")

	preview := r.page(200, "/dead/change?action=purge&"+strings.ReplaceAll(strings.TrimPrefix(link, "dead?"), "&amp;", "&"))
	wantParts(t, preview, "Type 2 to delete")
	if at := r.submitted(preview, "purge"); !strings.Contains(at, "changed=2") || len(r.names()) != 3 {
		t.Errorf("%s, and %d are left", at, len(r.names()))
	}
}

// Blanks around a reason are a part of it, and what is selected is said in full.
func TestAnExactReasonHasItsBlanks(t *testing.T) {
	r := newLetterRig(t)
	r.refuse(record.Rejected, " name:missing ", ada)
	r.refuse(record.Rejected, "name:missing", ada, ada)
	page := r.page(200, "/dead?by=reason")
	const link = "event=rejected&amp;exact=on&amp;reason=&#43;name%3Amissing&#43;"
	wantParts(t, page, `href="./dead?`+link+`"`)
	query := strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(link)
	wantParts(t, r.page(200, "/dead?"+query), "1 found among 3")
	wantParts(t, r.page(200, "/dead/change?action=purge&"+query), "Type 1 to delete", "<bdi>event=rejected reason= name:missing  exact=on</bdi>")
}

// A letter that no query selects alone has no link that would select others.
func TestAGroupThatCannotBeSelected(t *testing.T) {
	r := newLetterRig(t)
	addLetter(t, r.client, "s", "*", map[string]string{"event": "unheard of", "reason": "x", "data": ada})
	addLetter(t, r.client, "s", "*", map[string]string{"event": "rejected", "reason": strings.Repeat("long ", 200), "data": ada})
	addLetter(t, r.client, "s", "*", map[string]string{"event": "rejected", "reason": "  ", "data": ada})
	if page := r.page(200, "/dead?by=reason"); strings.Contains(page, "exact=on") || !strings.Contains(page, "unheard of") {
		t.Errorf("there is a link:\n%s", page)
	}
}

// Conditions that get lost would select more than was meant.
func TestNoConditionIsLost(t *testing.T) {
	a := newAPI(newLetterRig(t))
	a.refuse(record.Rejected, "refused", ada)
	for _, query := range []string{"custmer=c7", "customer=", "event=", "customer=1&customer=2", "reason=%20", "exact=yes", "page=2", "id="} {
		for _, path := range []string{"dead?", "dead/groups?", "dead/preview?action=purge&all=on&"} {
			a.fault(400, "GET", path+query, "")
		}
		if status := ask(t, a.handler, "GET", "/dead/change?action=purge&event=rejected&"+query, nil).StatusCode; status != 400 {
			t.Errorf("a page with %s: status %d", query, status)
		}
	}
	a.fault(400, "GET", "dead/preview?action=purge&all=false", "")
	for _, query := range []string{"event=rejected", "all=on", "through=1-1~00000000", strings.Repeat("&id=1-1", 1000)} {
		a.fault(400, "GET", "dead/preview?action=purge&id=1-1&"+query, "")
	}
	a.page(400, "/dead?custmer=c7")
	a.page(200, "/dead?customer=&reason=&olderThan=") // as the form of the filter sends it
	a.text(400, a.form("/dead/replay", "event", "rejected", "custmer", "c7", "through", "1-1~00000000"))
	for _, body := range []string{
		`{"events":["rejected"],"customer":null}`, `{"events":["rejected"],"customer":"a","customer":"b"}`, `{"ALL":true}`, `{"all":true,"all":false}`,
		`{"events":["rejected"],"reason":null,"details":true}`, `{"events":[]}`, `{"all":true,"ids":[]}`, `{"events":["rejected",null]}`, `null`, `[]`, `{"all":"true"}`,
	} {
		if text := a.fault(400, "POST", "dead/export", body); strings.Contains(text, "Lovelace") {
			t.Errorf("%s is exported: %s", body, text)
		}
	}
	a.fault(400, "POST", "pause", `{"for":null}`)
	a.fault(400, "PUT", "limits/one?customerId=42", `{"limit":"1/1","limit":"2/1"}`)
}

// A selection, and a request, are no longer than they have to be.
func TestConditionsAreShort(t *testing.T) {
	a := newAPI(newLetterRig(t))
	a.refuse(record.Rejected, "refused", ada)
	for name, most := range map[string]int{"customer": 256, "reason": 500} {
		a.call(200, "GET", "dead?"+name+"="+strings.Repeat("x", most), "")
		a.fault(400, "GET", "dead?"+name+"="+strings.Repeat("x", most+1), "")
	}
	large := strings.Repeat("x", 1<<20)
	a.fault(413, "POST", "dead/export", `{"reason":"`+large+`"}`)
	a.fault(413, "POST", "pause", `{"reason":"`+large+`"}`)
	a.text(413, a.form("/queue/pause", "reason", large))
	a.text(413, a.form("/trace", "id", large))
	if c := a.client.Exists(t.Context(), "{s}:control").Val(); c != 0 {
		t.Error("a request that was cut off has paused the queue")
	}
	if v := a.call(200, "POST", "validate", `{"body":"`+large+`"}`); v["valid"] != false {
		t.Errorf("%v", v)
	}
	huge := strings.Repeat("x", 8<<20) // would fill the memory of a small container, if several sent it
	a.fault(413, "POST", "validate", `{"body":"`+huge+`"}`)
	a.text(413, a.form("/dead/"+a.names()[0]+"/edit", "body", huge))
	if status := a.form("/dead/"+a.names()[0]+"/edit", "body", large).StatusCode; status != http.StatusUnprocessableEntity {
		t.Errorf("a large body: status %d", status)
	}
}
