package deploy_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ingestion/internal/test/mongo/faulty"
	"ingestion/internal/test/need"
	"ingestion/record"
)

// all joins changes, the later of which replace earlier ones.
func all(list ...changes) changes {
	joined := changes{}
	for _, c := range list {
		maps.Copy(joined, c)
	}
	return joined
}

// then is what two steps change, one after the other: numbers are added.
func then(first, second changes) changes {
	both := all(first, second)
	for name, change := range first {
		n, err := strconv.Atoi(change)
		m, err2 := strconv.Atoi(second[name])
		if err == nil && err2 == nil {
			both[name] = plus(n + m)
		}
	}
	return both
}

func plus(n int) string { return "+" + strconv.Itoa(n) }

// taken are n new records that a worker reads at once, and decodes.
func taken(n int) changes {
	return changes{
		`records_received_total{delivery="new"}`: plus(n), "record_size_bytes_count": plus(n),
		`stage_duration_seconds_count{stage="receive"}`: "+1", `stage_duration_seconds_count{stage="decode"}`: "+1",
	}
}

// processed is a batch of n records that a worker finishes, however it received them.
func processed(n int) changes {
	return changes{
		"batches_total": "+1", "batch_records_count": "+1", "record_latency_seconds_count": plus(n),
		`stage_duration_seconds_count{stage="receive"}`: "+1", `stage_duration_seconds_count{stage="decode"}`: "+1",
		`stage_duration_seconds_count{stage="log"}`: "+1", `stage_duration_seconds_count{stage="settle"}`: "+1",
	}
}

// received is a batch of n new records that a worker finishes.
func received(n int) changes { return all(taken(n), processed(n)) }

// sent is what n records add to the stream.
func sent(n int) changes {
	return changes{"ledger_entries_added_total": plus(n), "stream_entries": plus(n)}
}

func judged(decision string, n int) changes {
	return changes{fmt.Sprintf("limiter_decisions_total{decision=%q}", decision): plus(n), `stage_duration_seconds_count{stage="limit"}`: "+1"}
}

var inserted = changes{`stage_duration_seconds_count{stage="insert"}`: "+1"}

func settled(outcome string, n int) changes {
	return changes{
		fmt.Sprintf("records_settled_total{outcome=%q}", outcome): plus(n),
		fmt.Sprintf("ledger_outcomes_total{outcome=%q}", outcome): plus(n),
	}
}

func letters(n int) changes {
	return changes{"dead_letters": plus(n), "dead_letters_written_total": plus(n)}
}

var (
	ingested = all(received(1), sent(1), judged("admitted", 1), inserted, settled("ingested", 1))
	refused  = all(received(1), sent(1), letters(1)) // without the reason
	deferred = all(received(1), sent(1), judged("reserved", 1), settled("deferred", 1), changes{"limiter_reserved_delay_seconds_count": "+1"})
	returned = changes{"ledger_returned_total": "+1"} // and sent again
)

func sendsRecord(s *service) { s.send(s.record()) }

var streamSteps = slices.Concat(outcomeSteps, deferralSteps, mongoSteps, redisSteps, archiveSteps, pauseSteps, claimSteps, accountSteps, []step{killed})

// pauses waits for the last read, which a worker does not break off.
func pauses(s *service) {
	s.run("HSET", "{k}:control", "paused", "1", "by", "ada")
	s.await("the worker goes on reading", func() bool { return s.look().flat()[`reading_blocked{reason="paused"}`] == 1 })
	s.awaitReads()
}

var outcomeSteps = []step{
	{"a record", sendsRecord, ingested, nil},
	{"the same record again", func(s *service) { s.send(s.last) },
		all(received(1), sent(1), judged("admitted", 1), inserted, settled("duplicate", 1)), nil},
	{"the same with another name", func(s *service) { s.send(strings.Replace(s.last, "Ada", "Countess", 1)) },
		all(received(1), sent(1), judged("admitted", 1), inserted, settled("duplicate", 1), changes{"conflicts_total": "+1"}), nil},
	{"a body that is no JSON", func(s *service) { s.send("{") }, all(refused, settled("parse_error", 1)), nil},
	{"a record with a wrong field", func(s *service) { s.send(s.body("c", " ")) }, all(refused, settled("validation_failed", 1)), nil},
	{"a record that MongoDB refuses", func(s *service) {
		s.mongo.Script("insert", faulty.Fault{WriteErrors: []faulty.WriteError{{Index: 0, Code: 121}}})
		s.send(s.record())
	}, all(refused, judged("admitted", 1), inserted, settled("rejected", 1)), nil},
	{"a record that makes the worker panic", func(s *service) { s.send(s.body("p", "makes the worker panic")) },
		all(refused, settled("poisoned", 1)), []string{"IngestionPoisonedRecords"}},
	{"the one that was refused is replayed", func(s *service) { s.ingestctl("dead", "replay", "--event", "rejected", "--yes") },
		all(ingested, changes{"dead_letters_replayed_total": "+1", "dead_letters": "-1"}), nil},
	{"another one is purged", func(s *service) { s.ingestctl("dead", "purge", "--event", "parse_error", "--yes") },
		changes{"dead_letters_purged_total": "+1", "dead_letters": "-1"}, nil},
	{"101 wrong records", func(s *service) { s.send(slices.Repeat([]string{"{"}, 101)...) },
		all(received(101), sent(101), letters(101), settled("parse_error", 101)), []string{"IngestionDeadLettersGrowing"}},
}

var deferralSteps = []step{
	{"a customer's first record", func(s *service) { s.send(s.body("slow", "Ada")) }, ingested, nil},
	{"one over the limit", func(s *service) { s.send(s.body("slow", "Ada")) },
		all(deferred, changes{"deferred_records": "+1"}), nil},
	{"one that would have to wait for too long", func(s *service) { s.send(s.body("slow", "Ada")) },
		all(refused, judged("refused", 1), settled("rate_limited", 1)), []string{"IngestionLimiterRefusing"}},
	{"another customer's first record", func(s *service) {
		s.run("HSET", "{k}:limits", "quick", "1/3")
		s.send(s.body("quick", "Ada"))
	}, ingested, nil},
	{"one that is deferred, and put back", func(s *service) { s.send(s.body("quick", "Ada")) },
		then(deferred, all(ingested, returned)), nil},
}

func notReady(names ...string) changes {
	c := changes{"readyz": "=503"}
	for _, name := range names {
		c["readyz "+name] = "=0"
	}
	return c
}

func ready(names ...string) changes {
	c := changes{"readyz": "=200"}
	for _, name := range names {
		c["readyz "+name] = "=1"
	}
	return c
}

func blocked(reason, value string) changes {
	return changes{fmt.Sprintf("reading_blocked{reason=%q}", reason): value}
}

// each gives all of the names the same change.
func each(change string, names ...string) changes {
	c := changes{}
	for _, name := range names {
		c[name] = change
	}
	return c
}

// ofQueue are the series of a queue that can be read, but for the oldest entries.
var ofQueue = []string{
	"account_balanced", `consumers{state="live"}`, `consumers{state="silent"}`, "dead_letters", "dead_letters_purged_total",
	"dead_letters_replayed_total", "dead_letters_written_total", "deferred_due_records", "deferred_records",
	`ledger_difference_entries{equation="dead_letters"}`, `ledger_difference_entries{equation="deferral"}`,
	`ledger_difference_entries{equation="presence"}`, `ledger_difference_entries{equation="settlement"}`,
	"ledger_entries_added_total", "ledger_epoch", "ledger_missing_total", "ledger_returned_total", "ledger_trimmed_total",
	"pending_entries", "stream_entries", "undelivered_entries",
}

var outcomesOfLedger = func() (names []string) {
	for _, outcome := range record.Outcomes() {
		names = append(names, fmt.Sprintf("ledger_outcomes_total{outcome=%q}", outcome))
	}
	return names
}()

var (
	unreadable = all(each("gone", ofQueue...), each("gone", outcomesOfLedger...), changes{"queue_up": "=0"})
	readable   = all(each("back", ofQueue...), each("back", outcomesOfLedger...), changes{"queue_up": "=1"})
)

// A call that fails meanwhile may be counted in this step or the next.
var (
	mongoRetries = each("?", `retries_total{class="not_sent",server="mongo"}`, `retries_total{class="transient",server="mongo"}`)
	redisRetries = each("?", `retries_total{class="connection",server="redis"}`, `retries_total{class="loading",server="redis"}`, `retries_total{class="timeout",server="redis"}`)
)

var mongoSteps = []step{
	{"MongoDB is gone, with a record in hand", func(s *service) { s.mongo.Stop(); s.send(s.record()) },
		all(taken(1), sent(1), judged("admitted", 1), notReady("mongo", "reading"), blocked("mongo", "=1"), changes{
			"pending_entries": "+1", "records_in_flight": "+1", "slots_in_use": "+1", "oldest_pending_timestamp_seconds": "new",
			`retries_total{class="not_sent",server="mongo"}`: ">=3", `retries_total{class="transient",server="mongo"}`: "?",
		}), []string{"IngestionPendingStuck", "IngestionReadingBlocked", "IngestionRetries"}},
	{"records arrive meanwhile", func(s *service) { s.send(s.record(), s.record()) },
		all(sent(2), changes{"undelivered_entries": "+2", "oldest_undelivered_timestamp_seconds": "new"}, mongoRetries),
		[]string{"IngestionLag", "IngestionNoProgress", "IngestionPendingStuck", "IngestionReadingBlocked"}},
	// Two batches: the one in hand, of which the first stages are over, and the others.
	{"MongoDB is back", func(s *service) { s.must(s.mongo.Start()) },
		all(then(processed(1), received(2)), then(inserted, inserted), judged("admitted", 2), settled("ingested", 3), taken(2),
			ready("mongo", "reading"), blocked("mongo", "=0"), changes{
				"pending_entries": "-1", "records_in_flight": "-1", "slots_in_use": "-1", "undelivered_entries": "-2",
			}, each("gone", "oldest_pending_timestamp_seconds", "oldest_undelivered_timestamp_seconds"), mongoRetries), nil},
}

var redisSteps = []step{
	{"Redis is gone", func(s *service) { s.redis.Stop() },
		all(notReady("redis", "reading"), unreadable, changes{`retries_total{class="connection",server="redis"}`: ">=3"}),
		[]string{"IngestionQueueUnreadable", "IngestionRetries"}},
	{"Redis is back", func(s *service) { s.redis.Start() },
		all(ready("redis", "reading"), readable, redisRetries), nil},
	{"Redis hangs", func(s *service) { s.must(syscall.Kill(s.redis.PID(), syscall.SIGSTOP)) },
		all(notReady("redis", "reading"), unreadable, changes{`retries_total{class="timeout",server="redis"}`: ">=3"}),
		[]string{"IngestionQueueUnreadable", "IngestionRetries"}},
	{"Redis goes on", func(s *service) { s.must(syscall.Kill(s.redis.PID(), syscall.SIGCONT)) },
		all(ready("redis", "reading"), readable, redisRetries), nil},
	{"a third customer's first record", func(s *service) {
		s.run("HSET", "{k}:limits", "later", "1/9")
		s.send(s.body("later", "Ada"))
	}, ingested, nil},
	{"a record is deferred for a moment", func(s *service) { s.send(s.body("later", "Ada")) },
		all(deferred, changes{"deferred_records": "+1"}), nil},
	// Settled entries are deleted; the record that is due by now can't be put back.
	{"Redis is at maxmemory", func(s *service) { s.run("CONFIG", "SET", "maxmemory", "1") },
		all(notReady("reading"), blocked("redis_full", "=1"), changes{"ledger_trimmed_total": "+120", "stream_entries": "-120", "deferred_due_records": "+1"}),
		[]string{"IngestionDeferredOverdue", "IngestionReadingBlocked"}},
	{"Redis has memory", func(s *service) { s.run("CONFIG", "SET", "maxmemory", "0") },
		all(ready("reading"), blocked("redis_full", "=0"), ingested, returned, changes{"deferred_records": "-1", "deferred_due_records": "-1"}), nil},
}

var claimSteps = []step{
	{"another worker is killed over a record", func(s *service) { s.takenByOthers(1) },
		all(processed(1), sent(1), judged("admitted", 1), inserted, settled("ingested", 1), changes{
			"claimed_entries_total": "+1", `records_received_total{delivery="reclaimed"}`: "+1", "record_size_bytes_count": "+1",
			`consumers{state="silent"}`: "+1", `retries_total{class="timeout",server="redis"}`: "?",
		}), nil},
	{"two more are killed over a record", func(s *service) { s.takenByOthers(2) },
		all(processed(1), sent(1), judged("admitted", 1), inserted, settled("ingested", 1), changes{
			"claimed_entries_total": "+1", `records_received_total{delivery="lone"}`: "+1",
			`consumers{state="silent"}`: "+1", `retries_total{class="timeout",server="redis"}`: "?",
		}), nil},
	{"their names leave the group", func(*service) {}, changes{`consumers{state="silent"}`: "=0"}, nil},
}

// Nothing is archived in fact: the group and the lease are what the queue shows of it.
var archiveSteps = []step{
	{"an archive begins, and its archiver ends", func(s *service) { s.run("XGROUP", "CREATE", faultsKey, "archive", "0"); s.send(s.record()) },
		all(ingested, each("new", "archive_served", "unarchived_entries", "oldest_unarchived_timestamp_seconds")), []string{"IngestionArchiveUnserved"}},
	{"another archiver takes over, and can't write", func(s *service) { s.run("SET", "{k}:archiver", "somebody") },
		changes{"archive_served": "+1"}, []string{"IngestionArchiveBehind"}},
	{"a record arrives", sendsRecord, all(ingested, changes{"unarchived_entries": "+1"}), []string{"IngestionArchiveBehind"}},
	{"the archive is given up", func(s *service) { s.run("DEL", "{k}:archiver"); s.ingestctl("archive", "detach", "--yes") },
		each("gone", "archive_served", "unarchived_entries", "oldest_unarchived_timestamp_seconds"), nil},
}

var pauseSteps = []step{
	{"the queue is paused", pauses,
		all(notReady("reading"), blocked("paused", "=1")), []string{"IngestionPaused"}},
	{"records arrive during the pause", func(s *service) { s.send(s.record(), s.record(), s.record()) },
		all(sent(3), changes{"undelivered_entries": "+3", "oldest_undelivered_timestamp_seconds": "new"}), []string{"IngestionLag", "IngestionPaused"}},
	{"another client deletes two of them", func(s *service) {
		for _, m := range s.client.XRevRangeN(s.t.Context(), faultsKey, "+", "-", 2).Val() {
			s.run("XDEL", faultsKey, m.ID)
		}
	}, changes{"stream_entries": "-2", "undelivered_entries": "-2", "account_balanced": "=0", `ledger_difference_entries{equation="settlement"}`: "+2"},
		[]string{"IngestionAccountUnbalanced", "IngestionLag", "IngestionPaused"}},
	// They are counted as missing when no other entry is unread.
	{"the queue is resumed", func(s *service) { s.run("DEL", "{k}:control") },
		all(ready("reading"), blocked("paused", "=0"), received(1), judged("admitted", 1), inserted, settled("ingested", 1), changes{
			"undelivered_entries": "-1", "oldest_undelivered_timestamp_seconds": "gone",
			"ledger_missing_total": "+2", "account_balanced": "=1", `ledger_difference_entries{equation="settlement"}`: "-2",
		}), []string{"IngestionEntriesMissing"}},
}

var accountSteps = []step{
	{"another client deletes dead letters", func(s *service) { s.run("XTRIM", "{k}:dead", "MAXLEN", "100") },
		changes{"dead_letters": "-4", "account_balanced": "=0", `ledger_difference_entries{equation="dead_letters"}`: "+4"}, []string{"IngestionAccountUnbalanced"}},
	// What is not trimmed is delivered again, and found in MongoDB, where the record that was
	// deferred is that of another entry. The counters begin again.
	{"another client destroys the group", func(s *service) { s.run("XGROUP", "DESTROY", faultsKey, "ingest-workers") },
		all(each("=0", "dead_letters_purged_total", "dead_letters_replayed_total", "ledger_missing_total", "ledger_returned_total", "ledger_trimmed_total"),
			each("=0", outcomesOfLedger...), processed(6), judged("admitted", 6), inserted, changes{
				"ledger_epoch": "+1", "account_balanced": "=1", `ledger_difference_entries{equation="dead_letters"}`: "=0", "dead_letters_written_total": "-6",
				"ledger_entries_added_total": "=6", `ledger_outcomes_total{outcome="ingested"}`: "=5", `ledger_outcomes_total{outcome="duplicate"}`: "=1",
				`records_settled_total{outcome="ingested"}`: "+5", `records_settled_total{outcome="duplicate"}`: "+1",
				`records_received_total{delivery="reclaimed"}`: "+6", "record_size_bytes_count": "+6",
			}), []string{"IngestionEpochChanged"}},
}

var killed = step{
	"the worker is killed", func(s *service) { s.worker.Kill() },
	all(each("=0", "/metrics", "/metrics/queue", "livez", "readyz"), each("gone", "readyz mongo", "readyz reading", "readyz redis")),
	[]string{"IngestionNoWorkers", "IngestionWorkerDown"},
}

var listSteps = []step{
	{"a record", sendsRecord, ofList(judged("admitted", 1), inserted, settled("ingested", 1)), nil},
	{"the same record again", func(s *service) { s.send(s.last) }, ofList(judged("admitted", 1), inserted, settled("duplicate", 1)), nil},
	{"the same with another name", func(s *service) { s.send(strings.Replace(s.last, "Ada", "Countess", 1)) },
		ofList(judged("admitted", 1), inserted, settled("duplicate", 1), changes{"conflicts_total": "+1"}), nil},
	{"a body that is no JSON", func(s *service) { s.send("{") }, ofList(settled("parse_error", 1)), nil},
	{"a record with a wrong field", func(s *service) { s.send(s.body("c", " ")) }, ofList(settled("validation_failed", 1)), nil},
	{"a record that MongoDB refuses", func(s *service) {
		s.mongo.Script("insert", faulty.Fault{WriteErrors: []faulty.WriteError{{Index: 0, Code: 121}}})
		s.send(s.record())
	}, ofList(judged("admitted", 1), inserted, settled("rejected", 1)), nil},
	{"a record that makes the worker panic", func(s *service) { s.send(s.body("p", "makes the worker panic")) },
		ofList(settled("poisoned", 1)), []string{"IngestionPoisonedRecords"}},
	{"a customer's first record", func(s *service) { s.send(s.body("fast", "Ada")) }, ofList(judged("admitted", 1), inserted, settled("ingested", 1)), nil},
	{"one over the limit", func(s *service) { s.send(s.body("fast", "Ada")) },
		ofList(judged("refused", 1), settled("rate_limited", 1)), []string{"IngestionLimiterRefusing"}},
	{"Redis is gone", func(s *service) { s.redis.Stop() }, all(notReady("redis", "reading"), each("gone", "list_records", "dead_letters"), changes{
		"queue_up": "=0", `retries_total{class="connection",server="redis"}`: ">=3",
	}), []string{"IngestionQueueUnreadable", "IngestionRetries"}},
	{"Redis is back", func(s *service) { s.redis.Start() },
		all(ready("redis", "reading"), each("back", "list_records", "dead_letters"), changes{"queue_up": "=1"}, redisRetries), nil},
	{"the queue is paused", pauses,
		all(notReady("reading"), blocked("paused", "=1")), []string{"IngestionPaused"}},
	{"records arrive during the pause", func(s *service) { s.send(s.record(), s.record()) }, changes{"list_records": "+2"}, []string{"IngestionPaused"}},
	{"the queue is resumed", func(s *service) { s.run("DEL", "{k}:control") },
		all(ready("reading"), blocked("paused", "=0"), withoutStream(received(2), judged("admitted", 2), inserted, settled("ingested", 2)), changes{"list_records": "-2"}), nil},
	{"MongoDB is gone, with a record in hand", func(s *service) { s.mongo.Stop(); s.send(s.record()) },
		all(withoutStream(taken(1)), judged("admitted", 1), notReady("mongo", "reading"), blocked("mongo", "=1"), changes{
			"records_in_flight": "+1", "slots_in_use": "+1",
			`retries_total{class="not_sent",server="mongo"}`: ">=3", `retries_total{class="transient",server="mongo"}`: "?",
		}), []string{"IngestionReadingBlocked", "IngestionRetries"}},
	{"a record arrives meanwhile", func(s *service) { s.send(s.record()) }, all(changes{"list_records": "+1"}, mongoRetries), []string{"IngestionNoProgress", "IngestionReadingBlocked"}},
	{"MongoDB is back", func(s *service) { s.must(s.mongo.Start()) },
		all(withoutStream(then(then(processed(1), inserted), received(1)), judged("admitted", 1), then(inserted, inserted), settled("ingested", 2), taken(1)),
			ready("mongo", "reading"), blocked("mongo", "=0"), changes{"records_in_flight": "-1", "slots_in_use": "-1", "list_records": "-1"}, mongoRetries), nil},
	killed,
}

// ofList is a record that a worker reads from a list and finishes. A list has no ledger,
// and knows no times of arrival.
func ofList(list ...changes) changes { return withoutStream(received(1), all(list...)) }

func withoutStream(list ...changes) changes {
	c := all(list...)
	maps.DeleteFunc(c, func(name, _ string) bool {
		return strings.HasPrefix(name, "ledger_") || name == "record_latency_seconds_count"
	})
	return c
}

func TestWhatIsSeenOfAStream(t *testing.T) {
	t.Parallel()
	seen(t, startService(t, "stream", "STREAM_CLAIM_IDLE_MS=2000", "STREAM_MAX_DELIVERIES=2",
		"RATE_LIMIT_POLICY=defer", "RATE_LIMIT_LIMIT=1", "RATE_LIMIT_WINDOW_SEC=3600", "RATE_LIMIT_MAX_DELAY_SEC=3600"), streamSteps)
}

func TestWhatIsSeenOfAList(t *testing.T) {
	t.Parallel()
	seen(t, startService(t, "list", "RATE_LIMIT_LIMIT=1", "RATE_LIMIT_WINDOW_SEC=3600"), listSteps)
}

// What no step changes, and why.
var (
	metricsLeftOut = map[string]string{
		"ingestion_build_info": "constant", "ingestion_slots": "constant",
		"ingestion_last_settled_timestamp_seconds": "always free", "ingestion_queue_bytes": "always free", "ingestion_queue_scrape_duration_seconds": "always free",
	}
	archiverMetric = regexp.MustCompile(`^ingestion_archive_(build_info|leases|read|entries|segments?|bytes|notes|last|failures)(_|$)`)
	alertsLeftOut  = map[string]string{
		"IngestionBacklogGrowing":   "a state that lasts does not grow",
		"IngestionQueueUnknown":     "needs a scrape that is not configured, or 10,000 entries",
		"IngestionAccountUnknown":   "needs a Redis that does not count",
		"IngestionWorkerRestarting": "needs several starts",
		"IngestionNotReady":         "from kube-state-metrics",
		"IngestionMemoryHigh":       "needs a worker without memory",
	}
)

// Each metric and each alert changes in a step, but for those above.
func TestStepsAreComplete(t *testing.T) {
	metrics, alerts := maps.Clone(metricsLeftOut), maps.Clone(alertsLeftOut)
	for _, st := range slices.Concat(streamSteps, listSteps) {
		for name, change := range st.want {
			name, _, _ = strings.Cut(name, "{")
			if change != "?" && change != "gone" && change != "back" {
				metrics["ingestion_"+strings.TrimSuffix(name, "_count")] = st.name
			}
		}
		for _, name := range st.alerts {
			alerts[name] = st.name
		}
	}
	for name := range documented(t) {
		if metrics[name] == "" && !archiverMetric.MatchString(name) { // no archiver runs here
			t.Errorf("no step changes %s", name)
		}
	}
	for _, r := range rules(t, "alerts.yml") {
		if alerts[r.Alert] == "" {
			t.Errorf("%s fires in no step", r.Alert)
		}
	}
}

// seen takes the steps one after the other. What is seen after one is what is seen before
// the next, so no change is missed.
func seen(t *testing.T, s *service, steps []step) {
	t.Helper()
	need.Program(t, "promtool")
	views := []view{s.ready()}
	for _, st := range steps {
		views = append(views, s.take(st, views[len(views)-1]))
	}
	for i, st := range steps {
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(append([]string{}, st.alerts...), alertsIf(t, st, views[i], views[i+1])); diff != "" {
				t.Errorf("the alerts if this lasts (-want +got):\n%s", diff)
			}
		})
	}
}

// ready waits until the worker is ready, and nothing changes by itself.
func (s *service) ready() (v view) {
	s.t.Helper()
	s.await("not ready", func() bool {
		v = s.look()
		live, ofStream := v.queue[`ingestion_consumers{partition="0",state="live"}`]
		return v.probes["readyz"] == 200 && v.queue != nil && (live == 1 || !ofStream)
	})
	return v
}
