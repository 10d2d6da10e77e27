package console_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ingestion/internal/test/browser"
)

// screens are the pages that anybody may open, by the name of their picture.
func (r *rig) screens() map[string]string {
	r.t.Helper()
	entry := r.add(1, person("globex", 99))
	letter := r.letter("initech")
	return map[string]string{
		"overview":      "",
		"queue":         "queue",
		"dead":          "dead",
		"dead-filtered": "dead?event=validation_failed&customer=initech",
		"dead-reasons":  "dead?by=reason",
		"dead-none":     "dead?customer=nobody",
		"letter":        "dead/" + letter,
		"replay":        "dead/change?action=replay&customer=initech",
		"purge":         "dead/change?action=purge&event=parse_error",
		"export":        "dead/change?action=export&customer=initech",
		"activity":      "activity",
		"customers":     "customers",
		"customer":      "customers/one?id=umbrella",
		"customer-try":  "customers/one?id=acme&try=2/60",
		"trace":         "trace",
		"traced":        "trace?id=" + entry,
		"traced-dead":   "trace?id=" + letter,
		"archive":       "archive",
		"missing":       "no/such/page",
	}
}

// letter returns the name of the newest dead letter of a customer.
func (r *rig) letter(customer string) string {
	r.t.Helper()
	p := home(customer)
	all, err := r.client.XRevRange(r.t.Context(), "{"+r.keys[p]+"}:dead", "+", "-").Result()
	must(r.t, err)
	for _, m := range all {
		if strings.Contains(fmt.Sprint(m.Values), fmt.Sprintf(`"customerId":%q`, customer)) {
			return fmt.Sprintf("%d:%s", p, m.ID)
		}
	}
	r.t.Fatalf("%s has no dead letter", customer)
	return ""
}

// looks are the windows and themes in which each page is looked at.
var looks = []struct {
	name  string
	width int64
	theme browser.Theme
}{
	{"wide", 1280, browser.Light}, {"wide-dark", 1280, browser.Dark}, {"narrow", 360, browser.Light}, {"narrow-dark", 360, browser.Dark},
}

// Each screen is sound in both widths and both themes: nothing reaches out of the window, all
// text has its contrast, everything has its name, and can be reached by keyboard.
func TestEachScreenIsSound(t *testing.T) {
	r := newRig(t)
	r.plant()
	r.serve()
	p := browser.Open(t)
	screens := r.screens()
	for _, name := range slices.Sorted(maps.Keys(screens)) {
		path := screens[name]
		t.Run(name, func(t *testing.T) { sound(t, p, r.url+path, name) })
	}
}

// sound checks a page in all looks.
func sound(t *testing.T, p *browser.Page, url, name string) {
	t.Helper()
	if status := p.Visit(url); status != http.StatusOK && name != "missing" {
		t.Fatalf("status %d: %s", status, p.Text())
	}
	var navigation bool
	p.Eval(`document.querySelector('nav[aria-label] a[href]') !== null`, &navigation)
	if !navigation && name != "login" {
		t.Error("the page has no navigation")
	}
	found := map[string][]string{}
	for _, look := range looks {
		p.Look(look.width, look.theme)
		keep(t, p, name+"-"+look.name)
		faults := p.Check()
		if look.name == "narrow" { // where most is out of sight
			faults = append(faults, p.CheckKeyboard()...)
		}
		if strings.Contains(p.Text(), surname) {
			faults = append(faults, "personal data is shown")
		}
		for _, fault := range faults {
			found[fault] = append(found[fault], look.name)
		}
	}
	for fault, names := range found {
		t.Errorf("%s (%s)", fault, strings.Join(names, ", "))
	}
	trouble := p.Trouble()
	if name == "missing" {
		trouble = slices.DeleteFunc(trouble, func(text string) bool { return strings.Contains(text, "404") })
	}
	for _, what := range trouble {
		t.Errorf("trouble: %s", what)
	}
	p.Look(1280, browser.Light)
}

// keep writes a picture into the folder that CONSOLE_PICTURES names, to be looked at.
func keep(t *testing.T, p *browser.Page, name string) {
	t.Helper()
	folder := os.Getenv("CONSOLE_PICTURES")
	if folder == "" {
		return
	}
	must(t, os.MkdirAll(folder, 0o755))
	p.Save(filepath.Join(folder, name+".png"), 0)
}

// pictures are those of docs/console.md, of a height that shows what matters.
var pictures = []struct {
	file, screen string
	width        int64
	theme        browser.Theme
	height       float64
}{
	{"overview", "overview", 1280, browser.Light, 1000},
	{"overview-narrow-dark", "overview", 360, browser.Dark, 900},
	{"queue", "queue", 1280, browser.Light, 0},
	{"dead", "dead", 1280, browser.Light, 800},
	{"purge", "purge", 1280, browser.Light, 0},
	{"customer", "customer", 1280, browser.Light, 1100},
	{"trace", "traced-dead", 1280, browser.Light, 1000},
}

// mostPicture is the size of a picture, in bytes.
const mostPicture = 150 << 10

// The pictures of docs/console.md can be made, and are small.
func TestPicturesOfThePages(t *testing.T) {
	r := newRig(t)
	r.plant()
	r.serve()
	p := browser.Open(t)
	screens := r.screens()
	for _, picture := range pictures {
		p.Look(picture.width, picture.theme)
		r.see(p, screens[picture.screen])
		png := p.Picture(picture.height)
		if len(png) > mostPicture {
			t.Errorf("%s has %d bytes, want at most %d", picture.file, len(png), mostPicture)
		}
		file := filepath.Join("../../docs/images/console", picture.file+".png")
		if *update {
			must(t, os.MkdirAll(filepath.Dir(file), 0o755))
			must(t, os.WriteFile(file, png, 0o644))
		}
		if _, err := os.Stat(file); err != nil {
			t.Errorf("make it with -update: %v", err)
		}
	}
}
