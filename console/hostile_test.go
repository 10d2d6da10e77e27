package console_test

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"ingestion/console"
	"ingestion/record"
	"ingestion/streams"
)

func readOnlyRig(t *testing.T) *letterRig {
	r := newLetterRig(t, func(o *console.Options) { o.Changes = false })
	r.refuse(record.Rejected, "refused", ada)
	return r
}

// hostile are texts that others may choose.
var hostile = []string{
	`<script>evil()</script>`, `"><img src=x onerror=evil()>`, `' onmouseover='evil()`, `</title></textarea></style><svg onload=evil()>`, `<!--`, `]]>`,
	`javascript:evil()`, `{{.}} {{template "x"}}`, `&lt;script&gt;`, "\u202egnp.exe", "\u2066\u2067\u2068", "שלום עולם", "\x00\x01\x1b[2J\x7f\u0085\r\n\t",
	"\ufeff\u200b", "\xff\xfe", strings.Repeat("w", 20_000), strings.Repeat("<b>", 5_000), `--><iframe srcdoc="<script>evil()</script>">`,
}

// hostileLetters are dead letters with each text in each field.
func (r *letterRig) hostileLetters() {
	for _, text := range hostile {
		body, _ := json.Marshal(map[string]any{"customerId": text, "name": text, "email": text, text: text, "createdAt": text})
		addLetter(r.t, r.client, "s", "*", map[string]string{
			"event": text, "reason": text, "streamId": text, "origin": text, "source": text, "worker": text, "failedAt": text,
			"traceparent": text, "tracestate": text, "deliveries": text, "data": string(body),
		})
		addLetter(r.t, r.client, "s", "*", map[string]string{"event": "rejected", "reason": "r", "data": text})
		addLetter(r.t, r.client, "s", "*", map[string]string{"event": "rejected", "data": "x", "fields": netstrings(text, text, "data", text)})
		must(r.t, streams.NoteActivity(r.t.Context(), r.client, "s", streams.Activity{User: text, Action: "x" + text, Detail: map[string]string{text: text}}))
	}
}

func netstrings(texts ...string) string {
	var b strings.Builder
	for _, text := range texts {
		b.WriteString(strings.Join([]string{strconv.Itoa(len(text)), text}, ":") + ",")
	}
	return b.String()
}

// No text of others becomes part of a page's structure, and none can reorder a page.
func TestHostileTextsStayTexts(t *testing.T) {
	r := newLetterRig(t)
	r.hostileLetters()
	paths := []string{"/dead?limit=1000", "/dead?by=reason", "/dead/change?action=purge&all=on", "/dead/change?action=export&all=on", "/activity"}
	for _, name := range r.names() {
		paths = append(paths, "/dead/"+name, "/dead/change?action=replay&id="+name)
		isInert(t, "revealing "+name, r.text(200, r.form("/dead/"+name+"/reveal")))
	}
	for _, path := range paths {
		isInert(t, path, r.page(200, path))
	}
	for _, text := range hostile[:16] {
		for _, name := range []string{"reason", "customer", "olderThan", "event", "from", "id", "done", "changed", "by", "action", "through"} {
			for _, path := range []string{"/dead?", "/dead/change?action=replay&", "/dead/change?action=purge&all=on&"} {
				got := ask(t, r.handler, http.MethodGet, path+url.Values{name: {text}}.Encode(), nil)
				isInert(t, path+name, r.text(got.StatusCode, got))
			}
		}
		isInert(t, "a wrong body", r.text(422, r.form("/dead/"+r.names()[0]+"/edit", "body", text)))
	}
}

// The same holds for what the other screens show.
func TestHostileTextsOnAllScreens(t *testing.T) {
	r := newLetterRig(t)
	r.hostileLetters()
	paths := []string{"/", "/queue", "/customers", "/trace", "/archive"}
	for _, text := range hostile[:16] {
		must(t, r.client.HSet(t.Context(), streams.KeysOf("s").Limits, text, text).Err())
		must(t, r.client.HSet(t.Context(), streams.KeysOf("s").Workers, text, text).Err())
		must(t, r.client.HSet(t.Context(), streams.KeysOf("s").Refused, text, "5 0").Err())
		must(t, streams.Pause(t.Context(), r.client, "s", streams.Control{By: text, Reason: text}))
		q := url.Values{"id": {text}, "customer": {text}, "limit": {text}, "scan": {text}, "done": {text}, "back": {text}}.Encode()
		paths = append(paths, "/customers/one?"+q, "/trace?"+q, "/trace?customer="+url.QueryEscape(text), "/queue?"+q, "/?"+q, "/nothing/"+url.PathEscape(text))
	}
	for _, path := range append(paths, "/customers", "/queue", "/", "/trace?customer=42", "/trace?id="+r.names()[0]) {
		got := ask(t, r.handler, http.MethodGet, path, nil)
		isInert(t, path, r.text(got.StatusCode, got))
	}
}

//go:embed console.css
var stylesheet string

// isInert checks that a page has only what templates have.
func isInert(t *testing.T, what, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	must(t, err)
	for n := range root.Descendants() {
		switch n.Type {
		case html.ElementNode:
			inertElement(t, what, n)
		case html.TextNode:
			if at := strings.IndexFunc(n.Data, reorders); at >= 0 && n.Parent.Data != "textarea" {
				t.Errorf("%s: the text %.60q can reorder the page", what, n.Data[at:])
			}
		case html.CommentNode:
			t.Errorf("%s: a comment: %.60q", what, n.Data)
		}
	}
}

var inert = strings.Fields("html head meta title link style script body a header nav ul li div span form input fieldset legend button main h1 h2 p strong section " +
	"label table thead tbody tr th td bdi time dl dt dd pre textarea code caption h3 details summary select option ol em progress meter svg g line rect circle path text polyline polygon desc defs footer aside output datalist h4 br")

func inertElement(t *testing.T, what string, n *html.Node) {
	t.Helper()
	if !slices.Contains(inert, n.Data) {
		t.Errorf("%s: an element %s", what, n.Data)
	}
	if n.Data == "style" && n.FirstChild.Data != stylesheet {
		t.Errorf("%s: a style of its own: %.60q", what, n.FirstChild.Data)
	}
	if n.Data == "script" && (attribute(n, "src") == "" || n.FirstChild != nil) {
		t.Errorf("%s: an inline script", what)
	}
	for _, a := range n.Attr {
		address := a.Key == "href" || a.Key == "src" || a.Key == "action"
		if strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc" || address && !strings.HasPrefix(a.Val, ".") && a.Val != "#main" {
			t.Errorf("%s: the attribute %s=%.60q", what, a.Key, a.Val)
		}
	}
}

// reorders reports characters that a page must not take from others.
func reorders(r rune) bool {
	return r != '\n' && r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// The API escapes what can mislead on a terminal, and no answer is taken for a page.
func TestHostileTextsInTheAPI(t *testing.T) {
	a := newAPI(newLetterRig(t))
	a.hostileLetters()
	paths := []string{"dead?limit=1000", "dead/groups", "activity", "dead/preview?action=purge&all=on"}
	for _, name := range a.names() {
		paths = append(paths, "dead/"+name)
	}
	for _, path := range paths {
		text := a.send(200, "GET", path, "", true)
		if at := strings.IndexFunc(strings.ReplaceAll(text, "\x7f", ""), reorders); at >= 0 {
			t.Errorf("%s: %.60q", path, text[at:])
		}
		if !json.Valid([]byte(text)) || bytes.ContainsRune([]byte(text), '\u202e') {
			t.Errorf("%s: no JSON", path)
		}
	}
	if got := ask(t, a.handler, http.MethodGet, "/api/v1/dead", nil); got.Header.Get("Content-Type") != "application/json" || got.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v", got.Header)
	}
}
