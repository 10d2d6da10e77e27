package browser_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/browser"
	"ingestion/internal/test/env"
)

const soon = 30 * time.Second

func TestMain(m *testing.M) { env.Main(browser.Stopping(m)) }

// sound is a page without fault, with a place for one.
const sound = `<!doctype html>
<html lang=en>
<head><meta charset=utf-8><title>A page</title><meta name=viewport content="width=device-width"><link rel=icon href="data:,">
<style>body { color: #222; background: #fff } :focus-visible { outline: 2px solid #0050b0 } button, input { min-height: 2rem }</style></head>
<body><header><a href="#main">Skip</a><nav><a href="/other">Other</a></nav></header>
<main id=main tabindex=-1><h1>A page</h1><p>Some text.</p><button>Do it</button>
%s
</main></body></html>`

// serve serves a page with something more in it, under a policy.
func serve(t *testing.T, more, policy string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		if policy != "" {
			w.Header().Set("Content-Security-Policy", policy)
		}
		fmt.Fprintf(w, sound, more)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestASoundPageHasNoFault(t *testing.T) {
	p := browser.Open(t)
	if status := p.Visit(serve(t, `<p><bdi>שלום</bdi> <label>Name <input></label>`, "")); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	for _, theme := range []browser.Theme{browser.Light, browser.Dark} {
		p.Look(360, theme)
		if faults := append(p.Check(), p.CheckKeyboard()...); len(faults) != 0 {
			t.Errorf("%s: %q", theme, faults)
		}
	}
	if png := p.Picture(0); !strings.HasPrefix(string(png), "\x89PNG") {
		t.Error("no picture")
	}
}

// Each fault is found. The name is what the report says of it.
func TestEachFaultIsFound(t *testing.T) {
	p := browser.Open(t)
	long := strings.Repeat("x", 300)
	for fault, html := range map[string]string{
		"contrast of":                 `<p><font color="#999999">pale</font>`,
		"a placeholder has":           `<style>::placeholder { color: #aaa }</style><label>F <input placeholder=pale></label>`,
		"px wide in a window":         `<p>` + long,
		"text is outside":             `<p>` + long,
		"text is cut off":             `<style>.cut { overflow: hidden; white-space: nowrap; width: 3em }</style><p class=cut>a text that is too long`,
		"not reached by keyboard":     `<style>.s { overflow-x: auto; width: 9em } .s p { width: 90em }</style><div class=s tabindex=-1><p>wide</div>`,
		"has no role or name":         `<style>.s { overflow-x: auto; width: 9em } .s p { width: 90em }</style><div class=s tabindex=0><p>wide</div>`,
		"has an inline style":         `<p style="margin: 0">styled`,
		"the attribute onclick":       `<p onclick="void 0">clicked`,
		"tabindex is positive":        `<p tabindex=2>first`,
		"a field has no label":        `<input>`,
		"the edge of a field":         `<style>input { border: 1px solid #eee; background: #fff }</style><label>F <input></label>`,
		"less than 24 px high":        `<style>.low { min-height: 0; height: 1em; font-size: 12px; padding: 0 }</style><button class=low>low</button>`,
		"2 visible h1":                `<h1>Another</h1>`,
		"skips a level":               `<h3>Deep</h3>`,
		"more than one main":          `</main><main>again`,
		"names of their own":          `<nav>again</nav>`,
		"outside all landmarks":       `</main><p>lost`,
		"occurs twice":                `<p id=main>twice`,
		"aria-describedby names":      `<p aria-describedby=nothing>described`,
		"leads nowhere":               `<a href="#nothing">nowhere</a>`,
		"a table has no headers":      `<table aria-label=t><tr><td>1</table>`,
		"a table has no name":         `<table><tr><th scope=col>h</table>`,
		"a header has no scope":       `<table aria-label=t><tr><th>h</table>`,
		"a cell is squeezed":          `<style>table { width: 60px; overflow-wrap: anywhere }</style><table aria-label=t><tr><th scope=col>h<tr><td>` + long + `</table>`,
		"a picture has no alt":        `<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">`,
		"a drawing has no":            `<svg width=10 height=10></svg>`,
		"a time has no datetime":      `<time>noon</time>`,
		"the role button has no name": `<button></button>`,
		"the role link has no name":   `<a href="/x"></a>`,
		"smaller than 11 px":          `<style>.small { font-size: 9px }</style><p class=small>small`,
		"focus does not show":         `<style>a:focus-visible { outline: none }</style>`,
		"focus is out of sight":       `<style>.out { position: fixed; left: -999px }</style><a class=out href="/x">out</a>`,
		"not <a href=\"/late\">":      `<style>.f { display: flex }</style><p><a href="/late">late</a><script>document.querySelector('[href="/late"]').addEventListener('focus', (e) => e.target.blur())</script>`,
	} {
		t.Run(fault, func(t *testing.T) {
			p.Visit(serve(t, html, ""))
			found := append(p.Check(), p.CheckKeyboard()...)
			if !slices.ContainsFunc(found, func(text string) bool { return strings.Contains(text, fault) }) {
				t.Errorf("found only %q", found)
			}
		})
	}
}

// Everything that a sound page never does is noticed.
func TestTroubleIsNoticed(t *testing.T) {
	p := browser.Open(t)
	const policy = "default-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
	for want, page := range map[string][2]string{
		"Content Security Policy": {`<script>eval</script>`, "script-src 'self'"},
		"style":                   {`<p style="margin: 0">`, "style-src 'self'"},
		`console.error: "oh"`:     {`<script>console.error('oh')</script>`, ""},
		"exception":               {`<script>throw new Error('oh')</script>`, ""},
		"404":                     {`<img alt="" src="/missing">`, ""},
		"a request failed":        {`<script>fetch('http://127.0.0.1:1/')</script>`, ""},
		"connect":                 {`<script>fetch('http://127.0.0.1:1/')</script>`, policy},
	} {
		t.Run(want, func(t *testing.T) {
			p.Visit(serve(t, page[0], page[1]))
			var seen []string
			env.Eventually(t, soon, func() (bool, string) {
				seen = append(seen, p.Trouble()...)
				return strings.Contains(strings.Join(seen, "\n"), want), fmt.Sprint(seen)
			})
			p.Visit("about:blank") // what else the page causes comes before
			p.Trouble()
		})
	}
}

func TestWithoutScriptsNoneRuns(t *testing.T) {
	p := browser.Open(t)
	p.WithoutScripts()
	p.Visit(serve(t, `<script>document.body.append('it ran')</script>`, ""))
	if text := p.Text(); strings.Contains(text, "it ran") || !strings.Contains(text, "Some text.") {
		t.Errorf("the page shows %q", text)
	}
}

func TestPeopleClickAndType(t *testing.T) {
	p := browser.Open(t)
	p.Visit(serve(t, `<form action="/"><label>Name <input name=n value=before></label>
<label>Kind <select name=k><option>a<option>b</select></label><button id=send>Send</button></form>`, ""))
	p.Fill("[name=n]", "Ünal")
	p.Choose("[name=k]", "b")
	p.Follow("#send")
	if got := p.URL(); !strings.HasSuffix(got, "/?n=%C3%9Cnal&k=b") {
		t.Errorf("the form was sent to %s", got)
	}
}
