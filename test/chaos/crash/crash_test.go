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

// fewEnough: where fewer combinations are tried, chance decides whether each point
// has one in which it is reached.
const fewEnough = 5

// atOnce is how many combinations are under way: most of the time they wait.
const atOnce = 150

// TestEveryCrashPoint stops a process at each point, the one that takes over at
// each point too, and checks what a third one, which nothing stops, leaves behind.
// Every few combinations one is tried, all with CRASH_EVERY=1;
// CRASH_ONLY="settle 1 dies after/move 1 is lost" tries one, with its log.
func TestEveryCrashPoint(t *testing.T) {
	s := newShared(t)
	only, every := os.Getenv("CRASH_ONLY"), sample(t)
	tally := &tally{struck: map[string]int{}}
	var group errgroup.Group
	group.SetLimit(atOnce)
	n, began := 0, time.Now()
	for i, first := range points() {
		for j, second := range points() {
			pair := fmt.Sprintf("%v/%v", first, second)
			if only != "" && only != pair || only == "" && (i+j)%every != 0 {
				continue
			}
			n++
			w := s.world(n, only != "")
			group.Go(func() error {
				if err := w.combination(t.Context(), first, second, tally); err != nil {
					t.Errorf("%s: %v", pair, err)
				}
				return nil
			})
		}
	}
	_ = group.Wait()
	t.Logf("%d points, %d combinations of two in %v; a point was reached %d times",
		len(points())-1, n, time.Since(began).Round(time.Millisecond), tally.total())
	s.waitForTheDead()
	if only == "" && every <= fewEnough {
		tally.wantAll(t)
	}
}

// sample is how many combinations there are to each that is tried.
func sample(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CRASH_EVERY")
	if text == "" {
		return every
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("CRASH_EVERY is %q, but must be a number from 1", text)
	}
	return n
}

func newShared(t *testing.T) *shared {
	t.Helper()
	server := env.Redis(t, env.WithConfig("appendonly", "no", "maxclients", "4000"))
	logging.Disable()
	s := &shared{redis: server, blades: &blades{byDB: map[string]*blade{}, rules: map[string]func(faulty.Call) faulty.Fault{}}, direct: server.Client(t)}
	loadScripts(t, s.direct)
	mongod, err := faulty.New(faulty.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = mongod.Close() })
	mongod.Rule("insert", s.blades.insertRule)
	mongod.Rule("find", s.blades.findRule)
	client, err := mongo.Connect(options.Client().ApplyURI(mongod.URI()).SetMaxPoolSize(200))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	s.mongo = client
	return s
}

func (s *shared) world(n int, loud bool) *world {
	var out io.Writer = io.Discard
	if loud {
		out = os.Stderr
	}
	name := fmt.Sprintf("combination%d", n)
	return &world{shared: s, name: name, key: "crash:" + name, lease: lease, log: slog.New(slog.NewJSONHandler(out, nil))}
}

// combination goes through three lives.
func (w *world) combination(ctx context.Context, first, second point, tally *tally) error {
	reached, err := w.play(ctx, []plan{{point: first}, {point: second}, {point: point{step: nowhere}}})
	for n, p := range reached {
		tally.count(n, p)
	}
	if err != nil {
		return err
	}
	report, err := w.judge(ctx)
	if err != nil {
		return err
	}
	if report.Total() > 0 {
		return violations(report)
	}
	return w.forget(ctx)
}

// plan is what happens in one life.
type plan struct {
	point  point
	before func(ctx context.Context, w *world) error          // when its records are there
	during func(ctx context.Context, w *world, l *life) error // before it is waited for
}

// play goes through lives and says which of their points were reached.
func (w *world) play(ctx context.Context, plans []plan) (reached map[int]point, err error) {
	reached = map[int]point{}
	w.courses = len(plans)
	if err := w.open(ctx, w.courses+w.extra); err != nil {
		return reached, err
	}
	for n, plan := range plans {
		if err := w.prepare(ctx, n, plan); err != nil {
			return reached, err
		}
		l := w.begin(ctx, fmt.Sprint("life-", n+1), plan.point)
		w.mourn(l)
		if plan.during != nil {
			if err := plan.during(ctx, w, l); err != nil {
				l.stop()
				return reached, err
			}
		}
		if err := w.run(ctx, l); err != nil {
			return reached, err
		}
		if err := w.witness.ReadAll(ctx); err != nil {
			return reached, err
		}
		if l.blade.hasStruck() {
			reached[n] = plan.point
		}
	}
	return reached, nil
}

func (w *world) prepare(ctx context.Context, n int, plan plan) error {
	if err := w.feed(ctx, n); err != nil {
		return err
	}
	if err := w.haunt(ctx, n); err != nil {
		return err
	}
	if err := w.age(ctx); err != nil {
		return err
	}
	if plan.before != nil {
		return plan.before(ctx, w)
	}
	return nil
}

func violations(r *check.Report) error {
	for _, sort := range check.Sorts() {
		for _, detail := range r.Details(sort) {
			return fmt.Errorf("%d violations; %s: %s", r.Total(), sort, detail)
		}
	}
	return nil
}

// tally counts how often each point was reached, in the first and in the second
// life.
type tally struct {
	mu     sync.Mutex
	struck map[string]int
}

func (c *tally) count(life int, p point) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.struck[fmt.Sprintf("life %d, %v", life+1, p)]++
}

func (c *tally) total() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.struck {
		n += k
	}
	return n
}

// wantAll fails for points that no life has reached: they would prove nothing.
func (c *tally) wantAll(t *testing.T) {
	t.Helper()
	for _, p := range points()[1:] {
		for life := range 2 {
			if name := fmt.Sprintf("life %d, %v", life+1, p); c.struck[name] == 0 {
				t.Errorf("never reached: %s", name)
			}
		}
	}
}
