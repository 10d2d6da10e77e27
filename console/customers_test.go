package console_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"ingestion/limiter"
)

const markup = `<script>x</script>"'&\../{}`

func TestCustomersListsWhoIsLimited(t *testing.T) {
	r := newRig(t, 2, false)
	page := r.get(200, "/customers")
	wantWords(t, page, "No customer was over its limit lately.", "No customer has a limit of its own. The default 2/60 applies to all.")

	for n := range 5 {
		r.process(markup, n)
	}
	r.post(303, "/customers/limit", url.Values{"id": {"42"}, "limit": {"7/60"}, "seen": {""}})
	must(t, r.client.HSet(t.Context(), "{"+r.keys[r.home("43")]+"}:limits", "43", "many").Err())
	page = r.get(200, "/customers")
	wantWords(t, page, `customers/one?id=%3cscript%3e`, "&lt;script&gt;x&lt;/script&gt;", `<td class="n">3</td><td class="n">3</td>`,
		"<bdi>42</bdi>", "<bdi>7/60</bdi>", "✓ yes", "<bdi>many</bdi>", "✕ no", "want limit/windowSec")
	wantNone(t, page, "<script>x")
}

func TestACustomersWindow(t *testing.T) {
	for name, test := range map[string]struct {
		reserve bool
		words   []string
	}{
		"refused":  {false, []string{"✕ refused", "the next place is free at", "2 of 2 in the last 1m; 2 kept in all", "1 record over the limit", "✕ refused <time", `class="refused"`, "✓ admitted"}},
		"deferred": {true, []string{"◷ deferred", "its place would be", "2 of 2 in the last 1m, and 1 reserved ahead", `class="reserved"`, "◷ reserved"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, 2, test.reserve)
			page := r.get(200, "/customers/one?id=42")
			wantWords(t, page, "2/60, 2 records in 1m (the default)", "✓ admitted", "0 of 2 in the last 1m", "no record over the limit", "The customer has no place", "Refusals leave no other trace")
			for n := range 3 {
				r.process("42", n)
			}
			page = r.get(200, "/customers/one?id=42")
			wantWords(t, page, test.words...)
			wantWords(t, page, "limit: 2 records", "<polyline", ">now</text>", ">−2m</text>", ">&#43;1m</text>", `<th scope="col" class="n">In the window</th>`)
			wantNone(t, page, "style=", "Secretname", "secretlocal")
		})
	}
}

func TestACustomerThatCannotBe(t *testing.T) {
	r := newRig(t, 1, false)
	wantWords(t, r.get(422, "/customers/one?id=++"), "No record can have this customerId", "blank")
	must(t, r.client.Set(t.Context(), "{s}:limit:42", "x", 0).Err())
	wantWords(t, r.get(200, "/customers/one?id=42"), "✕ Unknown.", "is not a sorted set")
}

// A limit that is set applies to the next record, and is in the log with who set it.
func TestChangingALimit(t *testing.T) {
	r := newRig(t, 2, false)
	page := r.post(422, "/customers/limit", url.Values{"id": {"42"}, "limit": {"ten"}, "seen": {""}})
	wantWords(t, page, `value="ten"`, `aria-invalid="true"`, "want limit/windowSec")

	if to := r.post(303, "/customers/limit", url.Values{"id": {markup}, "limit": {"1/60"}, "seen": {""}}); !strings.HasPrefix(to, "../customers/one?id=%3Cscript") {
		t.Errorf("redirected to %q", to)
	}
	wantWords(t, r.get(200, "/customers/one?id="+url.QueryEscape(markup)+"&done=set"), "1/60, 1 record in 1m (its own limit)", "The limit is set.")
	r.process(markup, 1)
	if _, v := r.process(markup, 2); v.Decision != limiter.Refused {
		t.Errorf("the second record is %v", v.Decision)
	}
	wantWords(t, r.log.String(), `"customerId":"<script>x`, `"before":""`, `"after":"1/60"`, `"user":"anonymous"`)

	page = r.post(409, "/customers/limit", url.Values{"id": {markup}, "limit": {"9/60"}, "seen": {""}})
	wantWords(t, page, "Somebody has changed the limit meanwhile, from none of its own to 1/60.")
	to := r.post(303, "/customers/unset", url.Values{"id": {markup}, "seen": {"1/60"}})
	if !strings.HasSuffix(to, "&done=unset") || r.client.HLen(t.Context(), "{"+r.keys[r.home(markup)]+"}:limits").Val() != 0 {
		t.Errorf("removed: %q", to)
	}
	if to = r.post(303, "/customers/unset", url.Values{"id": {markup}, "seen": {""}}); !strings.HasSuffix(to, "&done=same") {
		t.Errorf("again: %q", to)
	}

	r.opts.Changes = false
	wantWords(t, r.post(403, "/customers/limit", url.Values{"id": {"42"}, "limit": {"1/60"}, "seen": {""}}), "read-only")
	r.post(403, "/customers/unset", url.Values{"id": {"42"}, "seen": {""}})
	wantNone(t, r.get(200, "/customers/one?id=42"), "customers/limit")
}

func TestTryingALimit(t *testing.T) {
	r := newRig(t, 2, false)
	wantWords(t, r.get(200, "/customers/one?id=42&try=9/60"), "there is nothing to try it on")
	for n := range 5 {
		r.process("42", n)
	}
	wantWords(t, r.get(200, "/customers/one?id=42&try=4/60"), "would have been under 4/60</th><td class=\"n\">4</td><td class=\"n\">1</td>",
		"today&#39;s 2/60</th><td class=\"n\">2</td><td class=\"n\">3</td>", "what is known</th><td class=\"n\">2</td><td class=\"n\">3</td>")
	wantWords(t, r.get(200, "/customers/one?id=42&try=x"), "Not tried.", "want limit/windowSec")
}

// All customers with a limit of their own are listed, page by page.
func TestAllOwnLimitsAreListed(t *testing.T) {
	r := newRig(t, 2, false)
	const n = 900
	for i := range n {
		customer := fmt.Sprintf("c%03d", i)
		must(t, r.client.HSet(t.Context(), "{"+r.keys[r.home(customer)]+"}:limits", customer, "7/60").Err())
	}
	seen := map[string]bool{}
	for path, pages := "customers", 0; path != ""; pages++ {
		page := r.get(200, "/"+path)
		for _, found := range regexp.MustCompile(`one\?id=(c\d+)`).FindAllStringSubmatch(page, -1) {
			seen[found[1]] = true
		}
		wantWords(t, page, "of 900")
		path = ""
		if next := regexp.MustCompile(`href="\./(customers\?limits=[^"]+)"`).FindStringSubmatch(page); next != nil {
			path = next[1]
		} else if pages < 1 {
			t.Errorf("%d pages", pages+1)
		}
		if pages > 100 {
			t.Fatal("it never ends")
		}
	}
	if len(seen) != n {
		t.Errorf("%d of %d customers are listed", len(seen), n)
	}
	wantWords(t, r.get(200, "/customers?limits=7:1"), "is not where a page of limits begins")
	must(t, r.client.Del(t.Context(), "{"+r.keys[1]+"}:limits").Err())
	wantNone(t, r.get(200, "/customers?limits=1:0"), "No customer has a limit of its own") // the first page has some
}
