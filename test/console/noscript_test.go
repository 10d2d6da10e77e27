package console_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"ingestion/internal/test/browser"
)

// Without JavaScript each screen shows the same to read.
func TestEachScreenIsReadableWithoutScripts(t *testing.T) {
	r := newRig(t)
	r.plant()
	r.serve()
	p := browser.Open(t)
	p.WithoutScripts()
	screens := r.screens()
	for _, name := range slices.Sorted(maps.Keys(screens)) {
		path := screens[name]
		t.Run(name, func(t *testing.T) {
			p.Visit(r.url + path)
			text := p.Text()
			for _, sign := range []string{"Loading", "JavaScript", "NaN", "undefined", "[object"} {
				if strings.Contains(text, sign) {
					t.Errorf("the page shows %q:\n%s", sign, text)
				}
			}
			for _, words := range wanted[name] {
				if !strings.Contains(text, words) {
					t.Errorf("the page does not show %q:\n%s", words, text)
				}
			}
			var idle []string
			p.Eval(`[...document.querySelectorAll('button')].filter((b) => !b.form && b.checkVisibility()).map((b) => b.textContent)`, &idle)
			if len(idle) != 0 {
				t.Errorf("buttons that do nothing without scripts: %q", idle)
			}
			for _, fault := range p.Check() {
				t.Error(fault)
			}
			if p.Trouble(); text == "" {
				t.Error("the page is empty")
			}
		})
	}
}

// wanted is what each screen has to show of what was planted, as text.
var wanted = map[string][]string{
	"overview":      {"Overview", "rate_limited", "23", "in order"},
	"queue":         {"Queue", "crm:0", "crm:1", "worker-1", "worker-2"},
	"dead":          {"Dead letters", "validation_failed", "parse_error", "rate_limited", "email: the part after @ has no dot"},
	"dead-filtered": {"validation_failed", "initech"},
	"letter":        {"validation_failed", "initech"},
	"customers":     {"Customers", "acme", "100/60", "block"},
	"customer":      {"umbrella"},
	"trace":         {"Trace"},
	"traced":        {"undelivered"},
	"archive":       {"Archive"},
	"missing":       {"no such page"},
}
