package config_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/joho/godotenv"

	"ingestion/internal/config"
)

// The variables of .env.example and of the README's table are made of the
// settings themselves:
//
//	go test ./internal/config -update
var update = flag.Bool("update", false, "write .env.example and the README's table of variables")

const (
	envExample = "../../.env.example"
	readme     = "../../README.md"

	tableBegin = "<!-- variables: made by go test ./internal/config -update -->\n"
	tableEnd   = "<!-- end of variables -->\n"
)

// commentedOut is an assignment in .env.example.
var commentedOut = regexp.MustCompile(`(?m)^#([A-Z_]+=)`)

// notUsedYet are accepted and checked, but nothing reads them so far.
var notUsedYet = []string{"ADMIN_ADDR", "ADMIN_PPROF"}

func TestEnvExampleListsAllSettings(t *testing.T) {
	same(t, envExample, contents(t, envExample), exampleOf(parse(t, nil).Settings()))
}

func TestReadmeListsAllSettings(t *testing.T) {
	text := contents(t, readme)
	before, rest, found := strings.Cut(text, tableBegin)
	_, after, closed := strings.Cut(rest, tableEnd)
	if !found || !closed {
		t.Fatalf("README.md has no place for the table: a line %q and a line %q", tableBegin, tableEnd)
	}
	same(t, readme, text, before+tableBegin+tableOf(t)+tableEnd+after)
}

// What is commented out in .env.example are the defaults.
func TestEnvExampleChangesNothing(t *testing.T) {
	vars, err := godotenv.Unmarshal(commentedOut.ReplaceAllString(contents(t, envExample), "$1"))
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(vars, func(_, value string) bool { return value == "" })
	want, got := parse(t, nil), parse(t, vars)
	want.StreamConsumer, got.StreamConsumer = "", ""
	for i, s := range got.Settings() {
		if w := want.Settings()[i]; s != w {
			t.Errorf("%s is %q with .env.example, %q without", s.Name, s.Value, w.Value)
		}
	}
}

// The worker and the generator of docker-compose.yml take every setting that
// docker-compose.yml does not choose itself.
func TestComposePassesAllSettings(t *testing.T) {
	text := contents(t, "../../docker-compose.yml")
	for service, without := range map[string]*regexp.Regexp{
		// unreachable from outside, files outside the container, one name for several workers
		"worker":    regexp.MustCompile(`^(GEN|PRODUCER|ADMIN)_|_PASSWORD_FILE$|^STREAM_CONSUMER$`),
		"generator": regexp.MustCompile(`^(MONGO|ADMIN|RATE_LIMIT|WORKER|STREAM_(GROUP|CONSUMER|CLAIM|MAX|RETENTION)|DEAD|DLQ|BATCH|MAX|SHUTDOWN)|_PASSWORD_FILE$|^LOG_RAW$`),
	} {
		_, rest, found := strings.Cut(text, "\n  "+service+":\n")
		if !found {
			t.Fatalf("docker-compose.yml has no service %s", service)
		}
		_, rest, _ = strings.Cut(rest, "\n    environment:\n")
		var passed []string
		for line := range strings.Lines(rest) {
			name, _, isVariable := strings.Cut(strings.TrimPrefix(line, "      "), ":")
			if !strings.HasPrefix(line, "      ") || !isVariable {
				break
			}
			passed = append(passed, name)
		}
		for _, s := range parse(t, nil).Settings() {
			if slices.Contains(passed, s.Name) == without.MatchString(s.Name) {
				t.Errorf("%s of %s: passed %v, but that is not what the service needs", s.Name, service, slices.Contains(passed, s.Name))
			}
		}
	}
}

func contents(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// same compares a file with what it should hold, or makes it so.
func same(t *testing.T, file, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for line := range strings.SplitSeq(want, "\n") {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("%s lacks the line %q", file, line)
		}
	}
	t.Errorf("%s is not what the settings say: go test ./internal/config -update", file)
}

func exampleOf(settings []config.Setting) string {
	var b strings.Builder
	b.WriteString("# All settings with their defaults. Copy this file to .env and uncomment what\n" +
		"# shall differ; the environment wins over it. `worker config` prints what holds.\n")
	for _, s := range settings {
		fmt.Fprintf(&b, "\n# %s\n#%s=%s\n", meaning(s), s.Name, s.Default)
	}
	return b.String()
}

func tableOf(t *testing.T) string {
	t.Helper()
	list := parse(t, map[string]string{"QUEUE_MODE": "list"}).Settings()
	stream := parse(t, map[string]string{"QUEUE_MODE": "stream"}).Settings()
	var b strings.Builder
	b.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for i, s := range list {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", s.Name, defaultOf(s, stream[i]), strings.ReplaceAll(meaning(s), "|", `\|`))
	}
	return b.String()
}

func meaning(s config.Setting) string {
	if slices.Contains(notUsedYet, s.Name) {
		return s.Doc + " (not used yet)"
	}
	return s.Doc
}

// defaultOf is the default, or those of both modes where they differ.
func defaultOf(list, stream config.Setting) string {
	switch {
	case list.Default != "":
		return "`" + list.Default + "`"
	case list.Name == "STREAM_CONSUMER": // is made up for each process
		return ""
	case list.Value != stream.Value:
		return fmt.Sprintf("`%s` (list), `%s` (stream)", list.Value, stream.Value)
	default:
		return ""
	}
}
