package config_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The chart of deploy/helm takes every setting of the programs that it runs but those that
// it chooses itself, or has values of another name for.
func TestChartTakesAllSettings(t *testing.T) {
	const file = "../../deploy/helm/values.schema.json"
	own := regexp.MustCompile(`^(REDIS|MONGO)_(URL|URI|PASSWORD_FILE)$|^REDIS_(TLS|SENTINEL)_|^(STREAM_CONSUMER|WORKER_MAX_MESSAGES|SHUTDOWN_TIMEOUT_SEC|ADMIN_ADDR|ARCHIVE_URL)$|^(CONSOLE|GEN|PRODUCER)_`)
	absent := regexp.MustCompile(`^(STREAM_CONSUMER|WORKER_MAX_MESSAGES)$|^(GEN|PRODUCER)_`)
	var schema struct {
		Properties struct {
			Settings struct{ Properties map[string]json.RawMessage }
		}
	}
	if err := json.Unmarshal([]byte(contents(t, file)), &schema); err != nil {
		t.Fatal(err)
	}
	taken := schema.Properties.Settings.Properties
	var templates strings.Builder
	files, err := filepath.Glob("../../deploy/helm/templates/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		templates.WriteString(contents(t, name))
	}
	for _, s := range parse(t, nil).Settings() {
		if own.MatchString(s.Name) && !absent.MatchString(s.Name) && !strings.Contains(templates.String(), "name: "+s.Name) && !strings.Contains(templates.String(), `"name" "`+s.Name+`"`) {
			t.Errorf("no template of the chart sets %s", s.Name)
		}
		if _, ok := taken[s.Name]; ok == own.MatchString(s.Name) {
			t.Errorf("settings.%s in %s: %v, want the opposite", s.Name, file, ok)
		}
		delete(taken, s.Name)
	}
	for name := range taken {
		t.Errorf("%s takes %s, which is no setting", file, name)
	}
}
