package console_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"ingestion/internal/test/browser"
)

// mostBundle is the size of all stylesheets and scripts of a page together, in bytes.
const mostBundle = 100 << 10

// A page is painted after two requests, of itself and of the stylesheet; with its scripts it is
// smaller than mostBundle, and asks no other site for anything.
func TestThePageIsSmall(t *testing.T) {
	r := newRig(t)
	r.plant()
	r.serve()
	p := browser.Open(t)
	r.see(p, "")
	size := 0
	for _, address := range p.Requests() {
		if strings.HasPrefix(address, "data:") {
			continue
		}
		if !strings.HasPrefix(address, r.url) {
			t.Errorf("the page asks for %s, which is not beneath %s", address, r.url)
		}
		if regexp.MustCompile(`\.(css|mjs|js)(\?|$)`).MatchString(address) {
			size += len(get(t, address))
		}
	}
	if size == 0 || size > mostBundle {
		t.Errorf("stylesheet and scripts have %d bytes, want 1 to %d", size, mostBundle)
	}
	var blocking []string
	p.Eval(`performance.getEntriesByType('resource').filter((e) => e.renderBlockingStatus === 'blocking').map((e) => e.name)`, &blocking)
	if len(blocking) != 1 || !strings.Contains(blocking[0], ".css") {
		t.Errorf("the first paint waits for %q, want one stylesheet", blocking)
	}
	t.Logf("stylesheet and scripts: %d bytes", size)
}

func get(t *testing.T, address string) []byte {
	t.Helper()
	answer, err := http.Get(address)
	must(t, err)
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	must(t, err)
	if answer.StatusCode != http.StatusOK {
		t.Errorf("%s: status %d", address, answer.StatusCode)
	}
	return content
}
