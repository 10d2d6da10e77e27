package browser

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	cdpbrowser "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ingestion/internal/test/env"
)

// spot is the middle of an element in the window.
type spot struct {
	X, Y    float64
	Problem string
}

// find scrolls to the middle of the one visible element that a CSS selector selects.
const find = `((selector) => {
	const visible = [...document.querySelectorAll(selector)].filter((e) => e.checkVisibility({visibilityProperty: true}));
	if (visible.length !== 1) return {Problem: visible.length + ' visible elements'};
	const e = visible[0];
	e.scrollIntoView({block: 'center', inline: 'center', behavior: 'instant'});
	const box = e.getClientRects()[0];
	const x = box.x + box.width / 2, y = box.y + box.height / 2;
	const top = document.elementFromPoint(x, y);
	if (!top || !(e.contains(top) || top.contains(e) && [...(e.labels || [])].includes(top))) {
		return {Problem: 'covered by ' + (top ? top.outerHTML.slice(0, 200) : 'nothing: it is outside the window')};
	}
	return {X: x, Y: y, Problem: ''};
})(%q)`

// clicks returns the action that clicks the one element that a selector selects. It waits until
// the element is there, and fails if another element covers it.
func (p *Page) clicks(selector string) chromedp.Action {
	p.t.Helper()
	var at spot
	env.Eventually(p.t, patience, func() (bool, string) {
		p.Eval(fmt.Sprintf(find, selector), &at)
		return at.Problem == "", fmt.Sprintf("clicking %s: %s", selector, at.Problem)
	})
	return chromedp.MouseClickXY(at.X, at.Y)
}

// Click clicks the one visible element that a CSS selector selects, with the mouse.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.Run(p.clicks(selector))
}

// Follow clicks an element that makes the tab load a page, and waits for that. It returns the
// status of the answer.
func (p *Page) Follow(selector string) int64 {
	p.t.Helper()
	return p.load("following "+selector, p.clicks(selector))
}

// Fill replaces what is in a field, by keys as people do.
func (p *Page) Fill(selector, text string) {
	p.t.Helper()
	p.Click(selector)
	p.Eval(fmt.Sprintf(`document.querySelectorAll(%q).forEach((e) => e.select && e.select())`, selector), nil)
	p.Press(kb.Backspace)
	if text != "" {
		p.Run(chromedp.ActionFunc(func(ctx context.Context) error { return input.InsertText(text).Do(ctx) }))
	}
}

// Choose selects a value in a select element.
func (p *Page) Choose(selector, value string) {
	p.t.Helper()
	var ok bool
	p.Eval(fmt.Sprintf(`((e, value) => {
		if (!e) return false;
		e.value = value;
		e.dispatchEvent(new Event('input', {bubbles: true}));
		e.dispatchEvent(new Event('change', {bubbles: true}));
		return e.value === value;
	})(document.querySelector(%q), %q)`, selector, value), &ok)
	if !ok {
		p.t.Fatalf("%s has no option %q", selector, value)
	}
}

// Press presses keys.
func (p *Page) Press(keys string) {
	p.t.Helper()
	p.Run(chromedp.KeyEvent(keys))
}

// Text returns the text of the page that people see.
func (p *Page) Text() string {
	p.t.Helper()
	return p.text("document.body.innerText")
}

// Await waits until a JavaScript expression is true.
func (p *Page) Await(t testing.TB, timeout time.Duration, condition string) {
	t.Helper()
	env.Eventually(t, timeout, func() (bool, string) {
		var met bool
		p.Eval("Boolean("+condition+")", &met)
		return met, condition
	})
}

// Download clicks an element that makes the browser download a file, and returns its content.
func (p *Page) Download(selector string) []byte {
	p.t.Helper()
	dir := p.t.TempDir()
	p.Run(cdpbrowser.SetDownloadBehavior(cdpbrowser.SetDownloadBehaviorBehaviorAllow).
		WithBrowserContextID(p.profile.id).WithDownloadPath(dir).WithEventsEnabled(true))
	p.Click(selector)
	var files []string
	env.Eventually(p.t, patience, func() (bool, string) {
		files, _ = filepath.Glob(filepath.Join(dir, "*"))
		return len(files) == 1 && filepath.Ext(files[0]) != ".crdownload", fmt.Sprintf("downloaded %q", files)
	})
	content, err := os.ReadFile(files[0])
	if err != nil {
		p.t.Fatal(err)
	}
	return content
}
