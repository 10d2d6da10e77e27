package queue_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	"github.com/redis/go-redis/v9"

	"ingestion/internal/metrics/queue"
	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

const (
	lease   = 30 * time.Second
	soon    = 60 * time.Second
	scraped = 2 * time.Second // the longest a scrape may take
)

func TestMain(m *testing.M) { env.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func connect(t testing.TB, url string) redis.UniversalClient {
	t.Helper()
	opts, err := redisconn.Parse(url, "")
	must(t, err)
	client := redisconn.New(opts, 10)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func newQueue(t testing.TB, client redis.UniversalClient, key string) *streams.Stream {
	t.Helper()
	s, err := streams.NewStream(streams.StreamOptions{
		Client: client, Key: key, Group: "g", Consumer: "c", ClaimIdle: lease, Retention: -1, DeadLetters: streams.DeadLetterOptions{On: true, Worker: "c"},
	})
	must(t, err)
	must(t, s.Open(t.Context()))
	return s
}

func add(t testing.TB, client redis.UniversalClient, key string, n int) {
	t.Helper()
	for range n {
		must(t, client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, Values: []any{"data", "{}"}}).Err())
	}
}

// scrape asks a new handler, whose result is of now, and returns the samples by series.
func scrape(t testing.TB, opts queue.Options) map[string]string {
	t.Helper()
	return ask(t, queue.Handler(opts))
}

func ask(t testing.TB, h http.Handler) map[string]string {
	t.Helper()
	began := time.Now()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/metrics/queue", nil))
	if took := time.Since(began); took > scraped {
		t.Errorf("the scrape took %v", took)
	}
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	series := map[string]string{}
	for line := range strings.Lines(w.Body.String()) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			series[name] = value
		}
	}
	return series
}

// want compares series of a partition; the value "-" means that there is none.
func want(t testing.TB, got map[string]string, wanted map[string]string) {
	t.Helper()
	for name, value := range wanted {
		name, labels, _ := strings.Cut(name, "{")
		if labels = strings.TrimSuffix(labels, "}"); labels != "" {
			labels = "," + labels
		}
		// Labels are sorted by name.
		series := "ingestion_" + name + "{" + strings.TrimPrefix(sorted(`partition="0"`+labels), ",") + "}"
		found, there := got[series]
		if !there {
			found = "-"
		}
		if found != value {
			t.Errorf("%s is %s, want %s", series, found, value)
		}
	}
}

func sorted(labels string) string {
	first, second, two := strings.Cut(labels, ",")
	if two && second < first {
		return second + "," + first
	}
	return labels
}

func TestTheStateOfAPartition(t *testing.T) {
	client := connect(t, env.Redis(t).URL())
	q := newQueue(t, client, "s")
	opts := queue.Options{Client: client, Keys: []string{"s"}, Group: "g", Lease: lease}
	add(t, client, "s", 10)
	held := streamstest.Receive(t, q, 6)
	settlements := streamstest.All(record.Ingested, held[:5])
	settlements[1].Outcome, settlements[2].Outcome, settlements[2].Due = record.Invalid, record.Deferred, time.Now().Add(-time.Second)
	_, err := q.Settle(t.Context(), settlements)
	must(t, err)
	must(t, client.Do(t.Context(), "xgroup", "createconsumer", "s", "g", "new").Err())

	got := scrape(t, opts)
	want(t, got, map[string]string{
		"archive_served": "-", "unarchived_entries": "-", "oldest_unarchived_timestamp_seconds": "-",
		"queue_up": "1", "stream_entries": "10", "undelivered_entries": "4", "pending_entries": "1",
		"deferred_records": "1", "deferred_due_records": "1", "dead_letters": "1", "dead_letters_written_total": "1",
		"dead_letters_replayed_total": "0", "dead_letters_purged_total": "0",
		"ledger_entries_added_total": "10", "ledger_trimmed_total": "0", "ledger_missing_total": "0", "ledger_returned_total": "0", "ledger_epoch": "1",
		`ledger_outcomes_total{outcome="ingested"}`: "3", `ledger_outcomes_total{outcome="validation_failed"}`: "1", `ledger_outcomes_total{outcome="poisoned"}`: "0",
		`ledger_difference_entries{equation="settlement"}`: "0", `ledger_difference_entries{equation="presence"}`: "0",
		`ledger_difference_entries{equation="deferral"}`: "0", `ledger_difference_entries{equation="dead_letters"}`: "0", "account_balanced": "1",
		"list_records": "-", `consumers{state="silent"}`: "0", `consumers{state="live"}`: "2",
		"oldest_pending_timestamp_seconds":     seconds(held[5].ID),
		"oldest_undelivered_timestamp_seconds": seconds(client.XRangeN(t.Context(), "s", "("+held[5].ID, "+", 1).Val()[0].ID),
	})
	for _, name := range []string{"queue_bytes", "queue_scrape_duration_seconds"} {
		if value := got["ingestion_"+name+`{partition="0"}`]; value == "" || value == "0" {
			t.Errorf("%s is %q", name, value)
		}
	}

	t.Run("with a shorter lease", func(t *testing.T) {
		env.Eventually(t, soon, func() (bool, string) {
			brief := opts
			brief.Lease = time.Millisecond
			got := scrape(t, brief)[`ingestion_consumers{partition="0",state="silent"}`]
			return got == "2", got + " silent"
		})
	})
	t.Run("after foreign trimming", func(t *testing.T) {
		must(t, client.XTrimMaxLen(t.Context(), "s", 2).Err())
		want(t, scrape(t, opts), map[string]string{
			"stream_entries": "2", "undelivered_entries": "2", "account_balanced": "0", `ledger_difference_entries{equation="settlement"}`: "2",
		})
		must(t, q.Close(t.Context()))
	})
	t.Run("without the group", func(t *testing.T) {
		must(t, client.XGroupDestroy(t.Context(), "s", "g").Err())
		want(t, scrape(t, opts), map[string]string{"queue_up": "1", "pending_entries": "-", `consumers{state="live"}`: "-", "account_balanced": "0"})
	})
	t.Run("without the ledger", func(t *testing.T) {
		must(t, client.Del(t.Context(), "{s}:ledger").Err())
		want(t, scrape(t, opts), map[string]string{"queue_up": "1", "ledger_epoch": "-", "ledger_trimmed_total": "-", "account_balanced": "-"})
	})
	t.Run("of another type", func(t *testing.T) {
		must(t, client.Del(t.Context(), "s").Err())
		must(t, client.Set(t.Context(), "s", "x", 0).Err())
		onlyDown(t, scrape(t, opts))
	})
}

func seconds(id string) string {
	var ms int64
	_, _ = fmt.Sscanf(id, "%d", &ms)
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%g", float64(ms)/1000), "0"), ".")
}

// onlyDown checks that nothing is said of a partition but that it could not be read.
func onlyDown(t testing.TB, got map[string]string) {
	t.Helper()
	want(t, got, map[string]string{"queue_up": "0"})
	for name := range got {
		if strings.Contains(name, `partition="0"`) && !regexp.MustCompile(`^ingestion_queue_(up|scrape_duration_seconds)\{`).MatchString(name) {
			t.Errorf("%s is known", name)
		}
	}
}

func TestABacklogThatIsNotKnownIsAbsent(t *testing.T) {
	client := connect(t, env.Redis(t).URL())
	q := newQueue(t, client, "s")
	fill(t, client, 32_000, 0)
	for range 32 {
		held := streamstest.Receive(t, q, 500)
		_, err := q.Settle(t.Context(), streamstest.All(record.Ingested, held))
		must(t, err)
	}
	opts := queue.Options{Client: client, Keys: []string{"s"}, Group: "g", Lease: lease}
	want(t, scrape(t, opts), map[string]string{"undelivered_entries": "16000", "account_balanced": "1"})
	must(t, client.XDel(t.Context(), "s", client.XRangeN(t.Context(), "s", "-", "+", 1).Val()[0].ID).Err())
	got := scrape(t, opts)
	want(t, got, map[string]string{"queue_up": "1", "undelivered_entries": "-", "account_balanced": "-", `ledger_difference_entries{equation="settlement"}`: "-"})
	if got[`ingestion_oldest_undelivered_timestamp_seconds{partition="0"}`] == "" {
		t.Error("the age of the backlog is not known")
	}
}

func TestAList(t *testing.T) {
	client := connect(t, env.Redis(t).URL())
	must(t, client.RPush(t.Context(), "q", "a", "b").Err())
	got := scrape(t, queue.Options{Client: client, Keys: []string{"q"}, List: true})
	want(t, got, map[string]string{"queue_up": "1", "list_records": "2", "dead_letters": "0"})
	if len(got) != 3 {
		t.Errorf("%v", got)
	}
}

// A Redis that hangs costs a scrape less than 2 s, and those meanwhile share the wait.
func TestARedisThatHangs(t *testing.T) {
	server := env.Redis(t)
	client := connect(t, server.URL())
	newQueue(t, client, "s")
	h := queue.Handler(queue.Options{Client: client, Keys: []string{"s"}, Group: "g", Lease: lease})
	want(t, ask(t, h), map[string]string{"queue_up": "1"})
	server.Hang()
	env.Eventually(t, soon, func() (bool, string) {
		got := ask(t, h)
		return got[`ingestion_queue_up{partition="0"}`] == "0", fmt.Sprint(got)
	})
	var scrapes sync.WaitGroup
	for range 10 {
		scrapes.Go(func() { onlyDown(t, ask(t, h)) })
	}
	scrapes.Wait()
	must(t, syscall.Kill(server.PID(), syscall.SIGCONT))
	env.Eventually(t, soon, func() (bool, string) {
		got := ask(t, h)
		return got[`ingestion_queue_up{partition="0"}`] == "1", fmt.Sprint(got)
	})
}

func TestAClusterOfWhichANodeHangs(t *testing.T) {
	cluster := env.Cluster(t, 2, false)
	client := connect(t, cluster.URL())
	var keys []string
	for i := range 12 {
		keys = append(keys, cluster.KeyOn(i%2, fmt.Sprintf("s%d:", i)))
	}
	for _, key := range keys {
		newQueue(t, client, key)
		add(t, client, key, 3)
	}
	opts := queue.Options{Client: client, Keys: keys, Group: "g", Lease: lease}
	check := func(hangs bool) (ok bool, problem string) {
		got := scrape(t, opts)
		for i := range keys {
			up, entries := "1", "3"
			if hangs && i%2 == 1 {
				up, entries = "0", ""
			}
			if got[fmt.Sprintf(`ingestion_queue_up{partition="%d"}`, i)] != up || got[fmt.Sprintf(`ingestion_undelivered_entries{partition="%d"}`, i)] != entries {
				return false, fmt.Sprintf("partition %d: %v", i, got)
			}
		}
		return true, ""
	}
	if ok, problem := check(false); !ok {
		t.Error(problem)
	}
	cluster.Masters[1].Hang()
	env.Eventually(t, soon, func() (bool, string) { return check(true) })
}

// However many scrape, Redis is read once a second.
func TestScrapesShareAReading(t *testing.T) {
	server := env.Redis(t)
	client := connect(t, server.URL())
	newQueue(t, client, "s")
	opts := queue.Options{Client: client, Keys: []string{"s"}, Group: "g", Lease: lease}
	scrape(t, opts) // the server knows the script now
	must(t, client.ConfigResetStat(t.Context()).Err())
	h := queue.Handler(opts)
	began := time.Now()
	var scrapes sync.WaitGroup
	for range 50 {
		scrapes.Go(func() { want(t, ask(t, h), map[string]string{"queue_up": "1"}) })
	}
	scrapes.Wait()
	most := 1 + int(time.Since(began)/time.Second)
	var calls int
	_, _ = fmt.Sscanf(regexp.MustCompile(`cmdstat_evalsha:calls=\d+`).FindString(client.Info(t.Context(), "commandstats").Val()), "cmdstat_evalsha:calls=%d", &calls)
	if calls < 1 || calls > most {
		t.Errorf("50 scrapes in %v read Redis %d times", time.Since(began), calls)
	}
}

func TestTheMetricsFollowTheConventions(t *testing.T) {
	client := connect(t, env.Redis(t).URL())
	q := newQueue(t, client, "s")
	add(t, client, "s", 2)
	streamstest.Receive(t, q, 1)
	w := httptest.NewRecorder()
	queue.Handler(queue.Options{Client: client, Keys: []string{"s"}, Group: "g", Lease: lease}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	problems, err := promlint.New(w.Body).Lint()
	must(t, err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// fill adds entries in large steps, then delivers some of them.
func fill(t testing.TB, client redis.UniversalClient, n, deliver int) {
	t.Helper()
	body := strings.Repeat("x", 200)
	for n > 0 {
		_, err := client.Pipelined(t.Context(), func(p redis.Pipeliner) error {
			for range min(n, 10_000) {
				p.XAdd(t.Context(), &redis.XAddArgs{Stream: "s", Values: []any{"data", body}})
				n--
			}
			return nil
		})
		must(t, err)
	}
	for deliver > 0 {
		got, err := client.XReadGroup(t.Context(), &redis.XReadGroupArgs{Group: "g", Consumer: "c", Streams: []string{"s", ">"}, Count: 1000, Block: -1}).Result()
		must(t, err)
		deliver -= len(got[0].Messages)
	}
}

func TestTheStateOfTheArchive(t *testing.T) {
	client := connect(t, env.Redis(t).URL())
	newQueue(t, client, "s")
	opts := queue.Options{Client: client, Keys: []string{"s"}, Group: "g", Lease: lease}
	a, err := streams.NewArchive(streams.ArchiveOptions{Client: client, Key: "s", Name: "a", Lease: time.Minute})
	must(t, err)
	_, err = a.Position(t.Context())
	must(t, err)
	want(t, scrape(t, opts), map[string]string{"archive_served": "0", "unarchived_entries": "0", "oldest_unarchived_timestamp_seconds": "-"})
	add(t, client, "s", 3)
	entries := client.XRangeN(t.Context(), "s", "-", "+", 2).Val()
	_, _, err = a.Lease(t.Context())
	must(t, err)
	want(t, scrape(t, opts), map[string]string{"archive_served": "1", "unarchived_entries": "3", "oldest_unarchived_timestamp_seconds": seconds(entries[0].ID)})
	must(t, a.Commit(t.Context(), entries[1].ID)) // of which Redis can't tell how many are left
	want(t, scrape(t, opts), map[string]string{"unarchived_entries": "-"})
}
