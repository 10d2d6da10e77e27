package console_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"ingestion/internal/test/browser"
)

// Texts that others put into the queue are only ever shown: none runs, none breaks a layout, and those
// that are written from right to left do not turn what is beside them around.
func TestHostileTextsAreOnlyShown(t *testing.T) {
	r := newRig(t)
	r.plantOutcomes()
	r.plantHostile()
	r.plantWaiting()
	r.serve()
	p := browser.Open(t)
	pages := r.screens()
	for name, text := range hostile {
		pages["customer "+name] = "customers/one?" + query("id", customerOf(text))
	}
	for _, name := range []string{"attribute", "closing", "override", "long"} {
		pages["filter "+name] = "dead?" + query("reason", hostile[name])
		pages["trace "+name] = "trace?" + query("id", hostile[name])
	}
	delete(pages, "missing")
	for _, name := range slices.Sorted(maps.Keys(pages)) {
		path := pages[name]
		t.Run(name, func(t *testing.T) { harmless(t, p, r.url+path, name) })
	}
}

// harmless checks that a page with hostile texts shows them and nothing else happens.
func harmless(t *testing.T, p *browser.Page, url, name string) {
	t.Helper()
	status := p.Visit(url)
	if status >= 500 || strings.Contains(name, "customer ") && status != 200 {
		t.Errorf("status %d: %s", status, p.Text())
	}
	found := map[string][]string{}
	for _, look := range looks {
		if look.theme == browser.Dark || look.name == "wide" && strings.Contains(name, " ") {
			continue // pages with a space in their name differ only by one text
		}
		p.Look(look.width, look.theme)
		for _, fault := range append(p.Check(), turned(p)...) {
			found[fault] = append(found[fault], look.name)
		}
		keep(t, p, "hostile-"+strings.ReplaceAll(name, " ", "-")+"-"+look.name)
	}
	for fault, names := range found {
		t.Errorf("%s (%s)", fault, strings.Join(names, ", "))
	}
	var pwned bool
	p.Eval(`window.pwned !== undefined || document.querySelector('iframe, main script, img[src=x], [onerror], [onload], [onmouseover], [onfocus], a[href^="javascript:"]') !== null`, &pwned)
	if pwned {
		t.Error("a text of others has become a part of the page")
	}
	for _, what := range p.Trouble() {
		if status < 400 || !strings.Contains(what, fmt.Sprintf("status of %d", status)) {
			t.Errorf("trouble: %s", what)
		}
	}
	p.Look(1280, browser.Light)
}

// turned returns texts from right to left that are not isolated from those beside them.
func turned(p *browser.Page) (faults []string) {
	p.Eval(`(() => {
		const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
		for (let node = walker.nextNode(); node; node = walker.nextNode()) {
			const e = node.parentElement;
			if (!/[\u0590-\u08ff\u202a-\u202e\u2066-\u2069]/.test(node.data) || e.closest('title, option, textarea')) continue;
			const isolated = e.closest('bdi, [dir=auto]') || ['isolate', 'isolate-override', 'plaintext'].includes(getComputedStyle(e).unicodeBidi);
			if (!isolated) found.push('a text from right to left is not isolated: ' + e.outerHTML.slice(0, 200));
		}
		return found;
	})()`, &faults)
	return faults
}
