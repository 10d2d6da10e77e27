package acl

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
)

func TestMain(m *testing.M) { env.Main(m) }

const (
	soon = 60 * time.Second
	late = 300 * time.Second

	// The keys are not the defaults, as docs/security.md describes.
	streamKey = "acl:stream"
	queueKey  = "acl:queue"
	group     = "ingest-workers"
)

// rig is a redis-server that was started with deploy/redis/users.acl, and programs that log in
// as one of its users each.
type rig struct {
	t       *testing.T
	redis   *env.RedisServer
	admin   *redis.Client
	environ []string
}

func newRig(t *testing.T, mode string, environ ...string) *rig {
	t.Helper()
	r := &rig{t: t, redis: env.Redis(t, env.WithConfig("aclfile", usersFile(t), "enable-debug-command", "yes"))}
	r.admin = r.client("admin")
	r.environ = append([]string{
		"QUEUE_MODE=" + mode, "QUEUE_KEY=" + queueKey, "STREAM_KEY=" + streamKey, "ADMIN_ADDR=127.0.0.1:0",
		"MONGO_DB=db", "MONGO_COLLECTION=customers",
	}, environ...)
	return r
}

// usersFile prepares the users as docs/security.md says: other keys, passwords, which are the
// names here, and no comments.
func usersFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/redis/users.acl")
	must(t, err)
	users := strings.NewReplacer("ingest:stream", streamKey, "ingest:queue", queueKey).Replace(string(text))
	users = regexp.MustCompile(`(?m)^#.*\n|^\n`).ReplaceAllString(users, "")
	users = regexp.MustCompile(`(?m)^user (\w+) on resetpass`).ReplaceAllString(users, "user $1 on >$1")
	file := filepath.Join(t.TempDir(), "users.acl")
	must(t, os.WriteFile(file, []byte(users), 0o600))
	return file
}

func (r *rig) client(user string) *redis.Client {
	r.t.Helper()
	client := redis.NewClient(&redis.Options{Addr: r.redis.Addr, Username: user, Password: user, MaxRetries: -1, DisableIdentity: true})
	r.t.Cleanup(func() { _ = client.Close() })
	return client
}

// as is the environment of a program of this role.
func (r *rig) as(role string, environ ...string) []string {
	return append(append(slices.Clone(r.environ), "REDIS_URL=redis://"+role+":"+role+"@"+r.redis.Addr+"/0"), environ...)
}

// start starts a program, and waits for a line with this event.
func (r *rig) start(role, program, event string, environ ...string) *env.Proc {
	r.t.Helper()
	p := env.Process(r.t, env.Build(r.t, "ingestion/cmd/"+program), nil, r.as(role, environ...))
	p.WaitForLine(soon, has(event))
	return p
}

func has(word string) func(string) bool {
	return func(line string) bool { return strings.Contains(line, word) }
}

// stop ends a program in order, and searches what it has said.
func (r *rig) stop(p *env.Proc) {
	r.t.Helper()
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(soon); code != 0 {
		r.t.Errorf("exit code %d: %s", code, p.Stderr())
	}
	r.search("a program", strings.Join(p.Lines(), "\n")+p.Stderr())
}

// denials is how programs say that they lack a right.
var denials = regexp.MustCompile(`(?i)noperm|lacks the right|no permissions|may not run|user executing the script can`)

func (r *rig) search(source, text string) {
	r.t.Helper()
	for line := range strings.Lines(text) {
		if denials.MatchString(line) {
			r.t.Errorf("%s says: %s", source, line)
		}
	}
}

// anyCode stands for whatever exit code.
const anyCode = -1

// ctl runs ingestctl as an operator. The exit code has to be the given one.
func (r *rig) ctl(code int, command string, environ ...string) string {
	r.t.Helper()
	return r.run("operator", "ingestctl", code, strings.Fields(command), environ...)
}

func (r *rig) run(role, program string, code int, args []string, environ ...string) string {
	r.t.Helper()
	p := env.Process(r.t, env.Build(r.t, "ingestion/cmd/"+program), args, r.as(role, environ...))
	got := p.Wait(late)
	text := strings.Join(p.Lines(), "\n") + "\n" + p.Stderr()
	if got != code && code != anyCode {
		r.t.Errorf("%s %q: exit code %d, want %d\n%s", program, args, got, code, text)
	}
	r.search(fmt.Sprintf("%s %q", program, args), text)
	return text
}

// try runs ingestctl, with whatever exit code and output.
func (r *rig) try(role string, args ...string) {
	r.t.Helper()
	env.Process(r.t, env.Build(r.t, "ingestion/cmd/ingestctl"), args, r.as(role)).Wait(late)
}

// wantNoDenial reads the log of Redis, which has what scripts were refused, too. Some of the
// objects may be expected.
func (r *rig) wantNoDenial(expected ...string) {
	r.t.Helper()
	entries, err := r.admin.ACLLog(r.t.Context(), 200).Result()
	must(r.t, err)
	for _, e := range entries {
		if !slices.Contains(expected, e.Object) {
			r.t.Errorf("Redis refused the %s: %s %s, in context %s", e.Username, e.Reason, e.Object, e.Context)
		}
	}
	must(r.t, r.admin.Do(r.t.Context(), "acl", "log", "reset").Err())
}

// file writes a file with these lines.
func (r *rig) file(lines ...string) string {
	r.t.Helper()
	name := filepath.Join(r.t.TempDir(), "records.ndjson")
	must(r.t, os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	return name
}

// people are records of some customers, and some that are refused.
func people(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf(`{"customerId":"%d","name":"Ada","email":"a%d@lovelace.org","createdAt":"2026-01-31"}`, i%7, i))
	}
	return append(lines, "nonsense", `{"customerId":"1","name":" "}`, `{"customerId":"2"}`, lines[0])
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func absolute(t testing.TB, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	must(t, err)
	return path
}

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}
