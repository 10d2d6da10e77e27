package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ingestion/internal/config"
)

func transcripts(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(text)
	}
	return b.String()
}

// TestEveryCommandIsTried lists the commands and flags by the completion of each
// program.
func TestEveryCommandIsTried(t *testing.T) {
	s, text := newShell(t), transcripts(t)
	for _, program := range programs {
		for _, command := range s.commandsOf(t, program) {
			mistake := regexp.MustCompile(`(?m)^\$ .*\b` + command + `\b.*\n(?:  .*\n)*  exit [12]$`)
			if !mistake.MatchString(text) {
				t.Errorf("no transcript has a mistake with %q", command)
			}
			for _, flag := range s.completions(t, command, "--") {
				if flag != "--help" && flag != "--version" && !regexp.MustCompile(`(?m)^\$ .*\b`+command+`\b.* `+flag+`\b`).MatchString(text) {
					t.Errorf("no transcript has %q with %s", command, flag)
				}
			}
		}
	}
}

// commandsOf returns a command and, in turn, all below it.
func (s *shell) commandsOf(t *testing.T, command string) []string {
	t.Helper()
	all := []string{command}
	for _, name := range s.completions(t, command, "") {
		if name != "help" && name != "completion" {
			all = append(all, s.commandsOf(t, command+" "+name)...)
		}
	}
	return all
}

// completions returns what the shell would offer for a word after a command.
func (s *shell) completions(t *testing.T, command, word string) []string {
	t.Helper()
	program, rest, _ := strings.Cut(command, " ")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", program+" __complete "+rest+" '"+word+"' 2>/dev/null")
	cmd.Env = s.environ
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("completing %s: %v", command, err)
	}
	var names []string
	for line := range strings.Lines(string(output)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if !strings.HasPrefix(name, ":") && name != "" {
			names = append(names, name)
		}
	}
	return names
}

func TestEverySettingIsTried(t *testing.T) {
	cfg, err := config.Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := transcripts(t)
	for _, s := range cfg.Settings() {
		if !regexp.MustCompile(`(?m)^\$ .*\b` + s.Name + `=`).MatchString(text) {
			t.Errorf("no transcript has a mistake in %s", s.Name)
		}
	}
}
