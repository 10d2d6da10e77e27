package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"ingestion/internal/test/need"
)

const (
	root       = "../.."
	prometheus = root + "/deploy/prometheus"
)

// rule is a recording rule or an alert.
type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

// rules returns the rules of a file.
func rules(t *testing.T, file string) []rule {
	t.Helper()
	var content struct{ Groups []struct{ Rules []rule } }
	readYAML(t, filepath.Join(prometheus, file), &content)
	var all []rule
	for _, group := range content.Groups {
		all = append(all, group.Rules...)
	}
	if len(all) < 5 {
		t.Fatalf("%s: found only %d rules", file, len(all))
	}
	return all
}

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, file)), into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPromtoolAcceptsTheConfiguration(t *testing.T) {
	promtool(t, "check", "config", "--lint-fatal", filepath.Join(prometheus, "prometheus.yml"))
}

func TestRules(t *testing.T) {
	promtool(t, append([]string{"test", "rules"}, ruleTests(t)...)...)
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	need.Program(t, "promtool")
	if out, err := exec.CommandContext(t.Context(), "promtool", args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args[:2], " "), err, out)
	}
}

func ruleTests(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(prometheus, "tests", "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of rules: %v", err)
	}
	return files
}

// Each alert is tested where it fires, with each of its severities, and where it does not.
func TestEveryAlertIsTested(t *testing.T) {
	type expectation struct {
		Labels map[string]string `yaml:"exp_labels"`
	}
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, file := range ruleTests(t) {
		var content struct {
			Tests []struct {
				Alerts []struct {
					Name   string        `yaml:"alertname"`
					Expect []expectation `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		readYAML(t, file, &content)
		for _, test := range content.Tests {
			for _, alert := range test.Alerts {
				silent[alert.Name] = silent[alert.Name] || len(alert.Expect) == 0
				for _, expect := range alert.Expect {
					fires[alert.Name+" "+expect.Labels["severity"]] = true
				}
			}
		}
	}
	for _, r := range rules(t, "alerts.yml") {
		if !fires[r.Alert+" "+r.Labels["severity"]] {
			t.Errorf("no test sees %s fire with severity %s", r.Alert, r.Labels["severity"])
		}
		if !silent[r.Alert] {
			t.Errorf("no test sees %s not fire", r.Alert)
		}
	}
}

var severity = regexp.MustCompile(`^(critical|warning|info)$`)

func TestAlertsSayWhatToDo(t *testing.T) {
	for _, r := range rules(t, "alerts.yml") {
		summary, description := r.Annotations["summary"], r.Annotations["description"]
		if !severity.MatchString(r.Labels["severity"]) || !strings.HasSuffix(summary, ".") || len(description) < 40 {
			t.Errorf("%s: severity %q, summary %q, description %q", r.Alert, r.Labels["severity"], summary, description)
		}
		if want := "docs/observability.md#" + strings.ToLower(r.Alert); r.Annotations["runbook_url"] != want {
			t.Errorf("%s: runbook_url %q, want %q", r.Alert, r.Annotations["runbook_url"], want)
		}
	}
}
