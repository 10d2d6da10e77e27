package deploy_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const observability = root + "/docs/observability.md"

// metric is a metric as the page describes it, or as a worker exports it.
type metric struct {
	kind   string
	labels string // sorted, comma-separated
}

var (
	metricRow  = regexp.MustCompile("(?m)^\\| `(ingestion_[a-z_]+)` \\| ([a-z]+) \\| ([^|]*)\\|")
	seriesRow  = regexp.MustCompile("(?m)^\\| `([a-z_]+:[a-z0-9_:]+)` \\|")
	alertTitle = regexp.MustCompile(`(?m)^### (Ingestion\w+)$`)
	span       = regexp.MustCompile("`([^`]+)`")
)

// documented returns the metrics of the page's tables.
func documented(t *testing.T) map[string]metric {
	t.Helper()
	all := map[string]metric{}
	for _, row := range metricRow.FindAllStringSubmatch(read(t, observability), -1) {
		var labels []string
		for _, label := range span.FindAllStringSubmatch(row[3], -1) {
			labels = append(labels, label[1])
		}
		slices.Sort(labels)
		all[row[1]] = metric{row[2], strings.Join(labels, ",")}
	}
	if len(all) < 30 {
		t.Fatalf("found only %d metrics", len(all))
	}
	return all
}

func TestEveryRuleIsDocumented(t *testing.T) {
	text := read(t, observability)
	same(t, "alerts", first(alertTitle.FindAllStringSubmatch(text, -1)), names(rules(t, "alerts.yml"), func(r rule) string { return r.Alert }))
	same(t, "recording rules", first(seriesRow.FindAllStringSubmatch(text, -1)), names(rules(t, "recording.yml"), func(r rule) string { return r.Record }))
}

// same compares what is documented with what is there.
func same(t *testing.T, what string, documented, there []string) {
	t.Helper()
	for _, name := range there {
		if !slices.Contains(documented, name) {
			t.Errorf("docs/observability.md lacks %s among the %s", name, what)
		}
	}
	for _, name := range documented {
		if !slices.Contains(there, name) {
			t.Errorf("docs/observability.md has %s among the %s: there is no such thing", name, what)
		}
	}
}

func first(matches [][]string) (all []string) {
	for _, match := range matches {
		all = append(all, match[1])
	}
	return all
}

func names(rules []rule, name func(rule) string) []string {
	set := map[string]bool{}
	for _, r := range rules {
		set[name(r)] = true
	}
	return slices.Sorted(maps.Keys(set))
}
