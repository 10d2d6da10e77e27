package main_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/test/env"
)

// A rebuild with unchanged settings gives the live collection again, and changes nothing
// that is live.
func TestRebuildEqualsTheLiveCollection(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		policy     string
		partitions int
		archive    bool
	}{{"drop", 1, false}, {"dead-letter", 3, false}, {"defer", 1, false}, {"defer", 3, false}, {"drop", 1, true}, {"defer", 3, true}} {
		t.Run(fmt.Sprintf("%s, %d partitions, archive: %v", c.policy, c.partitions, c.archive), func(t *testing.T) {
			t.Parallel()
			r := newRebuildRig(t, c.partitions, "RATE_LIMIT_POLICY="+c.policy)
			must(t, r.client.HSet(t.Context(), "{"+r.keys[0]+"}:limits", "1", "off", "2", "block").Err())
			stopArchiver := func() {}
			if c.archive {
				stopArchiver = r.archiver()
			}
			stop := r.worker()
			r.load(rand.New(rand.NewPCG(1, 2)), 1500)
			r.settled()
			stopArchiver()
			stop()
			before, want := r.live(), r.ledger()
			got := r.rebuild(0, "--into", "people2", "--diff")
			r.untouched(before)
			if got.Diff.differ() != 0 || got.Diff.Same == 0 || got.Diff.Same != int64(len(r.documents("people2"))) {
				t.Errorf("%+v", got.Diff)
			}
			for outcome, n := range want {
				if have := got.Outcomes[outcome]; outcome != "deferred" && have != n {
					t.Errorf("%s: %d, want %d", outcome, have, n)
				}
			}
			if got.PutBack != want["deferred"] || c.policy == "defer" && got.PutBack == 0 || want["duplicate"] == 0 || want["rate_limited"] == 0 && c.policy != "defer" {
				t.Errorf("%d put back; live: %v", got.PutBack, want)
			}
		})
	}
}

// A rebuild that is killed again and again, at random moments, gives the same result.
// REBUILD_KILLS says how often.
func TestRebuildSurvivesKills(t *testing.T) {
	t.Parallel()
	kills := setting(t, "REBUILD_KILLS", 20)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	records := 125 * kills
	if records > slowBeyond {
		records *= 8 // a fast MongoDB leaves less time between two kills
	}
	r := rebuildRigOn(t, mongoFor(t, records), 2, "RATE_LIMIT_POLICY=defer", "BATCH_SIZE=10")
	stopArchiver, stop := r.archiver(), r.worker()
	r.load(rng, records)
	r.settled()
	stopArchiver()
	stop()
	r.load(rng, burst) // on the stream alone
	stop = r.worker()
	r.settled()
	stop()
	before := r.live()
	want := r.rebuild(0, "--into", "whole", "--judge-again", "--diff")
	inserted := func() int64 {
		n, err := r.db.Collection("killed").CountDocuments(t.Context(), bson.D{})
		must(t, err)
		return n
	}
	all := int64(len(r.documents("whole")))
	for k := range kills {
		p := r.start("rebuild", "--into", "killed", "--judge-again")
		if k%5 == 0 { // while it begins
			env.Eventually(t, soon, func() (bool, string) {
				return r.client.Exists(t.Context(), "{rebuild:crm.killed:0}:run").Val() > 0, "no windows yet"
			})
		} else {
			until := min(inserted()+rng.Int64N(all/int64(kills)), all-1)
			env.Eventually(t, soon, func() (bool, string) { n := inserted(); return n > until, fmt.Sprintf("%d of %d documents", n, until) })
		}
		p.Kill()
	}
	got := r.rebuild(0, "--into", "killed", "--judge-again", "--diff")
	r.untouched(before)
	if !got.Resumed || got.Diff.differ() != 0 || want.Diff.differ() != 0 || got.Diff.Same != want.Diff.Same {
		t.Errorf("resumed %v\n%+v, want\n%+v", got.Resumed, got.Diff, want.Diff)
	}
	if fmt.Sprint(got.Outcomes, got.Read, got.PutBack) != fmt.Sprint(want.Outcomes, want.Read, want.PutBack) {
		t.Errorf("%v %d %d, want %v %d %d", got.Outcomes, got.Read, got.PutBack, want.Outcomes, want.Read, want.PutBack)
	}
}

// customers pushes n records of each customer at once.
func (r *rebuildRig) customers(n int, customers ...string) {
	r.t.Helper()
	for _, customer := range customers {
		for i := range n {
			must(r.t, r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: r.keys[0], Values: []any{"data", person(customer, i)}}).Err())
		}
	}
}

// A limit was too low. A rebuild with the right one shows the records that were refused.
func TestRebuildWithAnotherLimit(t *testing.T) {
	t.Parallel()
	r := newRebuildRig(t, 1, "RATE_LIMIT_LIMIT=2", "RATE_LIMIT_WINDOW_SEC=60")
	stop := r.worker()
	r.customers(5, "42", "43")
	r.settled()
	before := r.live()
	r.env = append(r.env, "RATE_LIMIT_LIMIT=4")
	got := r.rebuild(1, "--into", "better", "--diff", "--limit", "1")
	r.untouched(before)
	if got.Diff.Same != 4 || got.Diff.Extra != 4 || got.Diff.differ() != 4 || len(got.Diff.Differences) != 1 || got.Outcomes["rate_limited"] != 2 {
		t.Errorf("%+v", got)
	}
	r.customers(1, "44") // after the end
	r.settled()
	stop()
	must(t, r.db.Collection("better").FindOneAndUpdate(t.Context(), bson.D{{Key: "customerId", Value: "42"}, {Key: "name", Value: "Secretname0"}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "name", Value: "Other"}}}}).Err())
	must(t, r.db.Collection("better").FindOneAndDelete(t.Context(), bson.D{{Key: "customerId", Value: "43"}, {Key: "name", Value: "Secretname0"}}).Err())
	text, stderr := r.result(1, "rebuild", "diff", "people", "better")
	wantWords(t, text, "same                  2", "missing               1", "extra                 4", "changed               1", "outside               1",
		"name: S*** -> O***", "the live side has refused its record", "refuses its record")
	wantWords(t, stderr, "6 documents differ between people and better")
	if strings.Contains(text, "Secret") || strings.Contains(text, "Other") {
		t.Errorf("not masked:\n%s", text)
	}
	text, _ = r.result(1, "rebuild", "diff", "people", "better", "--reveal", "--limit", "100")
	wantWords(t, text, `name: "Secretname0" -> "Other"`)
}

// What can't be a new collection is refused, and left as it is.
func TestRebuildRefuses(t *testing.T) {
	t.Parallel()
	r := newRebuildRig(t, 1)
	stop := r.worker()
	r.customers(3, "42")
	r.settled()
	stop()
	_, err := r.db.Collection("other").InsertOne(t.Context(), bson.D{{Key: "_id", Value: "1"}})
	must(t, err)
	before := r.live()
	refused := func(words string, args ...string) {
		t.Helper()
		_, stderr := r.result(2, append([]string{"rebuild"}, args...)...)
		wantWords(t, stderr, words)
	}
	refused("is the live collection", "--into", "people")
	refused("is no rebuild", "--into", "other")
	refused("is no rebuild", "--into", "other", "--restart", "--yes")
	wantWords(t, r.run(0, "rebuild", "--into", "new", "--dry-run"), "crm.new would be rebuilt from the stream alone", "limit: 3/2")
	if n := len(r.documents("new")); n > 0 || r.client.Exists(t.Context(), "{rebuild:crm.new:0}:run").Val() > 0 {
		t.Errorf("--dry-run has written: %d documents", n)
	}
	wantWords(t, r.run(0, "rebuild", "--into", "new"), "crm.new: rebuilt from 3 entries", "ingested                      3")
	refused("is a finished rebuild", "--into", "new")
	r.run(0, "rebuild", "--into", "new", "--restart", "--yes")

	// stopped, as far as the state tells
	_, err = r.db.Collection("new.rebuild").UpdateOne(t.Context(), bson.D{}, bson.D{{Key: "$unset", Value: bson.D{{Key: "finishedAt", Value: ""}}}})
	must(t, err)
	refused("stopped too long ago", "--into", "new")
	r.env = append(r.env, "RATE_LIMIT_LIMIT=9")
	refused("RATE_LIMIT_LIMIT was 3 and is 9", "--into", "new")
	got := r.rebuild(0, "--into", "new", "--restart", "--yes", "--diff")
	if got.Diff.Same != 3 || got.Diff.differ() != 0 {
		t.Errorf("%+v", got.Diff)
	}
	r.untouched(before)
}

// The bounds are IDs, times or durations.
func TestRebuildOfAPart(t *testing.T) {
	t.Parallel()
	r := newRebuildRig(t, 1, "RATE_LIMIT_LIMIT=0", "STREAM_RETENTION=forever")
	for i := range 5 {
		id := fmt.Sprintf("%d-0", time.Date(2026, 1, 31, 12, 0, i, 0, time.UTC).UnixMilli())
		must(t, r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", ID: id, Values: []any{"data", person("42", i)}}).Err())
	}
	stop := r.worker()
	r.settled()
	stop()
	for i, c := range []struct {
		args []string
		read int64
	}{
		{[]string{"--from", "2026-01-31T12:00:02Z"}, 3},
		{[]string{"--to", "2026-01-31T12:00:02Z"}, 3},
		{[]string{"--from", "1769860801000-0", "--to", "1769860802000-0"}, 2},
		{[]string{"--from", "1m"}, 0},
	} {
		got := r.rebuild(0, append([]string{"--into", fmt.Sprint("part", i), "--diff"}, c.args...)...)
		if got.Read != c.read || got.Diff.Same != c.read || got.Diff.Outside != 5-c.read {
			t.Errorf("%v: read %d, %+v", c.args, got.Read, got.Diff)
		}
	}

	must(t, r.client.XTrimMinID(t.Context(), "s", "1769860802000-0").Err())
	got := r.rebuild(1, "--into", "rest", "--diff")
	if got.Read != 3 || got.Diff.Missing != 2 || got.Diff.Reasons["its entry is older than what was folded"] != 2 {
		t.Errorf("read %d, %+v", got.Read, got.Diff)
	}
}
