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

// injector stops one process at one point. Safe for concurrent use.
type injector struct {
	point point
	bug   *bug          // nil if none is planted
	dead  chan struct{} // closed when the process dies

	mu      sync.Mutex
	seen    map[step]int
	hit     bool
	reached chan struct{} // closed when the point is reached
}

func newInjector(p point) *injector {
	return &injector{point: p, dead: make(chan struct{}), reached: make(chan struct{}), seen: map[step]int{}}
}

// reach is called before each command of a step and returns what happens to it.
func (in *injector) reach(s step) mode {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.seen[s]++
	if s != in.point.step || in.seen[s] != in.point.nth {
		return passes
	}
	in.hit = true
	close(in.reached)
	return in.point.mode
}

// count returns how many commands of a step there were.
func (in *injector) count(s step) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.seen[s]
}

func (in *injector) triggered() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.hit
}

func (in *injector) isDead() bool {
	select {
	case <-in.dead:
		return true
	default:
		return false
	}
}

// errBroken is the error of a broken connection.
var errBroken = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("connection reset by peer")}

// DialHook, ProcessHook and ProcessPipelineHook implement redis.Hook.
func (in *injector) DialHook(next redis.DialHook) redis.DialHook { return next }

func (in *injector) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if in.isDead() {
			return fail(cmd)
		}
		next := in.bug.wrap(next)
		switch in.reach(stepOf(cmd)) {
		case diesBefore:
			close(in.dead)
			return fail(cmd)
		case diesAfter:
			_ = next(ctx, cmd)
			close(in.dead)
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

func (in *injector) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if in.isDead() {
			return errBroken
		}
		return next(ctx, cmds)
	}
}

func fail(cmd redis.Cmder) error {
	cmd.SetErr(errBroken)
	return errBroken
}

// stepOf returns the step of a command, by its name or its script.
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

// scripts maps the hash of a script to its step.
var scripts = map[string]step{}

// otherSteps has the steps of scripts whose file name does not end in the step.
var otherSteps = map[string]step{"account_read": "account"}

// sources maps a step to the source of its script.
var sources = map[step]string{}

// loadScripts reads the scripts and loads them into Redis, so that no step has to.
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

// A script's comment names the parts that are prepended to it.
var (
	comesAfter = regexp.MustCompile(`Comes after(?:[-\s]+(?:and )?\w+\.lua)+`)
	partName   = regexp.MustCompile(`\w+\.lua`)
)

// beginnings returns the parts that are prepended to a script, from the same directory.
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

// injectors has the injector of each running process by its collection, which is
// all that the MongoDB server knows of a process. Safe for concurrent use.
type injectors struct {
	mu    sync.Mutex
	byDB  map[string]*injector
	rules map[string]func(faulty.Call) faulty.Fault // of scenarios in which MongoDB misbehaves
}

// override sets a rule for the inserts into a collection; nil removes it.
func (b *injectors) override(collection string, rule func(faulty.Call) faulty.Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rules[collection] = rule
}

func (b *injectors) set(collection string, injector *injector) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.byDB[collection] = injector
}

func (b *injectors) reach(call faulty.Call, s step) mode {
	collection, _ := call.Body.Lookup(call.Name).StringValueOK()
	b.mu.Lock()
	injector := b.byDB[collection]
	b.mu.Unlock()
	if injector == nil {
		return passes
	}
	if injector.isDead() {
		return lost
	}
	m := injector.reach(s)
	if strings.HasPrefix(string(m), "dies") {
		close(injector.dead)
	}
	return m
}

// exceeded is the code of an operation that may have been carried out or not. It
// leaves the connection open, which other processes share.
const exceeded = 262

// insertRule is the server's rule for inserts.
func (b *injectors) insertRule(call faulty.Call) faulty.Fault {
	collection, _ := call.Body.Lookup(call.Name).StringValueOK()
	b.mu.Lock()
	rule := b.rules[collection]
	b.mu.Unlock()
	if rule != nil {
		return rule(call)
	}
	switch b.reach(call, insert) {
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

func (b *injectors) findRule(call faulty.Call) faulty.Fault {
	if b.reach(call, lookup) != passes {
		return faulty.Fault{Code: exceeded}
	}
	return faulty.Fault{}
}
