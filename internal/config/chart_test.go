package config_test

import (
	"encoding/json"
	"regexp"
	"testing"
)

// The chart of deploy/helm takes every setting of the programs that it runs but those that
// it chooses itself, or has values of another name for.
func TestChartTakesAllSettings(t *testing.T) {
	const file = "../../deploy/helm/values.schema.json"
	own := regexp.MustCompile(`^(REDIS|MONGO)_(URL|URI|PASSWORD_FILE)$|^(STREAM_CONSUMER|WORKER_MAX_MESSAGES|SHUTDOWN_TIMEOUT_SEC|ADMIN_ADDR|ARCHIVE_URL)$|^(CONSOLE|GEN|PRODUCER)_`)
	var schema struct {
		Properties struct {
			Settings struct{ Properties map[string]json.RawMessage }
		}
	}
	if err := json.Unmarshal([]byte(contents(t, file)), &schema); err != nil {
		t.Fatal(err)
	}
	taken := schema.Properties.Settings.Properties
	for _, s := range parse(t, nil).Settings() {
		if _, ok := taken[s.Name]; ok == own.MatchString(s.Name) {
			t.Errorf("settings.%s in %s: %v, want the opposite", s.Name, file, ok)
		}
		delete(taken, s.Name)
	}
	for name := range taken {
		t.Errorf("%s takes %s, which is no setting", file, name)
	}
}
