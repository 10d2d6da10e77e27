package crash_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/consumer"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/streams"
	"ingestion/test/chaos/internal/check"
)

// scenario is a story in which a bug shows.
type scenario struct {
	bug   string
	plant plant
	plans []plan
	extra int           // courses beside those of the plans
	lease time.Duration // if not the usual one
	// rule is how MongoDB treats inserts, if not as ever.
	rule func() func(faulty.Call) faulty.Fault
	// sorts are the violations of which the bug is to cause one; without the bug
	// there is to be none of these.
	sorts []string
}

func calmly() plan { return plan{point: point{step: nowhere}} }

func dying(s step, nth int, m mode) []plan {
	return []plan{{point: point{s, nth, m}}, calmly(), calmly()}
}

func scenarios() []scenario {
	all := check.Sorts()
	return []scenario{
		{
			bug:   "acknowledged before it is inserted",
			plant: plant{queue: func(q streams.Queue) streams.Queue { return hasty{q} }},
			plans: dying(judge, 1, diesBefore), sorts: []string{check.Lost},
		},
		{bug: "NOACK", plant: plant{command: noAck}, plans: dying(judge, 2, diesBefore), sorts: []string{check.Lost}},
		{
			bug:   "group made again at $",
			plant: plant{patch: open, find: `start = watermark\(\)`, by: `start = '$$'`},
			plans: []plan{calmly(), {point: point{step: nowhere}, before: destroyGroup}, calmly()},
			sorts: []string{check.Lost},
		},
		{
			bug:   "result of XACK ignored",
			plant: plant{patch: settle, find: `local n = (redis\.call\('XACK'.*)`, by: "$1\n    local n = to - from + 1"},
			plans: dying(settle, 1, unanswered), sorts: all,
		},
		{
			bug:   "reclaim stops at an empty page",
			plant: plant{patch: claim, find: `if cursor == '0-0' then`, by: `if cursor == '0-0' or #claimed == 0 then`},
			plans: []plan{{point: point{step: nowhere}, before: keepBusy, during: behindTheBusy}, calmly()},
			extra: busyCourses + 1, lease: 6 * time.Second, sorts: all,
		},
		{
			// What comes to the same: where the dead letter can't be written the entry
			// is acknowledged all the same.
			bug:   "dead letter after acknowledgement",
			plant: plant{patch: settle, find: `kept\[#kept \+ 1\] = id`, by: "redis.call('XACK', stream, group, id)\n    lost[#lost + 1] = id"},
			plans: []plan{calmly(), {point: point{step: nowhere}, before: blockDead, during: untilRefusalsWait}, calmly()},
			sorts: []string{check.Lost},
		},
		{
			bug: "write concern error taken for success",
			plant: plant{store: func(w *world, s consumer.Store) consumer.Store {
				return careless{s, w.collection(), concernIgnored}
			}},
			plans: []plan{calmly(), calmly()}, rule: rolledBack, sorts: []string{check.Lost},
		},
		{
			bug: "IsDuplicateKeyError asked of a whole bulk",
			plant: plant{store: func(w *world, s consumer.Store) consumer.Store {
				return careless{s, w.collection(), mongo.IsDuplicateKeyError}
			}},
			plans: []plan{calmly(), calmly()}, rule: lastOfABulk, sorts: []string{check.Lost},
		},
		{
			bug:   "a redelivered record is a new member of its window",
			plant: plant{limiter: func(l consumer.Limiter) consumer.Limiter { return forgetful{l} }},
			plans: dying(insert, 2, diesBefore), sorts: []string{check.OverLimit, check.WrongDeath},
		},
	}
}

// TestPlantedBugsAreCaught tells each story twice: with the service as it is,
// which comes out of it well, and with a bug, which has to be noticed.
func TestPlantedBugsAreCaught(t *testing.T) {
	s := newShared(t)
	defer s.waitForTheDead()
	for i, c := range scenarios() {
		t.Run(c.bug, func(t *testing.T) {
			c.plant.load(t, s.direct)
			if found, err := c.tell(t.Context(), s.world(2*i, false)); err != nil || len(found) > 0 {
				t.Errorf("without the bug: %v, %v", err, found)
			}
			w := s.world(2*i+1, false)
			w.plant = &c.plant
			found, err := c.tell(t.Context(), w)
			if err == nil && len(found) == 0 {
				t.Error("nobody noticed the bug")
			}
			t.Logf("noticed: %v %.300q", err, found)
		})
	}
}

// tell plays the story and returns the violations that matter in it.
func (c *scenario) tell(ctx context.Context, w *world) (found []string, err error) {
	w.extra, w.lease = c.extra, cmp.Or(c.lease, w.lease)
	if c.rule != nil {
		rule := c.rule()
		w.blades.override(w.name, rule)
		defer w.blades.override(w.name, nil)
	}
	if _, err := w.play(ctx, c.plans); err != nil {
		return nil, err
	}
	report, err := w.judge(ctx)
	if err != nil {
		return nil, err
	}
	for _, sort := range c.sorts {
		found = slices.Concat(found, report.Details(sort))
	}
	return found, nil
}

// destroyGroup is what a FLUSHALL or an operator does, with records waiting.
func destroyGroup(ctx context.Context, w *world) error {
	return w.direct.XGroupDestroy(ctx, w.key, group).Err()
}

// busy is a live worker that holds more than XAUTOCLAIM looks at in two calls.
const (
	busy        = "busy"
	busyCourses = 9
)

// keepBusy has the busy worker take all that waits, and leaves two entries behind
// it that belong to a dead one.
func keepBusy(ctx context.Context, w *world) error {
	first := w.courses
	for n := range busyCourses {
		if err := w.feed(ctx, first+n); err != nil {
			return err
		}
	}
	err := w.direct.XReadGroup(ctx, &redis.XReadGroupArgs{Group: group, Consumer: busy, Streams: []string{w.key, ">"}, Count: 1000, Block: -1}).Err()
	if err != nil {
		return err
	}
	if err := w.feed(ctx, first+busyCourses); err != nil {
		return err
	}
	if err := w.haunt(ctx, first+busyCourses); err != nil {
		return err
	}
	if err := w.age(ctx); err != nil {
		return err
	}
	return w.freshen(ctx)
}

var freshenScript = redis.NewScript(`
for _, p in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000, ARGV[2])) do
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, p[1], 'RETRYCOUNT', p[4], 'JUSTID')
end
return 1`)

// freshen is the busy worker's heartbeat.
func (w *world) freshen(ctx context.Context) error {
	return freshenScript.Run(ctx, w.direct, []string{w.key}, group, busy).Err()
}

var errStranded = errors.New("entries of a dead worker are stranded behind those of a live one")

// behindTheBusy waits until the dead worker's entries are taken over, though a
// live one goes on holding what lies before them; then that one dies too.
func behindTheBusy(ctx context.Context, w *world, l *life) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	dead := fmt.Sprint("ghost-", w.courses+busyCourses)
	for range tick.C {
		if err := w.freshen(ctx); err != nil {
			return err
		}
		left, err := w.direct.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: w.key, Group: group, Start: "-", End: "+", Count: 10, Consumer: dead}).Result()
		switch {
		case err != nil:
			return err
		case len(left) == 0:
			return w.age(ctx)
		case l.blade.count(claim) > 8:
			return errStranded
		}
	}
	return nil
}

// blockDead makes dead letters impossible, as a wrong type of key does.
func blockDead(ctx context.Context, w *world) error {
	dead := "{" + w.key + "}:dead"
	if err := w.direct.Rename(ctx, dead, dead+":aside").Err(); err != nil {
		return err
	}
	return w.direct.Set(ctx, dead, "in the way", 0).Err()
}

// untilRefusalsWait clears the way again once the refusals have been tried.
func untilRefusalsWait(ctx context.Context, w *world, l *life) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		n, _, err := w.outstanding(ctx)
		if err != nil {
			return err
		}
		if n == 0 || l.blade.count(settle) > 10 {
			break
		}
	}
	dead := "{" + w.key + "}:dead"
	return w.direct.Rename(ctx, dead+":aside", dead).Err()
}

// rolledBack: the first insert of a document is applied, not by a majority, and
// then undone by an election.
func rolledBack() func(faulty.Call) faulty.Fault {
	seen := map[string]bool{}
	return func(call faulty.Call) (f faulty.Fault) {
		news := false
		for _, doc := range call.Documents {
			id := doc.Lookup("_id").StringValue()
			news, seen[id] = news || !seen[id], true
		}
		if !news {
			return f
		}
		for i := range call.Documents {
			f.WriteErrors = append(f.WriteErrors, faulty.WriteError{Index: i, Code: exceeded})
		}
		f.Reply = bson.D{{Key: "ok", Value: 1.0}, {Key: "n", Value: int32(len(call.Documents))},
			{Key: "writeConcernError", Value: bson.D{{Key: "code", Value: int32(64)}, {Key: "errmsg", Value: "waiting for replication timed out"}}}}
		return f
	}
}

// lastOfABulk has the last document of each of the first inserts fail for a
// reason that passes.
func lastOfABulk() func(faulty.Call) faulty.Fault {
	times := 0
	return func(call faulty.Call) (f faulty.Fault) {
		if times++; times > 12 || len(call.Documents) < 2 {
			return f
		}
		f.WriteErrors = []faulty.WriteError{{Index: len(call.Documents) - 1, Code: 189}}
		return f
	}
}
