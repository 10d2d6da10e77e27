package crash_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/test/mongo/faulty"
)

// blade falls at one point of one process' life.
type blade struct {
	point point
	plant *plant        // nil for none
	dead  chan struct{} // closed when the process dies

	mu     sync.Mutex
	seen   map[step]int
	struck bool
	fallen chan struct{} // closed when the point is reached
}

func newBlade(p point) *blade {
	return &blade{point: p, dead: make(chan struct{}), fallen: make(chan struct{}), seen: map[step]int{}}
}

// meet says what becomes of the next command of a step.
func (b *blade) meet(s step) mode {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seen[s]++
	if s != b.point.step || b.seen[s] != b.point.nth {
		return passes
	}
	b.struck = true
	close(b.fallen)
	return b.point.mode
}

// count is how often a step was met.
func (b *blade) count(s step) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen[s]
}

func (b *blade) hasStruck() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.struck
}

func (b *blade) isDead() bool {
	select {
	case <-b.dead:
		return true
	default:
		return false
	}
}

// errGone is what a process sees of a broken connection.
var errGone = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}

// DialHook, ProcessHook and ProcessPipelineHook stand between the process and
// Redis.
func (b *blade) DialHook(next redis.DialHook) redis.DialHook { return next }

func (b *blade) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if b.isDead() {
			return fail(cmd)
		}
		next := b.plant.over(next)
		switch b.meet(stepOf(cmd)) {
		case diesBefore:
			close(b.dead)
			return fail(cmd)
		case diesAfter:
			_ = next(ctx, cmd)
			close(b.dead)
			return fail(cmd)
		case lost:
			return fail(cmd)
		case unanswered:
			_ = next(ctx, cmd)
			return fail(cmd)
		}
		return next(ctx, cmd)
	}
}

func (b *blade) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if b.isDead() {
			return errGone
		}
		return next(ctx, cmds)
	}
}

func fail(cmd redis.Cmder) error {
	cmd.SetErr(errGone)
	return errGone
}

// stepOf tells by its name or its script which step a command is.
func stepOf(cmd redis.Cmder) step {
	switch cmd.Name() {
	case "xreadgroup":
		return read
	case "evalsha":
		sha, _ := cmd.Args()[1].(string)
		return scripts[sha]
	}
	return ""
}

// scripts are the steps by the hash of their script.
var scripts = map[string]step{}

// otherSteps are the steps of scripts whose file name does not end in the step.
var otherSteps = map[string]step{"stream_quarantine": attempt, "account_read": "account"}

// sources are the scripts by their step.
var sources = map[step]string{}

// loadScripts reads the scripts and has Redis know them, so that no step begins
// with loading one.
func loadScripts(t *testing.T, client *redis.Client) {
	t.Helper()
	files, err := filepath.Glob(filepath.FromSlash("../../../streams/*.lua"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range append(files, filepath.FromSlash("../../../limiter/judge.lua")) {
		name := strings.TrimSuffix(filepath.Base(file), ".lua")
		s, other := otherSteps[name]
		if !other {
			s = step(name[strings.LastIndex(name, "_")+1:]) // after the name of the group
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		whole := beginnings(t, filepath.Dir(file), string(source)) + string(source)
		sum := sha1.Sum([]byte(whole))
		scripts[hex.EncodeToString(sum[:])], sources[s] = s, whole
		if err := client.ScriptLoad(t.Context(), whole).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// Where a script names the parts that come before it.
var (
	comesAfter = regexp.MustCompile(`Comes after(?:[-\s]+(?:and )?\w+\.lua)+`)
	partName   = regexp.MustCompile(`\w+\.lua`)
)

// beginnings are the parts that come before a script, from the same directory.
func beginnings(t *testing.T, dir, source string) string {
	t.Helper()
	parts := ""
	for _, name := range partName.FindAllString(comesAfter.FindString(source), -1) {
		part, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		parts += string(part)
	}
	return parts
}

// blades are those of the processes under way, by their collection: the server
// knows a process by nothing else.
type blades struct {
	mu    sync.Mutex
	byDB  map[string]*blade
	rules map[string]func(faulty.Call) faulty.Fault // of stories with a MongoDB of their own mind
}

// override has a rule decide about the inserts into a collection; nil ends it.
func (b *blades) override(collection string, rule func(faulty.Call) faulty.Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules[collection] = rule
}

func (b *blades) set(collection string, blade *blade) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byDB[collection] = blade
}

func (b *blades) meet(call faulty.Call, s step) mode {
	collection, _ := call.Body.Lookup(call.Name).StringValueOK()
	b.mu.Lock()
	blade := b.byDB[collection]
	b.mu.Unlock()
	if blade == nil {
		return passes
	}
	if blade.isDead() {
		return lost
	}
	m := blade.meet(s)
	if strings.HasPrefix(string(m), "dies") {
		close(blade.dead)
	}
	return m
}

// exceeded is a code that says that a call may have been carried out or not, and
// leaves the connection as it is: other processes share it.
const exceeded = 262

// insertRule is how the server treats an insert.
func (b *blades) insertRule(call faulty.Call) faulty.Fault {
	collection, _ := call.Body.Lookup(call.Name).StringValueOK()
	b.mu.Lock()
	rule := b.rules[collection]
	b.mu.Unlock()
	if rule != nil {
		return rule(call)
	}
	switch b.meet(call, insert) {
	case diesBefore, lost:
		return faulty.Fault{Code: exceeded}
	case diesAfter, unanswered:
		return faulty.Fault{Code: exceeded, Applied: true}
	case diesAmid, halfLost:
		f := faulty.Fault{Reply: bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: int32(exceeded)}, {Key: "errmsg", Value: "told to fail"}}}
		for i := 1; i < len(call.Documents); i += 2 {
			f.WriteErrors = append(f.WriteErrors, faulty.WriteError{Index: i, Code: exceeded})
		}
		return f
	}
	return faulty.Fault{}
}

func (b *blades) findRule(call faulty.Call) faulty.Fault {
	if b.meet(call, lookUp) != passes {
		return faulty.Fault{Code: exceeded}
	}
	return faulty.Fault{}
}
