package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// The time line that the rules are evaluated on: what was seen before a step is held for
// two hours, and what was seen after it for 75 minutes. That is longer than any alert
// waits.
const (
	heldBefore = 120 // minutes
	heldAfter  = 75
	settles    = 5 // minutes after a step, in which alerts of the time before may end
	// A counter that the step must raise goes on to rise, as much every 5 minutes, as if
	// the same went on happening.
	repeats = 5
)

// alertsIf returns the alerts that fire while a state lasts: promtool evaluates the rules
// of deploy, as they are, on what was scraped.
func alertsIf(t *testing.T, st step, before, after view) []string {
	t.Helper()
	dir := t.TempDir()
	folder, err := filepath.Abs(prometheus)
	if err != nil {
		t.Fatal(err)
	}
	test := map[string]any{
		"rule_files":          []string{filepath.Join(folder, "recording.yml"), filepath.Join(folder, "alerts.yml")},
		"evaluation_interval": "1m",
		"tests": []any{map[string]any{
			"interval":     "1m",
			"input_series": inputSeries(st.want, before, after),
			"promql_expr_test": []any{map[string]any{
				"expr":      fmt.Sprintf(`count by (alertname) (max_over_time(ALERTS{alertstate="firing"}[%dm]))`, heldAfter-settles),
				"eval_time": fmt.Sprintf("%dm", heldBefore+heldAfter),
			}},
		}},
	}
	text, err := yaml.Marshal(test)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "test.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "promtool", "test", "rules", file).CombinedOutput()
	return fired(t, string(out), err)
}

var firing = regexp.MustCompile(`\{alertname="(\w+)"\}`)

// fired reads the answer of promtool, which was told to expect no alerts.
func fired(t *testing.T, out string, err error) []string {
	t.Helper()
	names := []string{}
	for _, m := range firing.FindAllStringSubmatch(out, -1) {
		names = append(names, m[1])
	}
	if (err == nil) != (len(names) == 0) {
		t.Fatalf("promtool: %v\n%s", err, out)
	}
	slices.Sort(names)
	return names
}

type inputOf struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

// inputSeries returns both views as Prometheus would have them.
func inputSeries(want changes, before, after view) []inputOf {
	var all []inputOf
	for _, source := range []struct {
		instance   string
		from, till map[string]float64
	}{{"worker", before.workers, after.workers}, {"queue", before.queue, after.queue}} {
		labels := fmt.Sprintf(`job="ingestion",instance=%q`, source.instance)
		from, till := withUp(source.from), withUp(source.till)
		for _, name := range slices.Sorted(maps.Keys(merged(from, till))) {
			if exportedName.MatchString(name) && !ofHistogram.MatchString(name) || name == "up" {
				all = append(all, inputOf{labelled(name, labels), course(name, want, from, till, before.at)})
			}
		}
	}
	return all
}

// withUp adds what Prometheus notes about a target.
func withUp(scraped map[string]float64) map[string]float64 {
	if scraped == nil {
		return map[string]float64{"up": 0}
	}
	return merged(scraped, map[string]float64{"up": 1})
}

func labelled(name, labels string) string {
	if metric, rest, ok := strings.Cut(name, "{"); ok {
		return metric + "{" + labels + "," + rest
	}
	return name + "{" + labels + "}"
}

var (
	ofCounter = regexp.MustCompile(`^\w+_(total|count)\b`)
	ofTime    = regexp.MustCompile(`^ingestion_\w+_timestamp_seconds\b`)
)

// course returns the values of a series in promtool's notation. Points in time are moved
// to the time line, which begins at 0.
func course(name string, want changes, from, till map[string]float64, at time.Time) string {
	old, was := from[name]
	value, is := till[name]
	growth := 0.0
	switch {
	case ofTime.MatchString(name):
		shift := heldBefore*60 - float64(at.UnixMilli())/1000
		old, value = old+shift, value+shift
	case ofCounter.MatchString(name) && was && is && want[short(name)] != "?":
		growth = max(0, value-old) / repeats
	}
	head, tail := fmt.Sprintf("_x%d", heldBefore+1), fmt.Sprintf("stale _x%d", heldAfter)
	if was {
		head = fmt.Sprintf("%s+0x%d", number(old), heldBefore)
	}
	if is {
		tail = fmt.Sprintf("%s+%sx%d", number(value), number(growth), heldAfter)
	}
	return head + " " + tail
}
