package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"ingestion/internal/test/browser"
	"ingestion/streams"
)

// Workers are told to stop reading, with a reason, and to go on.
func TestPeoplePauseAndResume(t *testing.T) {
	r := newRig(t)
	r.plantOutcomes()
	r.serve()
	active := func() bool {
		control, now, err := streams.ReadControl(t.Context(), r.client, r.keys[0])
		must(t, err)
		return control.Active(now)
	}
	p := r.visit("queue")
	p.Choose("#for", "10m")
	p.Fill("#reason", "MongoDB is being upgraded")
	p.Follow(`form[action$="queue/pause"] button`)
	wants(t, p, "paused", "anonymous", "MongoDB is being upgraded")
	if !active() {
		t.Error("the queue is not paused")
	}
	r.see(p, "")
	wants(t, p, "paused")
	r.see(p, "queue")
	p.Follow(`form[action$="queue/resume"] button`)
	wants(t, p, "not paused")
	if active() {
		t.Error("the queue is still paused")
	}
	r.see(p, "activity")
	wants(t, p, "pause", "resume", "anonymous", "MongoDB is being upgraded")
}

// A customer's own limit is set and removed.
func TestPeopleChangeALimit(t *testing.T) {
	r := newRig(t)
	r.plantLimits()
	r.serve()
	own := func() string {
		return r.client.HGet(t.Context(), streams.KeysOf(r.keys[home("umbrella")]).Limits, "umbrella").Val()
	}
	p := r.visit("customers")
	p.Fill("#id", "umbrella")
	p.Follow(`form[action$="customers/one"] button`)
	p.Fill("#limit", "lots")
	p.Follow(`form[action$="customers/limit"] button`)
	wants(t, p, "Not changed")
	if own() != "" {
		t.Errorf("the limit is %q", own())
	}
	p.Trouble() // the answer has a status that says that the limit is none
	p.Fill("#limit", "7/30")
	p.Follow(`form[action$="customers/limit"] button`)
	wants(t, p, "Done.", "7")
	if own() != "7/30" {
		t.Errorf("the limit is %q, want 7/30", own())
	}
	p.Follow(`form[action$="customers/unset"] button`)
	wants(t, p, "Done.")
	if own() != "" {
		t.Errorf("the limit is %q after it was removed", own())
	}
	r.see(p, "activity")
	wants(t, p, "umbrella", "7/30", "anonymous")
}

// Names and addresses of a record are shown to who asks for them, which is noted.
func TestPeopleRevealARecord(t *testing.T) {
	r := newRig(t)
	r.serve()
	id := r.add(home("globex"), person("globex", 1))
	p := r.visit("trace")
	p.Fill("#id", id)
	p.Follow(`form:has(#id) button.primary`)
	wants(t, p, "undelivered", "globex")
	if text := p.Text(); strings.Contains(text, surname) || strings.Contains(text, local) {
		t.Fatalf("personal data is shown before anybody asked:\n%s", text)
	}
	p.Follow(`button[name=reveal]`)
	wants(t, p, surname, local)
	r.see(p, "activity")
	wants(t, p, "reveal", "anonymous")
}

// changing are the routes that change something. LETTER stands for a dead letter.
var changing = []string{
	"queue/pause", "queue/resume", "dead/replay", "dead/purge", "dead/export", "dead/LETTER/reveal", "dead/LETTER/edit", "customers/limit", "customers/unset", "trace",
}

// Without changes, no page has a button for one, and each route answers 403.
func TestWithoutChangesNothingCanBeChanged(t *testing.T) {
	r := newRig(t)
	r.options.Changes = false
	r.plant()
	r.serve()
	p := browser.Open(t)
	for name, path := range r.screens() {
		p.Visit(r.url + path)
		var forms []string
		p.Eval(`[...document.querySelectorAll('form[method=post]')].map((f) => f.action).filter((a) => !/\/(theme|trace)$/.test(a))`, &forms)
		if len(forms) != 0 {
			t.Errorf("%s has forms for %q", name, forms)
		}
	}
	p.Trouble() // of the page that there is not
	letter, before := r.letter("initech"), r.changed()
	for _, path := range changing {
		path = strings.ReplaceAll(path, "LETTER", letter)
		answer, err := http.PostForm(r.url+path, url.Values{"id": {"umbrella"}, "limit": {"1/1"}, "body": {person("initech", 1)}, "reveal": {"yes"}})
		must(t, err)
		must(t, answer.Body.Close())
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s: status %d, want 403", path, answer.StatusCode)
		}
	}
	if after := r.changed(); after != before {
		t.Errorf("Redis has counted %s, then %s", before, after)
	}
}

// changed is how many changes Redis has counted.
func (r *rig) changed() string {
	r.t.Helper()
	info, err := r.client.Info(r.t.Context(), "persistence").Result()
	must(r.t, err)
	return regexp.MustCompile(`rdb_changes_since_last_save:\d+`).FindString(info)
}

// The switch of the theme wins over what the system asks for, on all pages, and keeps its place.
func TestTheThemeIsSwitched(t *testing.T) {
	r := newRig(t)
	r.plantOutcomes()
	r.serve()
	p := browser.Open(t)
	for theme, system := range map[string]browser.Theme{"dark": browser.Light, "light": browser.Dark} {
		p.Look(1280, system)
		r.see(p, "dead?customer=initech")
		p.Follow("button[name=theme][value=" + theme + "]")
		if !strings.HasSuffix(p.URL(), "dead?customer=initech") {
			t.Errorf("the switch leads to %s", p.URL())
		}
		r.see(p, "dead?customer=globex")
		var dark bool
		p.Eval(`(() => {
			const canvas = new OffscreenCanvas(1, 1).getContext('2d');
			canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
			canvas.fillRect(0, 0, 1, 1);
			return canvas.getImageData(0, 0, 1, 1).data[1] < 128;
		})()`, &dark)
		if dark != (theme == "dark") {
			t.Errorf("the page is dark: %v, although the switch says %s", dark, theme)
		}
		for _, fault := range p.Check() {
			t.Errorf("%s: %s", theme, fault)
		}
	}
}

// The skip link leads past the navigation.
func TestTheSkipLinkLeadsToTheContent(t *testing.T) {
	r := newRig(t)
	r.plantOutcomes()
	r.serve()
	p := r.visit("dead")
	p.Press("\t")
	var skip bool
	p.Eval(`document.activeElement.matches('.skip') && document.activeElement.getBoundingClientRect().top >= 0`, &skip)
	if !skip {
		t.Fatal("the first Tab does not show the skip link")
	}
	p.Press("\r")
	p.Press("\t")
	p.Await(t, soon, `document.querySelector('main').contains(document.activeElement)`)
}
