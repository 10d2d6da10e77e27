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

// scenario is a sequence of processes in which a bug has an effect.
type scenario struct {
	name  string
	bug   bug
	plans []plan
	extra int           // rounds in addition to those of the plans
	lease time.Duration // zero: the usual one
	// rule makes MongoDB's rule for inserts; nil: none.
	rule func() func(faulty.Call) faulty.Fault
	// kinds are the violations of which the bug must cause at least one. Without
	// the bug there must be none of them.
	kinds []string
}

func undisturbed() plan { return plan{point: point{step: nowhere}} }

func dyingAt(s step, nth int, m mode) []plan {
	return []plan{{point: point{s, nth, m}}, undisturbed(), undisturbed()}
}

func scenarios() []scenario {
	all := check.Kinds()
	return []scenario{
		{
			name:  "acknowledged before it is inserted",
			bug:   bug{queue: func(q streams.Queue) streams.Queue { return ackFirst{q} }},
			plans: dyingAt(judge, 1, diesBefore), kinds: []string{check.Lost},
		},
		{name: "NOACK", bug: bug{command: noAck}, plans: dyingAt(judge, 2, diesBefore), kinds: []string{check.Lost}},
		{
			name:  "group created again at $",
			bug:   bug{patch: open, find: `start = watermark\(\)`, by: `start = '$$'`},
			plans: []plan{undisturbed(), {point: point{step: nowhere}, before: destroyGroup}, undisturbed()},
			kinds: []string{check.Lost},
		},
		{
			name:  "result of XACK ignored",
			bug:   bug{patch: settle, find: `local n = (redis\.call\('XACK'.*)`, by: "$1\n    local n = to - from + 1"},
			plans: dyingAt(settle, 1, unanswered), kinds: all,
		},
		{
			name:  "reclaim stops at an empty page",
			bug:   bug{patch: claim, find: `if cursor == '0-0' then`, by: `if cursor == '0-0' or #claimed == 0 then`},
			plans: []plan{{point: point{step: nowhere}, before: keepBusy, during: untilReclaimed}, undisturbed()},
			extra: busyRounds + 1, lease: 6 * time.Second, kinds: all,
		},
		{
			// Equivalent: the entry is acknowledged although its dead letter cannot be
			// written.
			name:  "dead letter after acknowledgement",
			bug:   bug{patch: settle, find: `kept\[#kept \+ 1\] = id`, by: "redis.call('XACK', stream, group, id)\n    lost[#lost + 1] = id"},
			plans: []plan{undisturbed(), {point: point{step: nowhere}, before: blockDead, during: untilRefusalsRetried}, undisturbed()},
			kinds: []string{check.Lost},
		},
		{
			name: "write concern error treated as success",
			bug: bug{store: func(tr *trial, s consumer.Store) consumer.Store {
				return lenientStore{s, tr.collection(), concernIgnored}
			}},
			plans: []plan{undisturbed(), undisturbed()}, rule: rolledBack, kinds: []string{check.Lost},
		},
		{
			name: "IsDuplicateKeyError applied to a whole bulk",
			bug: bug{store: func(tr *trial, s consumer.Store) consumer.Store {
				return lenientStore{s, tr.collection(), mongo.IsDuplicateKeyError}
			}},
			plans: []plan{undisturbed(), undisturbed()}, rule: lastOfABulk, kinds: []string{check.Lost},
		},
		{
			name:  "a redelivered record is a new member of its window",
			bug:   bug{limiter: func(l consumer.Limiter) consumer.Limiter { return randomMember{l} }},
			plans: dyingAt(insert, 2, diesBefore), kinds: []string{check.OverLimit, check.WrongDeath},
		},
	}
}

// TestPlantedBugsAreDetected runs each scenario twice: with the service as it is,
// which must pass, and with the bug, which must be detected.
func TestPlantedBugsAreDetected(t *testing.T) {
	s := startServers(t)
	defer s.waitForProcesses()
	for i, c := range scenarios() {
		t.Run(c.name, func(t *testing.T) {
			c.bug.load(t, s.direct)
			if found, err := c.run(t.Context(), s.trial(2*i, false)); err != nil || len(found) > 0 {
				t.Errorf("without the bug: %v, %v", err, found)
			}
			tr := s.trial(2*i+1, false)
			tr.bug = &c.bug
			found, err := c.run(t.Context(), tr)
			if err == nil && len(found) == 0 {
				t.Error("the bug was not detected")
			}
			t.Logf("detected: %v %.300q", err, found)
		})
	}
}

// run returns the violations of the scenario's kinds.
func (c *scenario) run(ctx context.Context, tr *trial) (found []string, err error) {
	tr.extra, tr.lease = c.extra, cmp.Or(c.lease, tr.lease)
	if c.rule != nil {
		rule := c.rule()
		tr.injectors.override(tr.name, rule)
		defer tr.injectors.override(tr.name, nil)
	}
	if _, err := tr.play(ctx, c.plans); err != nil {
		return nil, err
	}
	report, err := tr.verify(ctx)
	if err != nil {
		return nil, err
	}
	for _, kind := range c.kinds {
		found = slices.Concat(found, report.Details(kind))
	}
	return found, nil
}

// destroyGroup destroys the group while records wait, as an operator may.
func destroyGroup(ctx context.Context, tr *trial) error {
	return tr.direct.XGroupDestroy(ctx, tr.key, group).Err()
}

// busy is a live worker that holds more entries than XAUTOCLAIM examines in two
// calls.
const (
	busy       = "busy"
	busyRounds = 9
)

// keepBusy makes the busy worker take all waiting entries, and leaves entries of a
// dead worker after them in the pending list.
func keepBusy(ctx context.Context, tr *trial) error {
	first := tr.rounds
	for n := range busyRounds {
		if err := tr.feed(ctx, first+n); err != nil {
			return err
		}
	}
	err := tr.direct.XReadGroup(ctx, &redis.XReadGroupArgs{Group: group, Consumer: busy, Streams: []string{tr.key, ">"}, Count: 1000, Block: -1}).Err()
	if err != nil {
		return err
	}
	if err := tr.feed(ctx, first+busyRounds); err != nil {
		return err
	}
	if err := tr.leaveUnfinished(ctx, first+busyRounds); err != nil {
		return err
	}
	if err := tr.expireLeases(ctx); err != nil {
		return err
	}
	return tr.renewBusy(ctx)
}

var renewScript = redis.NewScript(`
for _, p in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000, ARGV[2])) do
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, p[1], 'RETRYCOUNT', p[4], 'JUSTID')
end
return 1`)

// renewBusy renews the busy worker's leases.
func (tr *trial) renewBusy(ctx context.Context) error {
	return renewScript.Run(ctx, tr.direct, []string{tr.key}, group, busy).Err()
}

var errStranded = errors.New("entries of a dead worker are never reclaimed, since those of a live one come first")

// untilReclaimed waits until the dead worker's entries are reclaimed although a
// live worker holds those before them. Then the live one dies too.
func untilReclaimed(ctx context.Context, tr *trial, l *process) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	dead := fmt.Sprint("dead-", tr.rounds+busyRounds)
	for range tick.C {
		if err := tr.renewBusy(ctx); err != nil {
			return err
		}
		left, err := tr.direct.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: tr.key, Group: group, Start: "-", End: "+", Count: 10, Consumer: dead}).Result()
		switch {
		case err != nil:
			return err
		case len(left) == 0:
			return tr.expireLeases(ctx)
		case l.injector.count(claim) > 8:
			return errStranded
		}
	}
	return nil
}

// blockDead makes writing dead letters fail, by a key of the wrong type.
func blockDead(ctx context.Context, tr *trial) error {
	dead := "{" + tr.key + "}:dead"
	if err := tr.direct.Rename(ctx, dead, dead+":aside").Err(); err != nil {
		return err
	}
	return tr.direct.Set(ctx, dead, "in the way", 0).Err()
}

// untilRefusalsRetried restores the key once settling was tried several times.
func untilRefusalsRetried(ctx context.Context, tr *trial, l *process) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		n, _, err := tr.outstanding(ctx)
		if err != nil {
			return err
		}
		if n == 0 || l.injector.count(settle) > 10 {
			break
		}
	}
	dead := "{" + tr.key + "}:dead"
	return tr.direct.Rename(ctx, dead+":aside", dead).Err()
}

// rolledBack returns a rule under which the first insert of a document is not
// replicated to a majority and then rolled back by an election.
func rolledBack() func(faulty.Call) faulty.Fault {
	seen := map[string]bool{}
	return func(call faulty.Call) (f faulty.Fault) {
		isNew := false
		for _, doc := range call.Documents {
			id := doc.Lookup("_id").StringValue()
			isNew, seen[id] = isNew || !seen[id], true
		}
		if !isNew {
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

// lastOfABulk returns a rule under which the last document of each of the first
// inserts fails with a transient error.
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
