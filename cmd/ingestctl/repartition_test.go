package main_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
	"ingestion/internal/test/terminal"
	"ingestion/record"
	"ingestion/streams"
)

type repartitioned struct {
	From, To         int
	DryRun, Complete bool
	Windows, Limits  int64
	ReadOn, Workers  []string
}

// repartition runs the command with --json.
func (r *rig) repartition(code, to int, args ...string) repartitioned {
	r.t.Helper()
	out := r.run(code, append([]string{"repartition", "--json", "--to", fmt.Sprint(to)}, args...)...)
	schema.Check(r.t, "ingestctl-repartition", []byte(out))
	var got repartitioned
	must(r.t, json.Unmarshal([]byte(out), &got))
	return got
}

// customers are the windows and own limits of customers in the partitions of the stream "s".
type customers struct {
	t      *testing.T
	client redis.UniversalClient
	n      int
}

func customerName(c int) string { return fmt.Sprintf("customer %d", c) }

// fill gives each customer a window, and each tenth a limit, in its partition.
func (c customers) fill(partitions int) {
	c.t.Helper()
	ctx, homes := c.t.Context(), record.PartitionKeys("s", partitions)
	_, err := c.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range c.n {
			base := "{" + homes[record.HomePartition(customerName(i), partitions)] + "}:"
			for place := range 1 + i%5 {
				p.ZAdd(ctx, base+"limit:"+customerName(i), redis.Z{Score: float64(1000 * place), Member: fmt.Sprintf("%d-%d", i, place)})
			}
			p.PExpire(ctx, base+"limit:"+customerName(i), time.Hour)
			if i%10 == 0 {
				p.HSet(ctx, base+"limits", customerName(i), fmt.Sprintf("%d/60", i+1))
			}
		}
		return nil
	})
	must(c.t, err)
}

// want checks that all customers have their windows and limits, and returns how many of both
// are not in their partition, of so many.
func (c customers) want(partitions int) (misplaced int) {
	c.t.Helper()
	ctx, layout := c.t.Context(), record.Layout{Key: "s", Partitions: partitions, Former: []int{1, 2, 6}}
	there := map[string]map[string]bool{}
	for place, key := range layout.Keys() {
		windows, limits := make([]*redis.StringSliceCmd, c.n), c.client.HGetAll(ctx, "{"+key+"}:limits")
		must(c.t, limits.Err())
		_, err := c.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range c.n {
				windows[i] = p.ZRange(ctx, "{"+key+"}:limit:"+customerName(i), 0, -1)
			}
			return nil
		})
		must(c.t, err)
		for i := range c.n {
			found := windows[i].Val()
			if limit, ok := limits.Val()[customerName(i)]; ok {
				found = append(found, limit)
			}
			if len(found) > 0 && layout.Home(customerName(i)) != place {
				misplaced++
			}
			for _, one := range found {
				if there[customerName(i)] == nil {
					there[customerName(i)] = map[string]bool{}
				}
				there[customerName(i)][one] = true
			}
		}
	}
	for i := range c.n {
		want := map[string]bool{}
		for place := range 1 + i%5 {
			want[fmt.Sprintf("%d-%d", i, place)] = true
		}
		if i%10 == 0 {
			want[fmt.Sprintf("%d/60", i+1)] = true
		}
		if diff := cmp.Diff(want, there[customerName(i)]); diff != "" {
			c.t.Fatalf("%s (-want +got):\n%s", customerName(i), diff)
		}
	}
	return misplaced
}

// TestRepartition changes the number of partitions again and again. What is in the streams
// stays where it is, and every account is the same.
func TestRepartition(t *testing.T) {
	r := newRig(t, 2)
	c := customers{t, r.client, 300}
	c.fill(2)
	for p := range r.keys {
		r.settle(p, record.Rejected, person("1", p))
		r.settle(p, record.Deferred, person("2", p))
		r.push(p, person("3", p))
	}
	must(t, streams.Pause(t.Context(), r.client, "s:0", streams.Control{By: "ada", Reason: "move"}))
	must(t, r.client.XGroupCreate(t.Context(), "s:1", streams.ArchiveGroup, "0").Err())
	before := r.reconcile(0)

	plan := r.repartition(0, 4, "--dry-run")
	if plan.From != 2 || plan.Complete || plan.Windows == 0 || plan.Limits == 0 || len(plan.ReadOn) != 0 || c.want(2) != 0 {
		t.Errorf("%+v, or it has changed something", plan)
	}
	if done := r.repartition(0, 4, "--yes"); !done.Complete || done.Windows != plan.Windows || done.Limits != plan.Limits || c.want(4) != 0 {
		t.Errorf("%+v, want as in the plan %+v", done, plan)
	}
	r.env = append(r.env, "STREAM_PARTITIONS=4")
	if again := r.repartition(0, 4, "--yes"); !again.Complete || again.Windows != 0 {
		t.Errorf("the second time: %+v", again)
	}
	for _, key := range []string{"s:2", "{s:2}:outcomes", "s:3"} { // so that nothing is trimmed unarchived
		if is, err := streams.IsArchived(t.Context(), r.client, key); err != nil || !is {
			t.Errorf("%s is not archived: %v", key, err)
		}
	}

	if done := r.repartition(0, 1, "--yes"); !slices.Equal(done.ReadOn, []string{"s:0", "s:1", "s:2", "s:3"}) || c.want(1) != 0 {
		t.Errorf("%+v", done)
	}
	_, err := r.result(2, "reconcile")
	wantWords(t, err, "STREAM_PARTITIONS is 4, but the stream \"s\" has 1: set 1")
	r.env = append(r.env, "STREAM_PARTITIONS=1")
	if control, _, err := streams.ReadControl(t.Context(), r.client, "s"); err != nil || !control.Paused || control.By != "ada" || control.Reason != "move" {
		t.Errorf("the pause is %+v, %v", control, err)
	}
	after := r.reconcile(1) // of s nothing is known until a worker opens it
	if len(after.Partitions) != 5 || after.Total.Undelivered != 2 || after.Total.DeadLetters.There != 2 || after.Total.Delayed != 2 {
		t.Errorf("%+v", after)
	}
	for i, key := range []string{"s:0", "s:1"} {
		if diff := cmp.Diff(before.Partitions[i], after.Partitions[1+i]); after.Partitions[1+i].Key != key || diff != "" {
			t.Errorf("%s (-before +after):\n%s", key, diff)
		}
	}

	must(t, r.client.Del(t.Context(), "{s}:control").Err())
	if done := r.repartition(0, 2, "--yes"); c.want(2) != 0 || !slices.Equal(done.ReadOn, []string{"s", "s:2", "s:3"}) {
		t.Errorf("%+v", done)
	}
	if control, _, err := streams.ReadControl(t.Context(), r.client, "s:0"); err != nil || control.Paused {
		t.Errorf("the pause of before is back: %+v, %v", control, err)
	}
}

// TestKilledRepartitions kills the command at random times, and sometimes goes back: wherever
// that is, no customer has lost a place, no program takes a number for granted, and the command
// goes on when it is repeated.
func TestKilledRepartitions(t *testing.T) {
	const kills = 40
	r := newRig(t, 2)
	c := customers{t, r.client, 4000}
	now, next := 2, 4
	c.fill(now)
	begin := time.Now()
	r.repartition(0, next, "--yes")
	span := time.Since(begin)
	now, next = 4, 1
	amid := 0
	for i := range kills {
		p := r.start("repartition", "--to", fmt.Sprint(next), "--yes")
		pause := rand.N(span)
		if i%2 == 0 { // not before it has begun
			env.Eventually(t, soon, func() (bool, string) {
				select {
				case <-p.Done():
					return true, ""
				default:
				}
				l, err := streams.ReadLayout(t.Context(), r.client, "s")
				return err == nil && l.Next != 0, fmt.Sprintf("not begun: %+v, %v", l, err)
			})
			pause = rand.N(span / 4)
		}
		select {
		case <-time.After(pause):
			p.Kill()
		case <-p.Done():
		}
		misplaced := c.want(next)
		l, err := streams.ReadLayout(t.Context(), r.client, "s")
		must(t, err)
		if l.Next != 0 {
			amid++
			r.env = append(r.env, fmt.Sprintf("STREAM_PARTITIONS=%d", l.Next), "STARTUP_TIMEOUT_SEC=0.5")
			_, failure := r.result(1, "reconcile")
			wantWords(t, failure, "is being changed", fmt.Sprintf("repartition --to %d", l.Next))
			r.env = r.env[:len(r.env)-2]
		} else if misplaced > 0 && l.Partitions == next {
			t.Fatalf("%d customers are not in their partition, but the change has ended", misplaced)
		}
		if i%5 == 0 && l.Next != 0 {
			next = now // go back
		}
		r.repartition(0, next, "--yes")
		if misplaced := c.want(next); misplaced > 0 {
			t.Fatalf("in the end %d customers are not in their partition", misplaced)
		}
		now = next
		for next == now {
			next = []int{1, 2, 4}[rand.N(3)]
		}
	}
	t.Logf("%d of %d were killed amid their work, within %v", amid, kills, span)
	if amid < kills/10 {
		t.Errorf("only %d of %d were killed amid their work", amid, kills)
	}
}

// TestRepartitionInPlaceOfAnother has a change to 5 partitions that was killed when it had moved
// everything. The next one goes back, or to another number: it collects what is in partitions
// that neither number has, and their streams are read on, since producers may have used them.
func TestRepartitionInPlaceOfAnother(t *testing.T) {
	for to, readOn := range map[int][]string{2: {"s:2", "s:3", "s:4"}, 3: {"s:3", "s:4"}} {
		r := newRig(t, 2)
		c := customers{t, r.client, 100}
		c.fill(5)
		_, err := streams.BeginLayout(t.Context(), r.client, "s", 2, 5)
		must(t, err)
		if done := r.repartition(0, to, "--yes"); !done.Complete || c.want(to) != 0 || !slices.Equal(done.ReadOn, readOn) {
			t.Errorf("to %d: %+v, with %d customers not in their partition", to, done, c.want(to))
		}
		if l, err := streams.ReadLayout(t.Context(), r.client, "s"); err != nil || l.Partitions != to || l.Next != 0 || !slices.Contains(l.Former, 5) {
			t.Errorf("to %d: %+v, %v", to, l, err)
		}
	}
}

func TestRepartitionWaitsForWorkers(t *testing.T) {
	for _, listed := range []string{"s", "s:0"} {
		r := newRig(t, 1)
		t.Run(listed, func(t *testing.T) {
			r := *r
			r.t = t
			r.register(listed, nil)
			_, failure := r.result(1, "repartition", "--to", "2", "--yes")
			wantWords(t, failure, "1 worker runs (w)", "stop them", "--wait")
			_, failure = r.result(1, "repartition", "--to", "2", "--yes", "--wait", "--timeout", "1s")
			wantWords(t, failure, "1 worker runs (w) after 1s (--timeout)")
			if plan := r.repartition(0, 2, "--dry-run"); !slices.Equal(plan.Workers, []string{"w"}) {
				t.Errorf("%+v", plan)
			}
			if l, err := streams.ReadLayout(t.Context(), r.client, "s"); err != nil || l.Next != 0 {
				t.Errorf("it has begun: %+v, %v", l, err)
			}
		})
		if done := r.repartition(0, 2, "--yes", "--wait"); !done.Complete {
			t.Errorf("%+v", done)
		}
	}
}

// TestRepartitionWaitsForAWorkerThatStartedMeanwhile lists a worker after the command has looked
// for some: nothing is moved before it has stopped.
func TestRepartitionWaitsForAWorkerThatStartedMeanwhile(t *testing.T) {
	r := newRig(t, 2)
	c := customers{t, r.client, 20}
	c.fill(2)
	term := terminal.New(t, 100, 24)
	cmd := exec.Command(env.Build(t, "ingestion/cmd/ingestctl"), "repartition", "--to", "1")
	cmd.Dir, cmd.Env = t.TempDir(), append([]string{"TERM=xterm-256color"}, r.env...)
	p := &topRun{term, t, cmd, term.Start(cmd)}
	p.Await(shown, "from 2 to 1 partition? [y/N]")

	one, err := streams.NewRegistration(r.client, "s:0", 30*time.Second, streams.WorkerInfo{Consumer: "early"}, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, one.Register(t.Context()))
	p.Type("y\n")
	p.Await(shown, "waiting: 1 worker runs (early)")
	if l, err := streams.ReadLayout(t.Context(), r.client, "s"); err != nil || l.Next != 1 || c.want(2) != 0 {
		t.Errorf("%+v, %v, or windows are moved already", l, err)
	}
	must(t, one.Leave(t.Context()))
	p.ended(0)
	if c.want(1) != 0 {
		t.Error("windows are left behind")
	}
}

// Nothing is recorded, so STREAM_PARTITIONS has to be the number of before.
func TestRepartitionChecksTheNumberOfBefore(t *testing.T) {
	r := newRig(t, 2)
	_, failure := r.result(2, "repartition", "--to", "2", "--yes")
	wantWords(t, failure, "STREAM_PARTITIONS", "not the new one")
	r.env = append(r.env, "STREAM_PARTITIONS=1")
	_, failure = r.result(2, "repartition", "--to", "4", "--yes")
	wantWords(t, failure, `there is no stream "s"`, "STREAM_PARTITIONS=1")
	if keys := r.client.Keys(t.Context(), "{s}:layout").Val(); len(keys) > 0 {
		t.Errorf("there is %s", strings.Join(keys, ", "))
	}
}

// TestRepartitionOfACluster moves windows between the masters of a Cluster.
func TestRepartitionOfACluster(t *testing.T) {
	cluster := env.Cluster(t, 3, false)
	opts, err := redisconn.Parse(cluster.URL(), "")
	must(t, err)
	client := redisconn.New(opts, 8)
	t.Cleanup(func() { _ = client.Close() })
	r := &rig{t: t, env: []string{"REDIS_URL=" + cluster.URL(), "STREAM_KEY=s", "STREAM_GROUP=g", "STREAM_PARTITIONS=2"}}
	c := customers{t, client, 500}
	c.fill(2)
	_, err = streams.RecordLayout(t.Context(), client, "s", 2)
	must(t, err)
	for _, to := range []int{6, 1, 4} {
		if done := r.repartition(0, to, "--yes"); !done.Complete || c.want(to) != 0 {
			t.Errorf("%+v", done)
		}
	}
}
