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

// A page is painted after one request; its stylesheet and scripts are smaller than mostBundle, and it
// asks no other site for anything.
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
	var style string
	p.Eval(`document.querySelector('style').textContent`, &style)
	if size += len(style); style == "" || size == len(style) || size > mostBundle {
		t.Errorf("stylesheet and scripts have %d bytes, want 1 to %d", size, mostBundle)
	}
	var blocking []string
	p.Eval(`performance.getEntriesByType('resource').filter((e) => e.renderBlockingStatus === 'blocking').map((e) => e.name)`, &blocking)
	if len(blocking) > 0 {
		t.Errorf("the first paint waits for %q", blocking)
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
