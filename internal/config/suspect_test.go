package config_test

import (
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"ingestion/internal/config"
)

// loadWith loads the configuration in a directory with a .env file, unless that is
// empty, and with some variables in the environment.
func loadWith(t *testing.T, envFile string, environ map[string]string) (*config.Config, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	if envFile != "" {
		if err := os.WriteFile(".env", []byte(envFile), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, value := range environ {
		t.Setenv(name, value)
	}
	return config.Load()
}

func suspectsOf(t *testing.T, envFile string, environ map[string]string) []string {
	t.Helper()
	c, err := loadWith(t, envFile, environ)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, s := range c.Suspects() {
		all = append(all, s.String())
	}
	return all
}

func TestMisspeltVariablesOfTheEnvironment(t *testing.T) {
	for name, meant := range map[string]string{
		"RATE_LIMIT_WINDW_SEC": "RATE_LIMIT_WINDOW_SEC", "RATE_LIMIT_WINDOW": "RATE_LIMIT_WINDOW_SEC", "RATE_LIMIT_WINDOW_MS": "RATE_LIMIT_WINDOW_SEC",
		"STREAM_RETENTION_SEC": "STREAM_RETENTION", "queue_mode": "QUEUE_MODE", "Queue-Mode": "QUEUE_MODE", "QUEUE_MDOE": "QUEUE_MODE", "QUEUEMODE": "QUEUE_MODE",
		"REDIS_URI": "REDIS_URL", "MONGO_URL": "MONGO_URI", "MONGODB_URI": "MONGO_URI", "MONGODB_URL": "MONGO_URI", "MONGODB_DB": "MONGO_DB",
		"MONGODB_COLLECTION": "MONGO_COLLECTION", "LOGLEVEL": "LOG_LEVEL", "WORKER_CONCURENCY": "WORKER_CONCURRENCY", "DEADLETTERS": "DEAD_LETTERS",
		"STREAM_PARTITION": "STREAM_PARTITIONS", "shutdown_timeout": "SHUTDOWN_TIMEOUT_SEC", "GEN_RMP": "GEN_RPM",
	} {
		t.Run(name, func(t *testing.T) {
			got := suspectsOf(t, "", map[string]string{name: "1"})
			want := []string{"environment: " + name + " is not a setting, and ignored: did you mean " + meant + "?"}
			if !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

// Kubernetes sets these for each service of the namespace.
func serviceLinks(service string) map[string]string {
	vars := map[string]string{}
	for _, suffix := range []string{
		"SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_6379_TCP", "PORT_6379_TCP_PROTO", "PORT_6379_TCP_PORT", "PORT_6379_TCP_ADDR",
	} {
		vars[service+"_"+suffix] = "10.0.0.1"
	}
	return vars
}

func TestVariablesOfOthersAreNoSuspects(t *testing.T) {
	environ := map[string]string{}
	for _, service := range []string{
		"REDIS", "MONGO", "MONGODB", "QUEUE", "STREAM", "WORKER", "ADMIN", "PRODUCER", "GEN", "GENERATOR", "LOG", "DLQ", "RATE_LIMIT", "BATCH", "REDIS_MASTER", "MONGO_DB",
	} {
		maps.Copy(environ, serviceLinks(service))
	}
	for _, name := range []string{
		"REDIS_HOST", "REDIS_PASSWORD", "REDIS_USER", "REDIS_USERNAME", "REDIS_DB", "REDIS_TLS", "REDIS_SSL", "REDIS_IMAGE", "REDIS_PORT", "REDIS_APPENDFSYNC", "REDIS_SERVER_BIN",
		"MONGO_HOST", "MONGO_USER", "MONGO_PASSWORD", "MONGO_IMAGE", "MONGO_PORT", "MONGO_INITDB_ROOT_USERNAME", "MONGO_INITDB_ROOT_PASSWORD", "MONGO_INITDB_DATABASE",
		"QUEUE_NAME", "QUEUE_URL", "QUEUE_SIZE", "STREAM_NAME", "STREAM_URL", "LOG_FILE", "LOG_DIR", "LOG_PATH", "WORKER_ID", "WORKER_NAME", "WORKER_COUNT", "BATCH_ID",
		"GO_IMAGE", "INGESTION_IMAGE", "COMPOSE_PROJECT_NAME", "DATABASE_URL", "PORT", "HOSTNAME", "LOGNAME", "MAIL", "CI",
		// OpenTelemetry's, which are not settings of ours.
		"OTEL_SERVICE_NAME", "OTEL_SDK_DISABLED", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_LOG_LEVEL", "OTEL_PROPAGATORS", "OTEL_TRACES_EXPORTER",
		"OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BSP_EXPORT_TIMEOUT",
		"OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "OTEL_SPAN_LINK_COUNT_LIMIT", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_INSECURE",
	} {
		environ[name] = "1"
	}
	if got := suspectsOf(t, "", environ); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

// Whoever sets the right variable too has the other one for another program.
func TestNoSuspectIfTheRightVariableIsSet(t *testing.T) {
	if got := suspectsOf(t, "MONGO_URI=mongodb://h\n", map[string]string{"MONGODB_URI": "x"}); len(got) > 0 {
		t.Errorf("%q", got)
	}
	if got := suspectsOf(t, "MONGO_URI=\n", map[string]string{"MONGODB_URI": "x"}); len(got) != 1 {
		t.Errorf("an empty MONGO_URI counts as unset: %q", got)
	}
}

func TestMisspeltVariablesOfTheFile(t *testing.T) {
	got := suspectsOf(t, "# ours\nBATCH_SIZE=7\n\nexport RATE_LIMIT_WINDW_SEC=3\nqueue_mode=stream\nREDIS_PORT=7000\n", nil)
	want := []string{
		".env, line 4: RATE_LIMIT_WINDW_SEC is not a setting, and ignored: did you mean RATE_LIMIT_WINDOW_SEC?",
		".env, line 5: queue_mode is not a setting, and ignored: did you mean QUEUE_MODE?",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestFaultsComeWithTheirSuspects(t *testing.T) {
	_, err := loadWith(t, "queue_mode=stream\nRATE_LIMIT_POLICY=defer\n", nil)
	var e *config.Error
	if !errors.As(err, &e) || len(e.Faults) != 1 || len(e.Suspects) != 1 || e.Suspects[0].Meant != "QUEUE_MODE" {
		t.Errorf("%+v", err)
	}
}

func TestSources(t *testing.T) {
	c, err := loadWith(t, "QUEUE_KEY=a\nBATCH_SIZE=7\nADMIN_ADDR=\nGEN_RPM=\n", map[string]string{"BATCH_SIZE": "8", "LOG_LEVEL": " "})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]config.Source{
		"QUEUE_KEY": config.EnvFile, "BATCH_SIZE": config.Environment, "ADMIN_ADDR": config.EnvFile,
		"GEN_RPM": config.Default, "LOG_LEVEL": config.Default, "STREAM_CONSUMER": config.Default, "RATE_LIMIT_CLOCK": config.Default,
	}
	for _, s := range c.Settings() {
		if source, listed := want[s.Name]; listed && s.Source != source {
			t.Errorf("%s comes from %s, want %s", s.Name, s.Source, source)
		}
	}
	if dir, _ := os.Getwd(); !strings.HasPrefix(c.EnvFilePath(), dir) || !strings.HasSuffix(c.EnvFilePath(), "/.env") {
		t.Errorf("the file is %q, in %s", c.EnvFilePath(), dir)
	}
	if c, err = loadWith(t, "", nil); err != nil || c.EnvFilePath() != "" {
		t.Errorf("without a file: %q, %v", c.EnvFilePath(), err)
	}
}
