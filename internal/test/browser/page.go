package browser

import (
	"context"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Page is a tab.
type Page struct {
	t       testing.TB
	ctx     context.Context
	profile profile
	trouble trouble
}

// Theme is the colours that a visitor's system asks for.
type Theme string

// The themes.
const (
	Light Theme = "light"
	Dark  Theme = "dark"
)

// Height is how high a window is, in CSS pixels.
const Height = 800

// Open opens an empty tab that is 1280 pixels wide and light. Without chromium the test is
// skipped, or fails if CI is set.
func Open(t testing.TB) *Page {
	t.Helper()
	profile, id, err := newWindow(running(t))
	if err != nil {
		t.Fatalf("opening a window: %v", err)
	}
	ctx, cancel := chromedp.NewContext(running(t), chromedp.WithTargetID(id))
	p := &Page{t: t, ctx: ctx, profile: profile}
	t.Cleanup(func() {
		for _, what := range p.Trouble() {
			t.Errorf("trouble in the browser: %s", what)
		}
		cancel()
		if err := profile.close(); err != nil {
			t.Errorf("closing a profile: %v", err)
		}
	})
	chromedp.ListenTarget(ctx, p.trouble.note)
	// The tab's context must not be that of a single step: it would close the tab.
	if err := chromedp.Run(ctx, network.Enable(), log.Enable(), runtime.Enable(), page.Enable(), accessibility.Enable()); err != nil {
		t.Fatalf("opening a tab: %v", err)
	}
	p.Look(1280, Light)
	return p
}

// profile is a set of cookies, and what else a browser keeps.
type profile struct {
	ctx context.Context
	id  cdp.BrowserContextID
}

// newWindow opens a window with a profile of its own. A tab alone needs a window that is open.
func newWindow(ctx context.Context) (profile, target.ID, error) {
	ctx = cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
	id, err := target.CreateBrowserContext().Do(ctx)
	if err != nil {
		return profile{}, "", err
	}
	tab, err := target.CreateTarget("about:blank").WithBrowserContextID(id).WithNewWindow(true).Do(ctx)
	return profile{ctx, id}, tab, err
}

func (p profile) close() error { return target.DisposeBrowserContext(p.id).Do(p.ctx) }

// Run runs steps of the DevTools protocol.
func (p *Page) Run(steps ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, steps...); err != nil {
		p.t.Fatalf("in the browser: %v; trouble: %q", err, p.trouble.all())
	}
}

// Look changes the width of the window, in CSS pixels, and the theme that the system asks for.
// Transitions are off, so that what is looked at next is final.
func (p *Page) Look(width int64, theme Theme) {
	p.t.Helper()
	p.Run(
		emulation.SetDeviceMetricsOverride(width, Height, 1, false),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: string(theme)},
			{Name: "prefers-reduced-motion", Value: "reduce"},
		}),
	)
}

// WithoutScripts switches JavaScript off for the pages that are visited from now on.
func (p *Page) WithoutScripts() {
	p.t.Helper()
	p.Run(emulation.SetScriptExecutionDisabled(true))
}

// Visit loads an address and returns the status of the answer.
func (p *Page) Visit(url string) int64 {
	p.t.Helper()
	return p.load("visiting "+url, chromedp.Navigate(url))
}

// Reload loads the page again.
func (p *Page) Reload() int64 {
	p.t.Helper()
	return p.load("reloading", chromedp.Reload())
}

// load does what makes the tab load another page, and waits for that. It returns the status of
// the answer.
func (p *Page) load(what string, step ...chromedp.Action) int64 {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	answer, err := chromedp.RunResponse(ctx, step...)
	if err != nil {
		p.t.Fatalf("%s: %v; trouble: %q", what, err, p.trouble.all())
	}
	if answer == nil { // about:blank
		return 0
	}
	return answer.Status
}

// Eval evaluates JavaScript, also on a page without scripts, and puts its value into the
// variable that into points to, unless that is nil.
func (p *Page) Eval(script string, into any) {
	p.t.Helper()
	p.Run(chromedp.Evaluate(script, into, func(e *runtime.EvaluateParams) *runtime.EvaluateParams {
		return e.WithAwaitPromise(true)
	}))
}

// URL returns the address of the page.
func (p *Page) URL() string {
	p.t.Helper()
	return p.text("document.URL")
}

func (p *Page) text(script string) (value string) {
	p.t.Helper()
	p.Eval(script, &value)
	return value
}
