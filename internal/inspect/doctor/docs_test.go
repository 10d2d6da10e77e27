package doctor_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ingestion/internal/config"
	"ingestion/internal/inspect/doctor"
)

// TestEveryCheckIsDocumented compares docs/doctor.md with the table: checks, themes, order.
func TestEveryCheckIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/doctor.md")
	must(t, err)
	var documented, want []string
	theme := ""
	for _, m := range regexp.MustCompile("(?m)^(?:## (.+)|\\| `([a-z]+-[a-z-]+)` \\| .+ \\| .+ \\|)$").FindAllStringSubmatch(string(page), -1) {
		if m[1] != "" {
			theme = m[1]
			continue
		}
		documented = append(documented, theme+": "+m[2])
	}
	for _, c := range doctor.Checks() {
		want = append(want, c.Theme+": "+c.Name)
	}
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("docs/doctor.md (-code +page):\n%s", diff)
	}
}

func TestSharedSettingsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/doctor.md")
	must(t, err)
	_, rest, _ := strings.Cut(string(page), "<!-- shared settings -->")
	list, _, _ := strings.Cut(rest, "<!-- end of shared settings -->")
	var documented []string
	for _, m := range regexp.MustCompile("`([A-Z_]+)`").FindAllStringSubmatch(list, -1) {
		documented = append(documented, m[1])
	}
	shared := map[string]bool{}
	for _, mode := range modes {
		cfg, err := config.Parse(map[string]string{"QUEUE_MODE": mode})
		must(t, err)
		for name := range cfg.Shared() {
			shared[name] = true
		}
	}
	slices.Sort(documented)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(shared)), documented); diff != "" {
		t.Errorf("docs/doctor.md (-code +page):\n%s", diff)
	}
}
