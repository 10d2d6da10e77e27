package console_test

import (
	"fmt"
	"testing"

	"ingestion/streams"
)

// number is the number that an element shows, whose name is in data-live.
func number(name string) string {
	return fmt.Sprintf(`Number(document.querySelector('[data-live=%q]').textContent.replace(/[^0-9]/g, ''))`, name)
}

// What is added to Redis appears on the open page without a reload. What has the focus keeps it, and
// what was typed stays, while the numbers beside it change.
func TestNumbersChangeWhileThePageIsOpen(t *testing.T) {
	for _, page := range []struct{ path, live string }{{"", "undelivered"}, {"queue", "p.0.undelivered"}} {
		t.Run("page "+page.path, func(t *testing.T) {
			r := newRig(t)
			r.plantOutcomes()
			r.serve()
			p := r.visit(page.path)
			p.Await(t, soon, number(page.live)+" === 0")
			p.Eval(`(() => {
				window.begun = true;
				const all = [...document.querySelectorAll('main a[href], main button, main summary, main [tabindex="0"]')];
				window.kept = all[all.length - 1];
				window.kept.focus();
				document.querySelectorAll('details').forEach((d) => { d.open = true; });
				window.opened = document.querySelectorAll('details[open]').length;
				window.scrolled = scrollY;
			})()`, nil)
			for added := 1; added <= 3; added++ {
				r.add(0, person("globex", added))
				p.Await(t, soon, fmt.Sprintf("%s === %d", number(page.live), added))
			}
			var kept, opened, begun bool
			p.Eval("document.activeElement === window.kept && window.kept.isConnected", &kept)
			p.Eval("document.querySelectorAll('details[open]').length === window.opened && scrollY === window.scrolled", &opened)
			p.Eval("window.begun === true", &begun)
			if !kept || !opened || !begun {
				t.Errorf("the focus is kept: %v; what was opened, and where the page was: %v; the page is the same: %v", kept, opened, begun)
			}
			for _, fault := range p.Check() {
				t.Error(fault)
			}
		})
	}
}

// An open page says that Redis does not answer any more, and goes on when it does.
func TestAnOpenPageSaysThatRedisIsDown(t *testing.T) {
	r := newRig(t)
	r.plantOutcomes()
	r.serve()
	p := r.visit("")
	p.Await(t, soon, number("undelivered")+" === 0")
	r.server.Stop()
	p.Await(t, soon, `document.querySelector('[data-live="undelivered"]').textContent === 'unknown'`)
	r.server.Start()
	p.Await(t, soon, number("undelivered")+` === 0 && document.querySelector('[data-live="undelivered"]').textContent !== 'unknown'`)
	if status := p.Reload(); status != 200 {
		t.Errorf("status %d", status)
	}
}

// Who looks at the queue sees that somebody else has paused it, and can resume it. What was typed stays, and the form says
// that it is out of date.
func TestAnOpenPageSeesThatOthersPause(t *testing.T) {
	r := newRig(t)
	r.serve()
	p := r.visit("queue")
	p.Eval(`document.querySelector('#reason').value = 'typed'`, nil)
	must(t, streams.Pause(t.Context(), r.client, r.keys[0], streams.Control{By: "ada", Reason: "because"}))
	p.Await(t, soon, `document.querySelector('form[action$="queue/resume"]') !== null && document.querySelector('[data-renew="pause"]').textContent.includes('ada')`)
	p.Await(t, soon, `document.querySelector('[data-outdated]')?.hidden === false && document.querySelector('#reason').value === 'typed'`)
	for _, fault := range p.Check() {
		t.Error(fault)
	}
	p.Eval(`document.querySelector('form[action$="queue/resume"] button').click()`, nil)
	p.Await(t, soon, `document.querySelector('form[action$="queue/resume"]') === null && document.querySelector('[data-outdated]')?.hidden === true`)
}
