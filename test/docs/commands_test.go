package docs_test

import (
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/internal/test/need"
)

const (
	soon = 30 * time.Second // for a log line or an output to appear
	late = 5 * time.Minute  // for a command to end
)

// Every sh block of every page runs, and prints what the page says.
func TestCommands(t *testing.T) {
	need.Program(t, "bash", "make", "redis-cli", "sha256sum")
	built := false
	for _, p := range pages(t) {
		blocks := p.blocks()
		if !slices.ContainsFunc(blocks, isShell) {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			if !built {
				(&shell{t: t}).run("make build")
				built = true
			}
			s := newShell(t, blocks)
			for i, b := range blocks {
				s.play(b, blocks[i+1:])
			}
		})
	}
}

func isShell(b block) bool { return b.language == "sh" || b.language == "sh background" }

// shell runs the blocks of a page against servers of its own.
type shell struct {
	t       *testing.T
	redis   string // host:port
	mongo   string // host:port
	service *env.Proc
}

// newShell starts a redis-server, a MongoDB and a worker in stream mode if the
// page uses them and does not start its own.
func newShell(t *testing.T, blocks []block) *shell {
	t.Helper()
	s := &shell{t: t}
	usesService := func(b block) bool {
		return isShell(b) && (strings.Contains(b.text, "bin/") || strings.Contains(b.text, "redis-cli"))
	}
	switch {
	case slices.ContainsFunc(blocks, func(b block) bool { return b.language == "sh background" }):
		s.redis, s.mongo = freeAddress(t), freeAddress(t)
	case slices.ContainsFunc(blocks, usesService):
		s.redis, s.mongo = env.Redis(t).Addr, env.Mongo(t).Addr()
		s.service = env.Process(t, filepath.Join(directory(t), "bin", "worker"), nil, append(s.environment(), "QUEUE_MODE=stream"))
		s.awaitLog(`"event":"worker_started"`)
	}
	return s
}

// directory is the absolute path of the repository.
func directory(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// freeAddress is a loopback address with a port that is free now.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func (s *shell) environment() []string {
	return []string{"REDIS_URL=redis://" + s.redis + "/0", "MONGO_URI=mongodb://" + s.mongo + "/"}
}

// play runs one block of the page. after are the blocks below it.
func (s *shell) play(b block, after []block) {
	s.t.Helper()
	switch b.language {
	case "sh background":
		s.start(b.text)
	case "log":
		for line := range strings.Lines(b.text) {
			s.awaitLog(strings.TrimSuffix(line, "\n"))
		}
	case "sh":
		if len(after) == 0 || after[0].language != "text" || !after[0].follows {
			s.run(b.text)
			return
		}
		want := whole(after[0].text)
		env.Eventually(s.t, soon, func() (bool, string) {
			got := s.run(b.text)
			return want.MatchString(got), b.text + "\nprints\n" + got + "\nwant\n" + after[0].text
		})
	}
}

// start runs a script in the background and stops it when the test ends.
func (s *shell) start(script string) {
	s.t.Helper()
	s.service = s.bash(script)
	s.t.Cleanup(func() {
		s.service.Signal(syscall.SIGTERM) // make and what it runs end on it
		s.service.Wait(soon)
	})
	s.awaitLog(`"event":"worker_started"`)
}

// run runs a script, which must exit with 0, and returns its standard output.
func (s *shell) run(script string) string {
	s.t.Helper()
	p := s.bash("set -euo pipefail\nredis-cli() { command redis-cli -u redis://" + s.redis + ` "$@"; }` + "\n" + script)
	if code := p.Wait(late); code != 0 {
		s.t.Fatalf("%s\nexits with %d:\n%s\n%s", script, code, strings.Join(p.Lines(), "\n"), p.Stderr())
	}
	return strings.Join(p.Lines(), "\n")
}

func (s *shell) bash(script string) *env.Proc {
	s.t.Helper()
	script = strings.NewReplacer("127.0.0.1:6379", s.redis, "127.0.0.1:27017", s.mongo).Replace(script)
	return env.Process(s.t, "/bin/bash", []string{"-c", script}, s.environment(), env.InDir(directory(s.t)))
}

// awaitLog waits until the service has logged a line that contains text.
func (s *shell) awaitLog(text string) {
	s.t.Helper()
	s.service.WaitForLine(soon, pattern(text).MatchString)
}

// whole matches an entire output. … stands for any text, also of several lines;
// any number of spaces equals one, and spaces at the end of a line are ignored.
func whole(text string) *regexp.Regexp {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		line = spaces.ReplaceAllString(regexp.QuoteMeta(strings.TrimRight(line, " ")), " +")
		lines = append(lines, strings.ReplaceAll(line, "…", ".*"))
	}
	return regexp.MustCompile(`(?s)^\s*` + strings.Join(lines, ` *\n`) + `\s*$`)
}

var spaces = regexp.MustCompile(` +`)

func TestWholeComparesAllOfTheOutput(t *testing.T) {
	for _, c := range []struct {
		page, output string
		want         bool
	}{
		{"a\n…\nd", "a  \nb\nc\nd\n", true},
		{"a … c", "a  b  c", true},
		{"a\nb", "a\nb\nc", false},
		{"a.c", "abc", false},
	} {
		if got := whole(c.page).MatchString(c.output); got != c.want {
			t.Errorf("%q and %q: %v", c.page, c.output, got)
		}
	}
}
