package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/internal/test/terminal"
)

// readingCommands are the commands of ingestctl that look at the queue or only say what they
// would do. Those that print bodies by purpose are not among them: dead list --json and dead
// export, which say so in their help, and everything with --reveal.
func (s *privateService) readingCommands(entry, letter string) [][]string {
	s.t.Helper()
	body := s.write("body.json", privateBody("nine", "C", "", 90))
	var all [][]string
	for _, command := range []string{
		"status", "doctor", "reconcile", "trace " + entry, "trace " + letter, "trace --customer two", "find --customer one",
		"limits get two", "limits list", "limits show two", "limits simulate two 1/60", "limits set two 9/60 --dry-run", "limits unset two --dry-run",
		"dead show " + letter, "dead replay --all --dry-run", "dead purge --all --dry-run", "dead edit " + letter + " --body " + body + " --dry-run",
		"pause --by x --dry-run", "resume --dry-run", "migrate check-ids", "migrate list-to-stream --dry-run", "migrate stream-to-list --dry-run",
	} {
		words := strings.Fields(command)
		all = append(all, words, append(slices.Clone(words), "--json"))
	}
	return append(all, []string{"dead", "list", "--limit", "0"}, []string{"trace", "--customer", "two", "--email", planted["an address"] + ".2@mailbox.org"},
		[]string{"dead", "edit", letter, "--set", "name=" + planted["a name"] + " X", "--dry-run"})
}

// ctl runs a command, and searches what it prints. It returns the exit code.
func (s *privateService) ctl(when string, environ []string, args ...string) int {
	s.t.Helper()
	p := env.Process(s.t, env.Build(s.t, "ingestion/cmd/ingestctl"), args, append(slices.Clone(s.environ), environ...))
	code := p.Wait(soon)
	s.program("ingestctl "+strings.Join(args, " ")+when, p)
	return code
}

// watched searches what status --watch and all views of top show.
func (s *privateService) watched(when string, environ ...string) {
	s.t.Helper()
	environ = append(slices.Clone(s.environ), environ...)
	p := env.Process(s.t, env.Build(s.t, "ingestion/cmd/ingestctl"), []string{"status", "--watch", "100ms"}, environ)
	p.WaitForLine(soon, func(line string) bool { return line != "" })
	p.Signal(syscall.SIGINT)
	p.Wait(soon)
	s.program("status --watch"+when, p)

	term := terminal.New(s.t, 120, 40)
	cmd := exec.Command(env.Build(s.t, "ingestion/cmd/ingestctl"), "top", "--interval", "100ms")
	cmd.Dir, cmd.Env = s.t.TempDir(), append([]string{"TERM=xterm-256color", "PATH=" + os.Getenv("PATH")}, environ...)
	done := term.Start(cmd)
	for key, view := range map[string]string{"1": "[1 Overview]", "2": "[2 Consumers]", "3": "[3 Customers]", "4": "[4 Dead letters]", "5": "[5 Partitions]"} {
		term.Await(soon, "1 Overview")
		term.Type(key)
		s.in("top"+when+", "+view, term.Await(soon, view))
	}
	term.Type("q")
	select {
	case <-done:
	case <-time.After(soon):
		s.t.Fatalf("top still runs:\n%s", term.Screen())
	}
	s.in("top"+when, term.Raw())
}

// What operators see of a queue full of personal data, with sound servers, with wrong
// passwords and without servers.
func TestIngestctlShowsNothingPrivate(t *testing.T) {
	t.Parallel()
	s := newPrivateService(t, stream, "LOG_FORMAT=json", "STARTUP_TIMEOUT_SEC=1")
	s.environ = append(s.environ, "MONGO_URI="+env.Mongo(t).URI()) // it can be searched
	w := s.start()
	addr := s.adminAddr(w)
	s.send(privateBodies()...)
	s.send(`{"` + planted["another field"] + `@mail.example":1,"customerId":"two","email":"a@b.com ` + planted["a name"] + `"}`)
	s.awaitSettled(addr)
	entry := s.client.XRange(t.Context(), streamKey, "-", "+").Val()[0].ID
	letters := s.client.XRange(t.Context(), "{"+streamKey+"}:dead", "-", "+").Val()
	if len(letters) < 7 {
		t.Fatalf("%d dead letters", len(letters))
	}
	for _, l := range letters {
		// The name of a member is shown if it could be the name of a field.
		if data, _ := l.Values["data"].(string); !strings.HasPrefix(data, `{"`+planted["another field"]+`":`) {
			s.ctl("", nil, "dead", "show", l.ID)
			s.ctl("", nil, "dead", "show", l.ID, "--json")
		}
	}
	commands := s.readingCommands(entry, letters[len(letters)-1].ID)
	for _, args := range commands {
		// trace finds no entry with a dead letter's ID, migrate refuses a queue that is not
		// empty or has workers: both say 1.
		if code := s.ctl("", nil, args...); code == 2 {
			t.Errorf("ingestctl %v: wrong usage", args)
		}
	}
	s.watched("")
	w.Signal(syscall.SIGTERM)
	w.Wait(soon)

	nowhere := nowhere(t)
	redisURL, mongoURI := "REDIS_URL=redis://nobody:"+planted["the password of REDIS_URL"]+"@", "MONGO_URI=mongodb://nobody:"+planted["the password of MONGO_URI"]+"@"
	for name, environ := range map[string][]string{
		" with wrong passwords": {redisURL + s.redis.Addr, mongoURI + s.mongo.Addr() + "/?serverSelectionTimeoutMS=300"},
		" without MongoDB":      {mongoURI + nowhere + "/?serverSelectionTimeoutMS=300"},
		" without servers":      {redisURL + nowhere, mongoURI + nowhere + "/?serverSelectionTimeoutMS=300"},
	} {
		for _, args := range commands {
			if code := s.ctl(name, environ, args...); code == 0 && args[0] == "doctor" {
				t.Errorf("ingestctl %v%s: exit code 0", args, name)
			}
		}
		s.watched(name, environ...)
	}
}

// What prints bodies by purpose says so in its help, and prints them only there.
func TestOnlyTwoCommandsPrintBodies(t *testing.T) {
	t.Parallel()
	s := newPrivateService(t, stream, "LOG_FORMAT=json", "STARTUP_TIMEOUT_SEC=1")
	if err := s.client.XGroupCreateMkStream(t.Context(), streamKey, group, "0").Err(); err != nil {
		t.Fatal(err)
	}
	w := s.start()
	s.send(privateBodies()[12])
	s.awaitSettled(s.adminAddr(w))
	for _, args := range [][]string{{"dead", "list", "--json"}, {"dead", "export"}} {
		p := env.Process(t, env.Build(t, "ingestion/cmd/ingestctl"), args, s.environ)
		if code := p.Wait(soon); code != 0 || !strings.Contains(strings.Join(p.Lines(), "\n"), planted["another field"]) {
			t.Errorf("ingestctl %v: exit code %d, without the body: %q", args, code, p.Lines())
		}
		s.in("standard error of ingestctl "+strings.Join(args, " "), p.Stderr())
	}
	file := filepath.Join(t.TempDir(), "dead.ndjson")
	s.ctl("", nil, "dead", "export", "--output", file, "--json")
}
