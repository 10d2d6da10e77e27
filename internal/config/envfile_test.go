package config_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"ingestion/internal/config"
)

func TestMalformedEnvFileNamesTheLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no name":               {"BATCH_SIZE=7\n\n# x\nhunter2\nQUEUE_KEY=a\n", "line 4 has no = sign"},
		"no name, last line":    {"BATCH_SIZE=7\r\nhunter2", "line 2 has no = sign"},
		"a space in the name":   {"BATCH_SIZE=7\nhunter2 x!=8\n", "line 2 has a name with other characters"},
		"an open quote":         {"BATCH_SIZE=7\nQUEUE_KEY=\"hunter2\nGEN_RPM=2\n", "line 2 has a value of QUEUE_KEY whose quotes do not match"},
		"closed much later":     {"QUEUE_KEY='hunter2\nGEN_RPM=2\nMONGO_DB='x'\n", "line 1 has a value of QUEUE_KEY whose quotes do not match"},
		"of an unknown setting": {"HUNTER2='hunter2\n", "line 1 has a value whose quotes do not match"},
		"after several lines":   {"GEN_CUSTOMERS='1,\n2,\n3'\nhunter2\n", "line 4 has no = sign"},
		"more after the quote":  {"A=1\nQUEUE_KEY=\"a\" hunter2\nB=2\n", "line 2 has a value of QUEUE_KEY whose quotes do not match"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadWith(t, c.text, nil)
			var e *config.Error
			if !errors.As(err, &e) || len(e.Faults) != 1 || !strings.HasPrefix(e.Faults[0], ".env: "+c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if strings.Contains(strings.ToLower(err.Error()), "hunter2") {
				t.Errorf("the file is quoted: %v", err)
			}
		})
	}
}

func TestUnreadableEnvFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.Mkdir(".env", 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load()
	if err == nil || err.Error() != "configuration: .env can't be read: is a directory" {
		t.Errorf("%v", err)
	}
}

func TestDurationsWhereNumbersAreWanted(t *testing.T) {
	for vars, want := range map[[2]string]string{
		{"RATE_LIMIT_WINDOW_SEC", "1m"}:       `RATE_LIMIT_WINDOW_SEC: "1m" is not a number of seconds: want 60`,
		{"RATE_LIMIT_LATENESS_SEC", "7d"}:     `RATE_LIMIT_LATENESS_SEC: "7d" is not a number of seconds: want 604800`,
		{"STREAM_CLAIM_IDLE_MS", "1.5s"}:      `STREAM_CLAIM_IDLE_MS: "1.5s" is not a number of milliseconds: want 1500`,
		{"SHUTDOWN_TIMEOUT_SEC", "a while"}:   `SHUTDOWN_TIMEOUT_SEC: "a while" is not a number of seconds`,
		{"STREAM_RETENTION", "a while"}:       `STREAM_RETENTION: "a while" is not a duration: want for example 30m, 1h, 7d, 0 or forever`,
		{"BATCH_SIZE", "1.5"}:                 `BATCH_SIZE: "1.5" is not a whole number`,
		{"BATCH_SIZE", "9999999999999999999"}: `BATCH_SIZE: "9999999999999999999" is out of range`,
		{"GEN_RPM", "many"}:                   `GEN_RPM: "many" is not a number`,
	} {
		if got := faults(t, map[string]string{vars[0]: vars[1]}); len(got) != 1 || got[0] != want {
			t.Errorf("%s=%s: %q, want %q", vars[0], vars[1], got, want)
		}
	}
	for text, want := range map[string]string{"7d": "168h0m0s", "1w2d": "216h0m0s"} {
		if c := parse(t, map[string]string{"STREAM_RETENTION": text}); c.StreamRetention.String() != want {
			t.Errorf("STREAM_RETENTION=%s is %v", text, c.StreamRetention)
		}
	}
}
