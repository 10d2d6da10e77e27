package e2e_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/test/env"
)

// TestMaxMessages checks that exactly WORKER_MAX_MESSAGES records are settled
// and the others not touched.
func TestMaxMessages(t *testing.T) {
	modes(t, func(t *testing.T, mode string) {
		f := newFixture(14, 300)
		r := newHarness(t, mode, "BATCH_SIZE=7")
		r.feed(f)
		left := f.bodies()
		for _, n := range []int{1, 100, 23} {
			before := r.journal.total()
			worker := r.launch("WORKER_MAX_MESSAGES=" + strconv.Itoa(n))
			r.wantExit(worker, 0)
			if got := r.journal.total() - before; got != n {
				t.Errorf("%d outcomes with WORKER_MAX_MESSAGES=%d", got, n)
			}
			left = left[n:]
			r.wantLeft(left)
		}
		r.stop(r.startUntilDone(len(f.records)))
		r.wantLog(f)
		r.wantDocuments(f)
	})
}

func (r *harness) startUntilDone(n int) *env.Proc {
	r.t.Helper()
	worker := r.start()
	r.awaitOutcomes(n)
	return worker
}

// wantLeft checks that the queue holds exactly these records, undelivered.
func (r *harness) wantLeft(bodies []string) {
	r.t.Helper()
	if r.mode == list {
		if diff := cmp.Diff(bodies, r.client.LRange(r.ctx(), queueKey, 0, -1).Val()); diff != "" {
			r.t.Errorf("left on the list (-want +got):\n%s", diff)
		}
		return
	}
	groups, err := r.client.XInfoGroups(r.ctx(), streamKey).Result()
	if err != nil || len(groups) != 1 {
		r.t.Fatalf("groups %v, %v", groups, err)
	}
	if last := r.fed[len(r.fed)-len(bodies)-1]; groups[0].LastDeliveredID != last || groups[0].Pending != 0 {
		r.t.Errorf("%d entries are pending, the last delivered one is %s, want %s", groups[0].Pending, groups[0].LastDeliveredID, last)
	}
}

// TestOriginalVariables runs the service with the variables of its first
// version: in list mode, the default, with names and a rate of its own.
func TestOriginalVariables(t *testing.T) {
	t.Parallel()
	const mine, rate = "my:queue", 2
	r := newHarness(t, list)
	r.feedTo(mine, simple(15, 10).bodies()...) // two customers with five records each
	env := []string{
		"REDIS_URL=" + r.redis.URL(), "MONGO_URI=" + r.mongo.URI(), "ADMIN_ADDR=",
		"QUEUE_KEY=" + mine, "MONGO_DB=my_db", "MONGO_COLLECTION=mine", "LOG_LEVEL=WARNING",
		"RATE_LIMIT_LIMIT=" + strconv.Itoa(rate), "RATE_LIMIT_WINDOW_SEC=3600",
		"WORKER_MAX_MESSAGES=10", "WORKER_POLL_TIMEOUT_SEC=1",
	}
	p := run(t, env)
	if code := p.Wait(soon); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.Stderr())
	}
	counts := map[string]int{}
	for _, text := range p.Lines() {
		l, err := parseLine(text)
		if err != nil || l.Level == "info" || l.Level == "debug" {
			t.Errorf("logged despite LOG_LEVEL=WARNING: %s", text)
		}
		counts[l.Event]++
	}
	if counts[rateLimited] != 10-2*rate || counts[ingested] != 0 {
		t.Errorf("logged: %v", counts)
	}
	stored, err := r.collection().Database().Client().Database("my_db").Collection("mine").CountDocuments(t.Context(), bson.D{})
	if err != nil || stored != 2*rate {
		t.Errorf("%d documents (%v), want %d", stored, err, 2*rate)
	}
}

// TestDefaultRate: the default is five records per minute.
func TestDefaultRate(t *testing.T) {
	t.Parallel()
	r := newHarness(t, list)
	crowd := newFixture(16, 0) // one customer with one record more than the limit
	r.feedTo("ingest:queue", crowd.bodies()...)
	p := run(t, []string{"REDIS_URL=" + r.redis.URL(), "MONGO_URI=" + r.mongo.URI(), "ADMIN_ADDR=", "WORKER_MAX_MESSAGES=6"})
	if code := p.Wait(soon); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.Stderr())
	}
	stored, err := r.collection().Database().Client().Database("ingestion").Collection("customers").CountDocuments(t.Context(), bson.D{})
	if err != nil || stored != 5 {
		t.Errorf("%d documents (%v), want 5", stored, err)
	}
}

// TestDotEnv: settings are read from a .env file in the working directory; the
// environment overrides them.
func TestDotEnv(t *testing.T) {
	t.Parallel()
	r := newHarness(t, list)
	r.feedTo("from:file", simple(17, 4).bodies()...)
	dir := t.TempDir()
	text := strings.Join([]string{
		"# settings", "export REDIS_URL=" + r.redis.URL(), `QUEUE_KEY="from:file"`, "MONGO_DB=wrong",
		"WORKER_MAX_MESSAGES=4", "ADMIN_ADDR=", "",
	}, "\n")
	if err := os.WriteFile(filepath.Join(dir, ".env"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := run(t, []string{"MONGO_URI=" + r.mongo.URI(), "MONGO_DB=" + database, "MONGO_COLLECTION=" + documents}, env.InDir(dir))
	if code := p.Wait(soon); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.Stderr())
	}
	if n := len(r.documents()); n != 4 {
		t.Errorf("%d documents, want 4", n)
	}
}
