package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
)

// feeder runs producers, one after the other, each of which loads a part of the records.
type feeder struct {
	r          *harness
	partitions atomic.Int64
	rate       string
	sent       atomic.Int64
	running    sync.WaitGroup
	failure    atomic.Value // string
}

// feedByProducers begins to load records with real producers, size at a time.
func (r *harness) feedByProducers(f *fixture, partitions, size int, rate string) *feeder {
	r.t.Helper()
	program, dir := env.Build(r.t, "ingestion/cmd/producer"), r.t.TempDir()
	d := &feeder{r: r, rate: rate}
	d.partitions.Store(int64(partitions))
	bodies, environ := linesOf(r.t, f), slices.Clone(r.env)
	d.running.Go(func() {
		for part := range slices.Chunk(bodies, size) {
			file := filepath.Join(dir, "part.ndjson")
			if err := os.WriteFile(file, []byte(strings.Join(part, "\n")+"\n"), 0o600); err != nil {
				d.failure.Store(err.Error())
				return
			}
			cmd := exec.CommandContext(r.ctx(), program, "load", "--as-is", "--rate", d.rate, file)
			cmd.Env = append(slices.Clone(environ), fmt.Sprintf("STREAM_PARTITIONS=%d", d.partitions.Load()))
			if out, err := cmd.CombinedOutput(); err != nil {
				d.failure.Store(fmt.Sprintf("%v: %s", err, out))
				return
			}
			d.sent.Add(int64(len(part)))
		}
	})
	return d
}

// linesOf returns the bodies, each on one line.
func linesOf(t *testing.T, f *fixture) (lines []string) {
	t.Helper()
	for _, s := range f.records {
		line := bytes.NewBufferString(s.body)
		if s.person != nil {
			line.Reset()
			if err := json.Compact(line, []byte(s.body)); err != nil {
				t.Fatal(err)
			}
		}
		lines = append(lines, line.String())
	}
	return lines
}

// await waits until n records are sent.
func (d *feeder) await(n int) {
	d.r.t.Helper()
	env.Eventually(d.r.t, late, func() (bool, string) {
		if failure, ok := d.failure.Load().(string); ok {
			d.r.t.Fatal(failure)
		}
		return int(d.sent.Load()) >= n, fmt.Sprintf("%d of %d records are sent", d.sent.Load(), n)
	})
}

type totals struct {
	Total struct {
		Verdict  string
		Added    int
		Missing  int
		Outcomes map[string]int
	}
	Partitions []struct{ Key, Verdict string }
}

func (r *harness) reconcile(args ...string) (got totals) {
	r.t.Helper()
	if err := json.Unmarshal([]byte(r.ctl(0, append([]string{"reconcile", "--json"}, args...)...)), &got); err != nil {
		r.t.Fatal(err)
	}
	return got
}

// use sets the number of partitions for the programs that start from now on.
func (r *harness) use(partitions int) {
	r.env = append(r.env, fmt.Sprintf("STREAM_PARTITIONS=%d", partitions))
}

// awaitSettled waits until n entries have an outcome, in whatever streams they are.
func (r *harness) awaitSettled(n int) {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		r.wantWorking()
		have := 0
		for _, key := range (record.Layout{Key: streamKey, Partitions: 1, Former: []int{2, 4}}).Keys() {
			for name, count := range r.ledger(key) {
				if _, is := outcomes[name]; is {
					have += int(count)
				}
			}
		}
		return have >= n, fmt.Sprintf("%d of %d entries are settled", have, n)
	})
}

// TestRepartitionUnderLoad changes the number of partitions from 2 to 4 and then to 1, while
// producers go on, by the old number until the workers have the new one. A worker is killed
// before the second change, and holds entries then. Every record has the outcome that it would
// have had without a change: customers who were at their limit before are held to it.
func TestRepartitionUnderLoad(t *testing.T) {
	t.Parallel()
	f := newFixture(61, setting(t, "E2E_RECORDS", 5000))
	f.records = slices.DeleteFunc(f.records, func(s sent) bool {
		none := s.person == nil && (s.body == "" || strings.ContainsAny(s.body, "\r\n")) // no line of a file
		if none {
			f.want[s.events[0]]--
		}
		return none
	})
	n := len(f.records)
	r := newHarness(t, stream, "STREAM_CLAIM_IDLE_MS=1000", "BATCH_SIZE=50")
	r.use(2)
	workers := []*env.Proc{r.start(), r.start()}
	feeder := r.feedByProducers(f, 2, max(n/40, 1), "250")
	r.awaitSettled(n / 8)
	r.ctl(1, "repartition", "--to", "4", "--yes") // workers run
	for _, w := range workers {
		r.stop(w)
	}
	early := r.launch("STREAM_PARTITIONS=4")
	r.wantExit(early, 2)
	r.ctl(0, "repartition", "--to", "4", "--yes")
	late2 := r.launch() // with the old number
	r.wantExit(late2, 2)
	r.journal = journal{}
	feeder.await(min(n, int(feeder.sent.Load())+1)) // by the old number still

	r.use(4)
	workers = []*env.Proc{r.start(), r.start()}
	feeder.partitions.Store(4)
	r.awaitSettled(n / 2)
	for _, w := range workers {
		w.Kill()
	}
	r.ctl(0, "repartition", "--to", "1", "--wait", "--yes")
	r.use(1)
	worker := r.start()
	feeder.await(n)
	feeder.running.Wait()
	r.ctl(0, "reconcile", "--wait", "--timeout", late.String(), "--documents")
	got := r.reconcile()
	if diff := cmp.Diff(withoutZeros(f.want), withoutZeros(got.Total.Outcomes)); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	if got.Total.Verdict != "balanced" || got.Total.Added != n || len(got.Partitions) != 5 {
		t.Errorf("%+v, want %d entries in five streams", got, n)
	}
	r.stop(worker)
	perCustomer := map[string]int{}
	for _, d := range r.documents() {
		perCustomer[d.CustomerID]++
	}
	for customer, stored := range perCustomer {
		if stored > limit {
			t.Errorf("%d records of %s are stored, more than its limit", stored, customer)
		}
	}
	for _, key := range r.client.Keys(r.ctx(), "{"+streamKey+"*}:limit:*").Val() {
		if !strings.HasPrefix(key, "{"+streamKey+"}:") {
			t.Errorf("%s is not in the only partition", key)
		}
	}
}

func withoutZeros(counts map[string]int) map[string]int {
	counts = maps.Clone(counts)
	maps.DeleteFunc(counts, func(_ string, n int) bool { return n == 0 })
	return counts
}

// TestRepartitionWhileRecordsAreDeferred changes the number of partitions while bursts are
// being spread over the time after them. Each record keeps its slot, and no window of a
// customer has more than its limit, before, over and after the changes.
func TestRepartitionWhileRecordsAreDeferred(t *testing.T) {
	t.Parallel()
	const hot, burst = 4, 40 // at five in two seconds, 16 s
	r := newHarness(t, stream, append(deferring, "BATCH_SIZE=20")...)
	all := &fixture{want: map[string]int{}, names: map[string][]string{}, people: map[string]*person{}}
	for c := range hot {
		for _, s := range crowd(uint64(62+c), fmt.Sprintf("hot-%d", c), burst).records {
			all.add(s)
		}
	}
	send := func(from, to, partitions int) {
		part := *all
		part.records = nil
		for c := range hot {
			part.records = append(part.records, all.records[c*burst+from:c*burst+to]...)
		}
		feeder := r.feedByProducers(&part, partitions, len(part.records), "0")
		feeder.await(len(part.records))
		feeder.running.Wait()
	}
	r.use(2)
	// Keeps all places: an unfinished record that was put back for a very old one.
	if err := r.client.HSet(r.ctx(), "{"+streamKey+":0}:ledger", "returning", "1 99999999999999-0").Err(); err != nil {
		t.Fatal(err)
	}
	worker := r.start()
	send(0, burst/2, 2)
	r.awaitIngested(hot * limit)
	r.stop(worker)
	r.ctl(0, "repartition", "--to", "4", "--yes")
	r.use(4)
	worker = r.start()
	send(burst/2, burst*3/4, 4)
	r.awaitIngested(hot * limit * 2)
	r.stop(worker)
	send(burst*3/4, burst, 4)
	r.ctl(0, "repartition", "--to", "1", "--yes")
	r.use(1)
	worker = r.start()
	r.awaitIngested(hot * burst)
	r.ctl(0, "reconcile", "--wait", "--timeout", late.String(), "--documents")
	r.stop(worker)

	for c := range hot {
		places := r.places(fmt.Sprintf("hot-%d", c))
		if len(places) != burst {
			t.Errorf("%d records of hot-%d have a place, want %d", len(places), c, burst)
		}
		r.wantRate(slices.Collect(maps.Values(places)), limit, 2*time.Second)
	}
}

// TestWorkersMakeWayForAChange begins a change while a worker runs: it stops by itself. One that
// starts meanwhile waits until the change has ended.
func TestWorkersMakeWayForAChange(t *testing.T) {
	t.Parallel()
	f := simple(63, 20)
	r := newHarness(t, stream, "STREAM_PARTITIONS=2")
	layout := "{" + streamKey + "}:layout"
	running := r.start()
	if n := r.client.HGet(r.ctx(), layout, "partitions").Val(); n != "2" {
		t.Errorf("the worker has recorded %q partitions", n)
	}
	if err := r.client.HSet(r.ctx(), layout, "next", 4).Err(); err != nil {
		t.Fatal(err)
	}
	r.wantExit(running, 1)
	if !strings.Contains(running.Stderr(), "is being changed from 2 to 4") {
		t.Errorf("it says %s", running.Stderr())
	}
	r.journal = journal{}
	starting := r.launch("STREAM_PARTITIONS=4")
	starting.WaitForLine(soon, func(line string) bool { return strings.Contains(line, "repartition --to 4") })
	r.ctl(0, "repartition", "--to", "4", "--yes")
	starting.WaitForLine(soon, event("worker_started"))
	for i, s := range f.records {
		r.feedPartition(i%4, i, s.body)
	}
	r.awaitTotal(len(f.records))
	r.stop(starting)
	r.wantDocuments(f)
}

// TestRepartitionWithAnArchive changes the number of partitions of a stream that is archived, and
// trimmed at once. The archive has every entry of all streams, and the collection can be derived
// from it again.
func TestRepartitionWithAnArchive(t *testing.T) {
	t.Parallel()
	f := newFixture(64, 900)
	r := newHarness(t, stream, "STREAM_RETENTION=0", "ARCHIVE_URL=file://"+t.TempDir(), "ARCHIVE_SEGMENT_SEC=0.2", "BATCH_SIZE=50")
	phases := []int{2, 3, 1}
	part := len(f.records) / len(phases)
	for i, partitions := range phases {
		if i > 0 {
			r.ctl(0, "repartition", "--to", fmt.Sprint(partitions), "--yes")
		}
		r.use(partitions)
		archiver := r.launchArchiver()
		archiver.WaitForLine(soon, event("archiver_started"))
		for _, key := range record.PartitionKeys(streamKey, partitions) {
			env.Eventually(t, soon, func() (bool, string) {
				is, err := streams.IsArchived(r.ctx(), r.client, key)
				return is, fmt.Sprintf("%s is not archived: %v", key, err)
			})
		}
		worker := r.start()
		for n := i * part; n < (i+1)*part; n++ {
			r.feedTo(record.PartitionKeys(streamKey, partitions)[record.HomePartition(f.records[n].customerID, partitions)], f.records[n].body)
		}
		r.awaitTotal((i + 1) * part)
		left := record.Layout{Key: streamKey, Partitions: partitions, Former: phases[:i]}
		for _, key := range left.Keys() {
			env.Eventually(t, soon, func() (bool, string) {
				n := r.client.XLen(r.ctx(), key).Val()
				return n == 0, fmt.Sprintf("%d entries of %s are not archived and trimmed", n, key)
			})
		}
		r.stop(worker)
		r.stopArchiver(archiver)
	}
	r.ctl(0, "archive", "verify")
	r.ctl(0, "reconcile", "--documents")
	r.ctl(0, "rebuild", "--into", "again", "--diff")
	if stored, again := len(r.documents()), r.mongo.Database(t).Client().Database(database).Collection("again"); stored != f.want[ingested] {
		t.Errorf("%d documents, want %d", stored, f.want[ingested])
	} else if n, err := again.CountDocuments(r.ctx(), bson.D{}); err != nil || int(n) != stored {
		t.Errorf("%d documents were derived again, want %d: %v", n, stored, err)
	}
}
