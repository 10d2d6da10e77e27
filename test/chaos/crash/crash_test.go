package crash_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/sync/errgroup"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/test/chaos/internal/check"
)

func TestMain(m *testing.M) { env.Main(m) }

// coveringSample is the largest sampling interval at which each point is certain
// to be reached in some combination.
const coveringSample = 5

// parallel is how many combinations run at a time; mostly they wait.
const parallel = 150

// TestEveryCrashPoint stops a process at each point, stops its successor at each
// point too, and checks the state that an undisturbed third one leaves. It samples
// the combinations; CRASH_EVERY=1 runs all of them, and
// CRASH_ONLY="settle 1 dies after/move 1 is lost" runs one, with its log.
func TestEveryCrashPoint(t *testing.T) {
	s := startServers(t)
	only, every := os.Getenv("CRASH_ONLY"), sample(t)
	tally := &tally{reached: map[string]int{}}
	var group errgroup.Group
	group.SetLimit(parallel)
	n, began := 0, time.Now()
	for i, first := range points() {
		for j, second := range points() {
			pair := fmt.Sprintf("%v/%v", first, second)
			if only != "" && only != pair || only == "" && (i+j)%every != 0 {
				continue
			}
			n++
			tr := s.trial(n, only != "")
			group.Go(func() error {
				if err := tr.combination(t.Context(), first, second, tally); err != nil {
					t.Errorf("%s: %v", pair, err)
				}
				return nil
			})
		}
	}
	_ = group.Wait()
	t.Logf("%d points, %d pairs in %v; points were reached %d times",
		len(points())-1, n, time.Since(began).Round(time.Millisecond), tally.total())
	s.waitForProcesses()
	if only == "" && every <= coveringSample {
		tally.wantAll(t)
	}
}

// sample returns the sampling interval: one in N combinations is run.
func sample(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CRASH_EVERY")
	if text == "" {
		return every
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CRASH_EVERY must be a number of at least 1, not %q", text)
	}
	return n
}

func startServers(t *testing.T) *servers {
	t.Helper()
	server := env.Redis(t, env.WithConfig("appendonly", "no", "maxclients", "4000"))
	logging.Disable()
	s := &servers{redis: server, injectors: &injectors{byDB: map[string]*injector{}, rules: map[string]func(faulty.Call) faulty.Fault{}}, direct: server.Client(t)}
	loadScripts(t, s.direct)
	mongod, err := faulty.New(faulty.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mongod.Close() })
	mongod.Rule("insert", s.injectors.insertRule)
	mongod.Rule("find", s.injectors.findRule)
	client, err := mongo.Connect(options.Client().ApplyURI(mongod.URI()).SetMaxPoolSize(200))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	s.mongo = client
	return s
}

func (s *servers) trial(n int, loud bool) *trial {
	var out io.Writer = io.Discard
	if loud {
		out = os.Stderr
	}
	name := fmt.Sprintf("combination%d", n)
	return &trial{servers: s, name: name, key: "crash:" + name, lease: lease, log: slog.New(slog.NewJSONHandler(out, nil))}
}

// combination runs three processes and checks the result.
func (tr *trial) combination(ctx context.Context, first, second point, tally *tally) error {
	reached, err := tr.play(ctx, []plan{{point: first}, {point: second}, {point: point{step: nowhere}}})
	for n, p := range reached {
		tally.count(n, p)
	}
	if err != nil {
		return err
	}
	report, err := tr.verify(ctx)
	if err != nil {
		return err
	}
	if report.Total() > 0 {
		return violations(report)
	}
	return tr.remove(ctx)
}

// plan is what happens to one process.
type plan struct {
	point  point
	before func(ctx context.Context, tr *trial) error             // called when its records are sent
	during func(ctx context.Context, tr *trial, l *process) error // called while it runs
}

// play runs the processes and returns the points that were reached, by process.
func (tr *trial) play(ctx context.Context, plans []plan) (reached map[int]point, err error) {
	reached = map[int]point{}
	tr.rounds = len(plans)
	if err := tr.open(ctx, tr.rounds+tr.extra); err != nil {
		return reached, err
	}
	for n, plan := range plans {
		if err := tr.prepare(ctx, n, plan); err != nil {
			return reached, err
		}
		l := tr.start(ctx, fmt.Sprint("process-", n+1), plan.point)
		tr.track(l)
		if plan.during != nil {
			if err := plan.during(ctx, tr, l); err != nil {
				l.stop()
				return reached, err
			}
		}
		if err := tr.run(ctx, l); err != nil {
			return reached, err
		}
		if err := tr.observer.ReadAll(ctx); err != nil {
			return reached, err
		}
		if l.injector.triggered() {
			reached[n] = plan.point
		}
	}
	return reached, nil
}

func (tr *trial) prepare(ctx context.Context, n int, plan plan) error {
	if err := tr.feed(ctx, n); err != nil {
		return err
	}
	if err := tr.leaveUnfinished(ctx, n); err != nil {
		return err
	}
	if err := tr.expireLeases(ctx); err != nil {
		return err
	}
	if plan.before != nil {
		return plan.before(ctx, tr)
	}
	return nil
}

func violations(r *check.Report) error {
	for _, kind := range check.Kinds() {
		for _, detail := range r.Details(kind) {
			return fmt.Errorf("%d violations; %s: %s", r.Total(), kind, detail)
		}
	}
	return nil
}

// tally counts how often each point was reached, by the first and by the second
// process.
type tally struct {
	mu      sync.Mutex
	reached map[string]int
}

func (c *tally) count(n int, p point) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reached[fmt.Sprintf("process %d, %v", n+1, p)]++
}

func (c *tally) total() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.reached {
		n += k
	}
	return n
}

// wantAll fails for points that no process reached: they would prove nothing.
func (c *tally) wantAll(t *testing.T) {
	t.Helper()
	for _, p := range points()[1:] {
		for n := range 2 {
			if name := fmt.Sprintf("process %d, %v", n+1, p); c.reached[name] == 0 {
				t.Errorf("never reached: %s", name)
			}
		}
	}
}
