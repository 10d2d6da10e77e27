package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ingestion/internal/config"
)

func parse(t *testing.T, vars map[string]string) *config.Config {
	t.Helper()
	c, err := config.Parse(vars)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func faults(t *testing.T, vars map[string]string) []string {
	t.Helper()
	_, err := config.Parse(vars)
	var e *config.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v: error %v, want a *config.Error", vars, err)
	}
	return e.Faults
}

func TestDefaults(t *testing.T) {
	c := parse(t, nil)
	got := map[string]string{}
	for _, s := range c.Settings() {
		got[s.Name] = s.Value
	}
	for name, want := range map[string]string{
		"LOG_LEVEL": "INFO", "REDIS_URL": "redis://localhost:6379/0", "MONGO_URI": "mongodb://localhost:27017", "QUEUE_KEY": "ingest:queue",
		"RATE_LIMIT_LIMIT": "5", "RATE_LIMIT_WINDOW_SEC": "60", "MONGO_DB": "ingestion", "MONGO_COLLECTION": "customers",
		"WORKER_POLL_TIMEOUT_SEC": "5", "WORKER_MAX_MESSAGES": "0", "GEN_CUSTOMERS": "1,2,3,4,5", "GEN_RPM": "5", "GEN_JITTER_MS": "500", "GEN_INVALID_RATE": "0.05",
		"QUEUE_MODE": "list", "STREAM_KEY": "ingest:stream", "STREAM_GROUP": "ingest-workers", "STREAM_PARTITIONS": "1", "STREAM_CLAIM_IDLE_MS": "30000",
		"STREAM_MAX_DELIVERIES": "5", "STREAM_RETENTION": "1h0m0s", "STREAM_MAX_ENTRIES": "1000000", "DLQ_MAX_ENTRIES": "0", "BATCH_SIZE": "500", "WORKER_CONCURRENCY": "4",
		"RATE_LIMIT_LATENESS_SEC": "3600", "RATE_LIMIT_MAX_DELAY_SEC": "3600", "MAX_RECORD_BYTES": "65536", "SHUTDOWN_TIMEOUT_SEC": "25", "STARTUP_TIMEOUT_SEC": "60",
		"LOG_FORMAT": "auto", "LOG_RAW": "on", "ADMIN_ADDR": "127.0.0.1:9464", "ADMIN_PPROF": "off", "MONGO_INDEXES": "off", "PRODUCER_WAIT_REPLICAS": "0",
		"CONSOLE_ADDR": "127.0.0.1:8080", "CONSOLE_AUTH": "password", "CONSOLE_USER": "admin", "CONSOLE_AUTH_HEADER": "X-Forwarded-User", "CONSOLE_CHANGES": "off",
		"ARCHIVE_URL": "", "ARCHIVE_SEGMENT_BYTES": "67108864", "ARCHIVE_SEGMENT_SEC": "60",
		"DEAD_LETTERS": "off", "RATE_LIMIT_POLICY": "drop", "RATE_LIMIT_CLOCK": "processing",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
}

func TestDefaultsOfStreamMode(t *testing.T) {
	c := parse(t, map[string]string{"QUEUE_MODE": "stream"})
	if !c.KeepDeadLetters() || c.RateLimitPolicy != "drop" || c.RateLimitClock != "arrival" || c.Key() != "ingest:stream" {
		t.Errorf("%+v", c)
	}
	if other := parse(t, nil); c.StreamConsumer == "" || c.StreamConsumer == other.StreamConsumer {
		t.Errorf("two workers are both called %q", c.StreamConsumer)
	}
}

func TestLevelNames(t *testing.T) {
	for name, want := range map[string]string{"warning": "WARN", "WARN": "WARN", "critical": "CRITICAL", "Debug": "DEBUG"} {
		if c := parse(t, map[string]string{"LOG_LEVEL": name}); c.LogLevel.String() != want {
			t.Errorf("LOG_LEVEL=%s is %v, want %s", name, c.LogLevel, want)
		}
	}
}

func TestParseReportsAllFaultsAtOnce(t *testing.T) {
	vars := map[string]string{
		"LOG_LEVEL": "loud", "QUEUE_MODE": "pile", "REDIS_URL": "http://x", "MONGO_URI": "mysql://x", "BATCH_SIZE": "many", "WORKER_CONCURRENCY": "0",
		"RATE_LIMIT_WINDOW_SEC": "-1", "STREAM_RETENTION": "a while", "GEN_INVALID_RATE": "2", "QUEUE_KEY": "a{b}", "LOG_RAW": "perhaps", "ADMIN_ADDR": "nowhere",
		"RATE_LIMIT_LIMIT": "99999999999999999999", "REDIS_PASSWORD_FILE": "/nonexistent/file", "DEAD_LETTERS": "maybe",
		"CONSOLE_ADDR": "8080", "CONSOLE_AUTH": "trust", "CONSOLE_AUTH_HEADER": "Remote User", "CONSOLE_CHANGES": "some",
		"ARCHIVE_URL": "ftp://archive", "ARCHIVE_SEGMENT_BYTES": "10", "ARCHIVE_SEGMENT_SEC": "0",
	}
	got := faults(t, vars)
	for name := range vars {
		n := 0
		for _, f := range got {
			if strings.HasPrefix(f, name+": ") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is named %d times in %q", name, n, got)
		}
	}
	if len(got) != len(vars) {
		t.Errorf("%d faults, want %d: %q", len(got), len(vars), got)
	}
}

func TestMissingPasswordFileIsOneFault(t *testing.T) {
	got := faults(t, map[string]string{"REDIS_PASSWORD_FILE": "/nonexistent/file"})
	if len(got) != 1 || !strings.HasPrefix(got[0], "REDIS_PASSWORD_FILE: ") {
		t.Errorf("%q", got)
	}
}

func TestWindowIsWithinLimiterBounds(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"0.001": time.Millisecond, "1.001": 1001 * time.Millisecond, "2678400": 31 * 24 * time.Hour, "86399.999": 24*time.Hour - time.Millisecond,
	} {
		if c := parse(t, map[string]string{"RATE_LIMIT_WINDOW_SEC": value}); c.RateLimitWindow.Duration() != want {
			t.Errorf("%s is %v", value, c.RateLimitWindow.Duration())
		}
	}
	for _, value := range []string{"0", "0.0004", "0.0015", "2678400.001", "99999999"} {
		if got := faults(t, map[string]string{"RATE_LIMIT_WINDOW_SEC": value}); len(got) != 1 || !strings.HasPrefix(got[0], "RATE_LIMIT_WINDOW_SEC: ") {
			t.Errorf("%s: %q", value, got)
		}
	}
	parse(t, map[string]string{"RATE_LIMIT_LIMIT": "1000000"})
	if got := faults(t, map[string]string{"RATE_LIMIT_LIMIT": "1000001"}); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

func TestCaseDoesNotMatter(t *testing.T) {
	c := parse(t, map[string]string{
		"QUEUE_MODE": "Stream", "LOG_FORMAT": "JSON", "RATE_LIMIT_POLICY": "Defer", "RATE_LIMIT_CLOCK": "PROCESSING",
		"LOG_RAW": "OFF", "STREAM_RETENTION": "Forever", "DEAD_LETTERS": "Off",
	})
	if c.QueueMode != config.ModeStream || c.LogFormat != "json" || c.RateLimitPolicy != config.PolicyDefer || c.RateLimitClock != config.ClockProcessing ||
		bool(c.LogRaw) || c.StreamRetention != config.Forever || c.KeepDeadLetters() {
		t.Errorf("%+v", c)
	}
}

func TestDeadLettersIsASwitch(t *testing.T) {
	for value, want := range map[string]bool{"ON": true, "true": true, "1": true, "yes": true, "off": false, "False": false, "0": false, "no": false} {
		c := parse(t, map[string]string{"QUEUE_MODE": "stream", "DEAD_LETTERS": value, "RATE_LIMIT_POLICY": "drop"})
		if c.KeepDeadLetters() != want {
			t.Errorf("DEAD_LETTERS=%s is %v", value, c.KeepDeadLetters())
		}
	}
}

func TestConflictingSettings(t *testing.T) {
	for _, vars := range []map[string]string{
		{"QUEUE_MODE": "stream", "DEAD_LETTERS": "off", "RATE_LIMIT_POLICY": "dead-letter"},
		{"QUEUE_MODE": "list", "RATE_LIMIT_POLICY": "dead-letter"},
		{"QUEUE_MODE": "list", "RATE_LIMIT_POLICY": "defer"},
		{"QUEUE_MODE": "list", "RATE_LIMIT_CLOCK": "arrival"},
		{"QUEUE_MODE": "stream", "RATE_LIMIT_POLICY": "defer", "RATE_LIMIT_WINDOW_SEC": "0.999"},
	} {
		if got := faults(t, vars); len(got) != 1 {
			t.Errorf("%v: %q", vars, got)
		}
	}
	parse(t, map[string]string{"QUEUE_MODE": "stream", "DEAD_LETTERS": "off", "RATE_LIMIT_POLICY": "drop"})
	parse(t, map[string]string{"QUEUE_MODE": "stream", "RATE_LIMIT_POLICY": "defer", "RATE_LIMIT_WINDOW_SEC": "1"})
	parse(t, map[string]string{"QUEUE_MODE": "stream", "RATE_LIMIT_POLICY": "drop", "RATE_LIMIT_WINDOW_SEC": "0.001"})
}

func TestPasswordsAreRedacted(t *testing.T) {
	vars := map[string]string{
		"REDIS_URL": "redis://user:hunter2@h:1/0", "MONGO_URI": "mongodb://user:hunter2@h:1/?authSource=admin",
	}
	for _, s := range parse(t, vars).Settings() {
		if strings.Contains(s.Value, "hunter2") {
			t.Errorf("%s=%s", s.Name, s.Value)
		}
	}
	vars["REDIS_URL"] = "redis://user:hunter2@h:port/0"
	vars["MONGO_URI"] = "mongodb://user:hunter2:@h:/?w=hunter2"
	if got := strings.Join(faults(t, vars), "\n"); strings.Contains(got, "hunter2") {
		t.Error(got)
	}
}

func TestEmptyVariableCountsAsUnset(t *testing.T) {
	c := parse(t, map[string]string{"BATCH_SIZE": " ", "ADMIN_ADDR": "", "QUEUE_KEY": " x "})
	if c.BatchSize != 500 || c.AdminAddr != "" || c.QueueKey != "x" {
		t.Errorf("%d, %q, %q", c.BatchSize, c.AdminAddr, c.QueueKey)
	}
}

func TestUnits(t *testing.T) {
	c := parse(t, map[string]string{"RATE_LIMIT_WINDOW_SEC": "1.5", "STREAM_CLAIM_IDLE_MS": "250", "STREAM_RETENTION": "forever", "SHUTDOWN_TIMEOUT_SEC": "0"})
	if c.RateLimitWindow.Duration() != 1500*time.Millisecond || c.StreamClaimIdle.Duration() != 250*time.Millisecond || c.StreamRetention != config.Forever || c.ShutdownTimeout != 0 {
		t.Errorf("%v %v %v %v", c.RateLimitWindow, c.StreamClaimIdle, c.StreamRetention, c.ShutdownTimeout)
	}
}

func TestEnvironmentOverridesEnvFile(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(".env", []byte("QUEUE_KEY=from-file\nBATCH_SIZE=7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("BATCH_SIZE", "8")
	c, err := config.LoadWith(map[string]string{"MONGO_DB": "given"})
	if err != nil || c.QueueKey != "from-file" || c.BatchSize != 8 || c.MongoDB != "given" {
		t.Errorf("%+v, %v", c, err)
	}
}

// Editors on Windows begin a file with a byte order mark.
func TestEnvFileWithAByteOrderMark(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(".env", []byte("\ufeffQUEUE_KEY=from-file\r\nBATCH_SIZE=7\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load()
	if err != nil || c.QueueKey != "from-file" || c.BatchSize != 7 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestMalformedEnvFileIsNotQuoted(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile(".env", []byte("FOO\nREDIS_URL=redis://:hunter2@h\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := config.Load()
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("Load: %v", err)
	}
}

func TestPasswordFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := parse(t, map[string]string{"REDIS_PASSWORD_FILE": file, "MONGO_PASSWORD_FILE": file, "MONGO_URI": "mongodb://me@h"})
	redis, err := c.RedisOptions()
	if err != nil || redis.Password != "s3cret" {
		t.Errorf("Redis: %v", err)
	}
	mongo, err := c.MongoOptions(nil)
	if err != nil || mongo.Auth == nil || mongo.Auth.Password != "s3cret" || mongo.Auth.Username != "me" {
		t.Errorf("MongoDB: %+v, %v", mongo.Auth, err)
	}
}

func TestSettingsAreDocumented(t *testing.T) {
	var names []string
	for _, s := range parse(t, nil).Settings() {
		if s.Name == "" || s.Doc == "" {
			t.Errorf("a setting without name or doc: %+v", s)
		}
		if slices.Contains(names, s.Name) {
			t.Errorf("%s is listed twice", s.Name)
		}
		names = append(names, s.Name)
	}
}
