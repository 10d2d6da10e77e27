package deploy_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/dashboard"
	"ingestion/internal/test/env"
)

func TestMain(m *testing.M) { env.Main(m) }

const soon = 30 * time.Second

// site is a worker with servers of its own.
type site struct {
	t      *testing.T
	redis  *redis.Client
	mongo  *env.MongoServer
	worker *env.Proc
	admin  string // ADMIN_ADDR
}

// bodies are records with different outcomes.
var bodies = []string{
	`{"customerId":"1","name":"Ada","email":"ada@lovelace.org","createdAt":"2026-01-31T12:00:00Z"}`,
	`{"customerId":"1","name":"Ada","email":"ada@lovelace.org","createdAt":"2026-01-31T12:00:00Z"}`,
	`{"customerId":"1","name":"Ada","email":"countess@lovelace.org","createdAt":"2026-01-31T12:00:00Z"}`,
	`{"customerId":"1","name":" ","email":"ada@lovelace.org","createdAt":"2026-01-31T12:00:00Z"}`,
	`{`,
}

func startSite(t *testing.T, mode string) *site {
	t.Helper()
	server, mongo := env.Redis(t), env.MongoProcess(t)
	s := &site{t: t, redis: server.Client(t), mongo: mongo, admin: freeAddress(t)}
	s.worker = env.Process(t, env.Build(t, "ingestion/cmd/worker"), nil, []string{
		"QUEUE_MODE=" + mode, "REDIS_URL=" + server.URL(), "MONGO_URI=" + mongo.URI(), "ADMIN_ADDR=" + s.admin,
		"RATE_LIMIT_LIMIT=1", "STREAM_CLAIM_IDLE_MS=60000",
	})
	s.worker.WaitForLine(soon, event("worker_started"))
	return s
}

func event(name string) func(string) bool {
	return func(line string) bool { return strings.Contains(line, `"event":"`+name+`"`) }
}

// send adds the bodies to the queue.
func (s *site) send() {
	s.t.Helper()
	for _, body := range bodies {
		if err := s.redis.XAdd(s.t.Context(), &redis.XAddArgs{Stream: "ingest:stream", Values: []any{"data", body}}).Err(); err != nil {
			s.t.Fatal(err)
		}
	}
}

// loseMongo stops MongoDB, and waits until the worker holds a record, and others wait. It returns
// the metrics of the queue at that moment: the worker may read the others, too.
func (s *site) loseMongo() (exported map[string]metric) {
	s.t.Helper()
	s.mongo.Stop()
	env.Eventually(s.t, soon, func() (bool, string) {
		s.send()
		exported = s.exported("/metrics/queue")
		_, undelivered := exported["ingestion_oldest_undelivered_timestamp_seconds"]
		_, pending := exported["ingestion_oldest_pending_timestamp_seconds"]
		return undelivered && pending, fmt.Sprintf("undelivered: %v, pending: %v", undelivered, pending)
	})
	return exported
}

// startArchiver starts an archiver, and returns when it has entries that are not in the
// archive yet.
func (s *site) startArchiver() *site {
	s.t.Helper()
	a := &site{t: s.t, admin: freeAddress(s.t)}
	archiver := env.Process(s.t, env.Build(s.t, "ingestion/cmd/archiver"), nil, []string{
		"QUEUE_MODE=stream", "REDIS_URL=redis://" + s.redis.Options().Addr, "ADMIN_ADDR=" + a.admin,
		"ARCHIVE_URL=file://" + s.t.TempDir(), "ARCHIVE_SEGMENT_SEC=3600",
	})
	archiver.WaitForLine(soon, event("archiver_started"))
	env.Eventually(s.t, soon, func() (bool, string) {
		_, waits := s.exported("/metrics/queue")["ingestion_oldest_unarchived_timestamp_seconds"]
		return waits, "nothing is to be archived"
	})
	return a
}

// exported returns the metrics that the worker serves under a path.
func (s *site) exported(path string) map[string]metric {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+s.admin+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	all := map[string]metric{}
	for name, family := range families {
		var labels []string
		for _, label := range family.GetMetric()[0].GetLabel() {
			labels = append(labels, label.GetName())
		}
		slices.Sort(labels)
		all[name] = metric{strings.ToLower(family.GetType().String()), strings.Join(labels, ",")}
	}
	return all
}

// ofLibrary reports whether a metric is one of the Prometheus client.
func ofLibrary(name string, _ metric) bool {
	return strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") || strings.HasPrefix(name, "promhttp_")
}

// exportedName matches a metric in an expression that a worker should export. What
// follows a colon is the name of a recording rule.
var exportedName = regexp.MustCompile(`(?:^|[^:\w])((?:ingestion|go|process)_\w+)`)

// The page describes every metric that a worker exports, and no other; and alerts are
// about metrics that there are: the name of another would never fire.
func TestExportedMetrics(t *testing.T) {
	stream, list := startSite(t, "stream"), startSite(t, "list")
	exported := stream.loseMongo()
	maps.Copy(exported, stream.startArchiver().exported("/metrics"))
	maps.Copy(exported, stream.exported("/metrics"))
	maps.Copy(exported, stream.exported("/metrics/queue"))
	maps.Copy(exported, list.exported("/metrics"))
	maps.Copy(exported, list.exported("/metrics/queue"))
	for _, r := range rules(t, "alerts.yml") {
		for _, name := range first(exportedName.FindAllStringSubmatch(r.Expr, -1)) {
			if exported[name].kind == "" {
				t.Errorf("%s: no worker exports %s", r.Alert, name)
			}
		}
	}
	maps.DeleteFunc(exported, ofLibrary)
	described := documented(t)
	same(t, "metrics", slices.Collect(maps.Keys(described)), slices.Collect(maps.Keys(exported)))
	for name, want := range exported {
		if got, found := described[name]; found && got != want {
			t.Errorf("docs/observability.md: %s is %v, want %v", name, got, want)
		}
	}
}

// Every query of the dashboard and every recording rule has a result on a live worker,
// and every alert can be evaluated. The results are looked for while all is well, and
// while MongoDB is down: only then is something pending.
func TestQueriesHaveResults(t *testing.T) {
	s := startSite(t, "stream")
	s.send()
	p := startPrometheus(t, s.admin, s.startArchiver().admin)
	p.has(`sum(ingestion_records_settled_total) == ` + fmt.Sprint(len(bodies)))
	p.has(`count(up == 1) == 3`)
	p.has(`rate(ingestion_records_settled_total{outcome="ingested"}[1m])`)
	p.has(`job_outcome:ingestion_records_settled:rate5m`) // the last rule that has a result by now
	for _, r := range rules(t, "alerts.yml") {
		if result, err := p.ask(r.Expr); err != nil || len(result) > 0 {
			t.Errorf("%s, while all is well: %v, %v", r.Alert, result, err)
		}
	}
	empty := map[string]bool{}
	for _, expr := range readDashboard(t).Expressions() {
		empty[dashboard.Concrete(expr)] = true
	}
	for _, r := range rules(t, "recording.yml") {
		empty[r.Record], empty[r.Expr] = true, true
	}
	p.strike(empty)
	s.loseMongo()
	p.has(`ingestion_oldest_pending_timestamp_seconds`)
	p.has(`partition:ingestion_oldest_pending_timestamp_seconds:min`)
	p.has(`ingestion_reading_blocked{reason="mongo"} == 1`)
	maps.DeleteFunc(empty, func(expr string, _ bool) bool { return dashboard.MayBeEmpty(expr) })
	env.Eventually(t, time.Minute, func() (bool, string) { // Prometheus evaluates rules one after the other
		p.strike(empty)
		return len(empty) == 0, fmt.Sprintf("no result: %q", slices.Collect(maps.Keys(empty)))
	})
}

// strike removes the expressions that have a result.
func (s *server) strike(empty map[string]bool) {
	s.t.Helper()
	for expr := range maps.Clone(empty) {
		result, err := s.ask(expr)
		if err != nil {
			s.t.Errorf("%s: %v", expr, err)
		}
		if err != nil || len(result) > 0 {
			delete(empty, expr)
		}
	}
}
