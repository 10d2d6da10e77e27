package browser

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/chromedp/chromedp/kb"
)

//go:embed keyboard.js
var keyboardScript string

type focus struct{ Path, Problem string }

// CheckKeyboard presses Tab from the beginning of the page on, and returns what is wrong: a
// control that is not reached, or not in the order of the document; a focus that does not show,
// or is out of sight.
func (p *Page) CheckKeyboard() (faults []string) {
	p.t.Helper()
	var controls []string
	p.Eval(keyboardScript+".begin()", nil)
	p.Eval(keyboardScript+".controls()", &controls)
	if len(controls) == 0 {
		return []string{"nothing on the page can be reached by keyboard"}
	}
	for i, want := range controls {
		p.Press(kb.Tab)
		var got focus
		p.Eval(keyboardScript+".focused()", &got)
		if got.Path != want {
			return append(faults, fmt.Sprintf("Tab no. %d reaches %s, not %s", i+1, element(got.Path), element(want)))
		}
		if got.Problem != "" {
			faults = append(faults, fmt.Sprintf("%s: %s", got.Problem, element(got.Path)))
		}
	}
	return faults
}

// element is the readable part of a path.
func element(path string) string {
	_, html, found := strings.Cut(path, " ")
	if !found {
		return "nothing"
	}
	return html
}
