package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ingestion/internal/embedded"
	"ingestion/internal/test/env"
	"ingestion/internal/test/proc"
)

var update = flag.Bool("update", false, "write the answers of the programs into testdata")

func TestMain(m *testing.M) { env.Main(m) }

var programs = []string{"worker", "producer", "archiver", "console", "ingestctl", "standalone"}

// A transcript has command lines that begin with "$ ", comments that begin with
// "# ", and empty lines. The answer to a command is indented by two spaces.
const (
	prompt = "$ "
	indent = "  "
)

func TestTranscripts(t *testing.T) {
	s := newShell(t)
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			old, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := s.replay(t, string(old))
			if *update {
				err = os.WriteFile(file, []byte(got), 0o644)
			} else if diff := cmp.Diff(strings.Split(string(old), "\n"), strings.Split(got, "\n")); diff != "" {
				err = fmt.Errorf("other answers (go test ./test/cli -update writes them down):\n%s", diff)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// shell runs command lines with the programs in PATH.
type shell struct {
	environ  []string
	replacer *strings.Replacer // of what differs from run to run
}

func newShell(t *testing.T) *shell {
	t.Helper()
	var dir string
	for _, program := range programs {
		dir = filepath.Dir(env.Build(t, "ingestion/cmd/"+program))
	}
	redis, err := embedded.StartRedis(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = redis.Close() })
	nowhere, err := proc.FreeAddr()
	if err != nil {
		t.Fatal(err)
	}
	return &shell{
		environ: []string{
			"PATH=" + dir + string(os.PathListSeparator) + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C",
			"SERVER=" + redis.Addr(), "NOWHERE=" + nowhere,
		},
		replacer: strings.NewReplacer(redis.Addr(), "SERVER", nowhere, "NOWHERE"),
	}
}

// replay returns the transcript with the answers that its commands get now.
func (s *shell) replay(t *testing.T, transcript string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(transcript) {
		if strings.HasPrefix(line, indent) {
			continue
		}
		b.WriteString(line)
		if command, ok := strings.CutPrefix(line, prompt); ok {
			b.WriteString(s.run(t, strings.TrimSpace(command)))
		}
	}
	return b.String()
}

// changing is text that differs from run to run or from build to build.
var changing = []struct {
	pattern *regexp.Regexp
	shown   string
}{
	{regexp.MustCompile(`(\(devel\)|v[0-9]\S*)( [0-9a-f]{40}(\+dirty)?)? go1\.\S+`), "VERSION"},
	{regexp.MustCompile(`sent in [0-9.]+[µm]?s(, [0-9]+/s)?`), "sent in TIME"},
	{regexp.MustCompile(`"timestamp":"[^"]*"`), `"timestamp":"TIME"`},
	{regexp.MustCompile(`"seconds":[0-9.e-]+`), `"seconds":N`},
}

// run runs a command line in a new directory. It returns the answer without empty
// lines, and the exit code.
func (s *shell) run(t *testing.T, command string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = t.TempDir(), s.environ, &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // of a program too that should have ended
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		t.Fatalf("%s: %v\n%s", command, err, &output)
	}
	text := strings.ReplaceAll(s.replacer.Replace(output.String()), cmd.Dir, "DIR")
	for _, c := range changing {
		text = c.pattern.ReplaceAllString(text, c.shown)
	}
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimRight(line, " "); line != "" {
			b.WriteString(indent + line + "\n")
		}
	}
	fmt.Fprintf(&b, "%sexit %d\n", indent, cmd.ProcessState.ExitCode())
	return b.String()
}
