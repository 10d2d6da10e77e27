package main_test

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/internal/test/terminal"
	"ingestion/record"
	"ingestion/streams"
)

// shown is how long something may take to stand on the screen.
const shown = 30 * time.Second

// topRun is ingestctl top on a terminal.
type topRun struct {
	*terminal.Terminal
	t    *testing.T
	cmd  *exec.Cmd
	done <-chan error
}

func (r *rig) top(extra ...string) *topRun {
	r.t.Helper()
	term := terminal.New(r.t, 80, 24)
	cmd := exec.Command(env.Build(r.t, "ingestion/cmd/ingestctl"), "top", "--interval", "100ms")
	cmd.Dir = r.t.TempDir()
	cmd.Env = append(append([]string{"TERM=xterm-256color", "PATH=" + os.Getenv("PATH")}, r.env...), extra...)
	return &topRun{term, r.t, cmd, term.Start(cmd)}
}

// ended waits for the end, and checks the exit code and the terminal.
func (p *topRun) ended(code int) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(shown):
		p.t.Fatalf("still running:\n%s", p.Screen())
	}
	if got := p.cmd.ProcessState.ExitCode(); got != code {
		p.t.Errorf("exit code %d, want %d\n%s", got, code, p.Screen())
	}
	p.Restored(shown)
}

func TestTheViewsOfTop(t *testing.T) {
	r := newRig(t, 3)
	r.withMongo()
	r.work()
	r.settle(0, record.Ingested, "1", "2", "3")
	r.settle(1, record.Invalid, `{"customerId":"c-17"}`)
	r.push(2, "5", "6")
	p := r.top()
	p.Await(shown, "[1 Overview]", "s, group g, 3 partitions", "added          6  balanced", "undelivered    2  oldest", "SETTLED A MINUTE", "UNDELIVERED, LAST HOUR", "ingestctl dead list")
	if !p.Full() {
		t.Error("it does not take the whole screen")
	}
	r.push(2, "7")
	p.Await(shown, "added          7  balanced") // live
	p.Type("2")
	p.Await(shown, "[2 Consumers]", "WORKER  STATE  HOLDS  EXPIRED  IDLE", "c       live       0        0")
	p.Type("\t")
	p.Await(shown, "[3 Customers]", "No customer has hit its limit lately.")
	p.Type("4")
	p.Await(shown, "[4 Dead letters]", "validation_failed  c-17")
	p.Type("5")
	p.Await(shown, "[5 Partitions]", "s:0        ok", "s:2        ok                 3")
	p.Type("?")
	p.Await(shown, "show a view", "quit")
	p.Type("x1")
	p.Await(shown, "[1 Overview]", "OUTCOMES")
	p.Type("tt")
	p.Await(shown, "SETTLED A SECOND, LIVE")
	p.Resize(120, 40)
	screen := p.Await(shown, "MOST LIMITED", "mongodb  up")
	if first := strings.Split(screen, "\n")[1]; len(first) != 120 {
		t.Errorf("the title does not fill the width: %q", first)
	}
	p.Resize(80, 24)
	p.Await(shown, "[1 Overview]", "q quit")
	p.Type("q")
	p.ended(0)
	if p.Coloured() == "" {
		t.Error("without colours")
	}
}

// However it ends, the terminal is as it was before.
func TestTopRestoresTheTerminal(t *testing.T) {
	server := env.Redis(t)
	r := rigOn(t, server.URL(), 1)
	r.withMongo()
	r.work()
	for name, end := range map[string]func(p *topRun){
		"by a key":    func(p *topRun) { p.Type("q") },
		"by Ctrl-C":   func(p *topRun) { p.Type("\x03") },
		"by SIGTERM":  func(p *topRun) { _ = p.cmd.Process.Signal(syscall.SIGTERM) },
		"by SIGINT":   func(p *topRun) { _ = p.cmd.Process.Signal(syscall.SIGINT) },
		"in the help": func(p *topRun) { p.Type("?q") },
	} {
		t.Run(name, func(t *testing.T) {
			p := r.top()
			p.t = t
			p.Await(shown, "balanced", "Nothing to do.")
			end(p)
			p.ended(0)
		})
	}
	t.Run("when Redis is gone", func(t *testing.T) {
		p := r.top()
		p.t = t
		p.Await(shown, "balanced")
		server.Kill()
		p.Await(shown, "unknown", "To do: Start Redis or correct REDIS_URL: ingestctl doctor")
		server.Start()
		p.Await(shown, "balanced", "Nothing to do.")
		server.Kill()
		p.Await(shown, "To do: Start Redis")
		p.Type("q")
		p.ended(0)
	})
}

func TestTopWithoutColours(t *testing.T) {
	r := newRig(t, 1)
	r.withMongo()
	must(t, streams.Pause(t.Context(), r.client, "s", streams.Control{By: "ada"}))
	p := r.top("NO_COLOR=1")
	p.Await(shown, "[1 Overview]", "PAUSED by ada", "balanced")
	p.Type("q")
	p.ended(0)
	if code := p.Coloured(); code != "" {
		t.Errorf("colour %q", code)
	}
}

func TestTopOfAList(t *testing.T) {
	r := newRig(t, 1)
	r.withMongo()
	r.env = append(r.env, "QUEUE_MODE=list", "QUEUE_KEY=q")
	must(t, r.client.RPush(t.Context(), "q", "a", "b").Err())
	p := r.top()
	p.Await(shown, "list q", "on the list   2", "a list has no ledger")
	p.Type("3")
	p.Await(shown, "only known of a stream")
	p.Type("5")
	p.Await(shown, "A list has no partitions.")
	p.Type("q")
	p.ended(0)
}

func TestTopNeedsATerminal(t *testing.T) {
	r := newRig(t, 1)
	_, stderr := r.result(2, "top")
	wantWords(t, stderr, "no terminal", "ingestctl status --watch")
}

// On a terminal --watch redraws in place, and fits what it shows into its height.
func TestWatchingTheStatusOnATerminal(t *testing.T) {
	r := newRig(t, 16)
	r.withMongo()
	r.work()
	term := terminal.New(t, 80, 30)
	cmd := exec.Command(env.Build(t, "ingestion/cmd/ingestctl"), "status", "--watch", "100ms")
	cmd.Dir, cmd.Env = t.TempDir(), append([]string{"TERM=xterm-256color"}, r.env...)
	p := &topRun{term, t, cmd, term.Start(cmd)}
	p.Await(shown, "s, group g, 16 partitions", "added          0", "Nothing to do.", "partitions in no worse state")
	r.push(7, "1")
	screen := p.Await(shown, "added          1", "s:7        ok                 1", "Nothing to do.")
	if strings.Count(screen, "s, group g") != 1 {
		t.Errorf("not redrawn in place:\n%s", screen)
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	p.ended(0)
}
