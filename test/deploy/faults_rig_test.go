package deploy_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
)

// step is something that happens to the service, and all that is then seen from outside.
type step struct {
	name   string
	do     func(*service)
	want   changes
	alerts []string // that fire if it lasts, in the order of their names
}

// changes are the series that a step changes, by their names without ingestion_ and
// without the partition, and how:
//
//	+2, -1  by so much        =1   to this value     gone  it is absent now
//	>=3     by at least 3     new  it was absent     back  so, and has its last value again
//	?       perhaps
type changes map[string]string

// service is a worker with servers of its own, of which one at a time is scraped.
type service struct {
	t       *testing.T
	redis   *env.RedisServer
	client  *redis.Client
	mongo   *faulty.Server
	environ []string
	worker  *env.Proc
	admin   string
	records int                // made so far
	last    string             // the last one of them
	known   map[string]float64 // the last value of each series
}

const faultsKey = "k"

func startService(t *testing.T, mode string, environ ...string) *service {
	t.Helper()
	s := &service{t: t, redis: env.Redis(t), mongo: faulty.Serve(t, faulty.Options{}), known: map[string]float64{}}
	s.client = s.redis.Client(t)
	s.environ = append([]string{
		"QUEUE_MODE=" + mode, "STREAM_KEY=" + faultsKey, "QUEUE_KEY=" + faultsKey, "REDIS_URL=" + s.redis.URL() + "?read_timeout=2s",
		"MONGO_URI=" + s.mongo.URI() + "/?serverSelectionTimeoutMS=300", "WORKER_POLL_TIMEOUT_SEC=1",
	}, environ...)
	s.worker = s.start("ADMIN_ADDR=127.0.0.1:0", "STREAM_CONSUMER=first")
	var started struct{ Admin string }
	if err := json.Unmarshal([]byte(s.worker.WaitForLine(soon, event("worker_started"))), &started); err != nil {
		t.Fatal(err)
	}
	s.admin = started.Admin
	return s
}

// start starts a worker, which dies or panics at records that ask for it.
func (s *service) start(environ ...string) *env.Proc {
	s.t.Helper()
	p := env.Process(s.t, env.BuildTagged(s.t, "ingestion/cmd/worker", "deadly"), nil, append(slices.Clone(s.environ), environ...))
	p.WaitForLine(soon, event("worker_started"))
	return p
}

// body returns a new record of a customer.
func (s *service) body(customer, name string) string {
	s.records++
	s.last = fmt.Sprintf(`{"customerId":%q,"name":%q,"email":"p%d@lovelace.org","createdAt":"2026-01-31T12:00:00Z"}`, customer, name, s.records)
	return s.last
}

// record returns a new record of a new customer.
func (s *service) record() string { return s.body(fmt.Sprint("customer-", s.records), "Ada") }

// send adds bodies to the queue in one step.
func (s *service) send(bodies ...string) {
	s.t.Helper()
	_, err := s.client.TxPipelined(s.t.Context(), func(pipe redis.Pipeliner) error {
		for _, body := range bodies {
			if slices.Contains(s.environ, "QUEUE_MODE=list") {
				pipe.RPush(s.t.Context(), faultsKey, body)
				continue
			}
			pipe.XAdd(s.t.Context(), &redis.XAddArgs{Stream: faultsKey, Values: []any{"data", body}})
		}
		return nil
	})
	s.must(err)
}

func (s *service) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// run runs a command of Redis.
func (s *service) run(args ...any) {
	s.t.Helper()
	s.must(s.client.Do(s.t.Context(), args...).Err())
}

// takenByOthers sends a record that other workers take, one after the other, and are
// killed over.
func (s *service) takenByOthers(workers int) {
	s.t.Helper()
	s.worker.Signal(syscall.SIGSTOP)
	s.awaitReads()
	silent := faulty.Serve(s.t, faulty.Options{})
	silent.Rule("insert", func(faulty.Call) faulty.Fault { return faulty.Fault{Silent: true} })
	s.send(s.record())
	for i := range workers {
		name := fmt.Sprint("other-", i)
		p := s.start("ADMIN_ADDR=", "STREAM_CONSUMER="+name, "MONGO_URI="+silent.URI())
		s.await(name+" holds nothing", func() bool { return s.holds(name) && silent.Count("insert") > i })
		p.Kill()
	}
	s.worker.Signal(syscall.SIGCONT)
}

// awaitReads waits for the end of reads that wait for records.
func (s *service) awaitReads() {
	s.t.Helper()
	s.await("a read goes on", func() bool {
		return strings.Contains(s.client.Info(s.t.Context(), "clients").Val(), "blocked_clients:0\r")
	})
}

// ingestctl runs a command of the operator's tool.
func (s *service) ingestctl(args ...string) {
	s.t.Helper()
	p := env.Process(s.t, env.Build(s.t, "ingestion/cmd/ingestctl"), args, s.environ)
	if code := p.Wait(soon); code != 0 {
		s.t.Errorf("ingestctl %v: exit code %d: %s", args, code, p.Stderr())
	}
}

func (s *service) holds(consumer string) bool {
	list, err := s.client.XInfoConsumers(s.t.Context(), faultsKey, "ingest-workers").Result()
	return err == nil && slices.ContainsFunc(list, func(c redis.XInfoConsumer) bool { return c.Name == consumer && c.Pending > 0 })
}

func (s *service) await(otherwise string, condition func() bool) {
	s.t.Helper()
	env.Eventually(s.t, soon, func() (bool, string) { return condition(), otherwise })
}

// view is all that can be seen of the service at one time.
type view struct {
	at             time.Time
	workers, queue map[string]float64 // /metrics and /metrics/queue by the full names of the series; nil if they do not answer
	probes         map[string]float64
}

func (s *service) look() view {
	s.t.Helper()
	v := view{at: time.Now(), probes: map[string]float64{}, workers: s.scrape("/metrics"), queue: s.scrape("/metrics/queue")}
	live, _ := s.get("/livez")
	v.probes["livez"] = float64(live)
	ready, text := s.get("/readyz")
	v.probes["readyz"] = float64(ready)
	var report struct {
		Dependencies map[string]struct{ OK bool }
	}
	_ = json.Unmarshal([]byte(text), &report)
	for name, d := range report.Dependencies {
		v.probes["readyz "+name] = map[bool]float64{true: 1}[d.OK]
	}
	return v
}

var answers = http.Client{Timeout: soon, Transport: &http.Transport{DisableKeepAlives: true}}

// slowest is how long any answer may take, also while servers hang: 2 s, and the slack
// of a busy machine.
const slowest = 4 * time.Second

// get returns 0 if nobody answers.
func (s *service) get(path string) (code int, body string) {
	s.t.Helper()
	began := time.Now()
	response, err := answers.Get("http://" + s.admin + path)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	s.must(err)
	if took := time.Since(began); took > slowest {
		s.t.Errorf("%s took %v", path, took)
	}
	return response.StatusCode, string(text)
}

// scrape returns nil if nobody answers.
func (s *service) scrape(path string) map[string]float64 {
	s.t.Helper()
	code, text := s.get(path)
	if code != http.StatusOK {
		return nil
	}
	series := map[string]float64{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		end := strings.LastIndexByte(line, ' ')
		if end < 0 || strings.HasPrefix(line, "#") {
			continue
		}
		value, err := strconv.ParseFloat(line[end+1:], 64)
		s.must(err)
		series[line[:end]] = value
	}
	return series
}

// alwaysFree are the series that time and the runtime change: no step lists them.
var alwaysFree = regexp.MustCompile(`^(go_|process_|promhttp_|ingestion_last_settled_timestamp_seconds|ingestion_queue_scrape_duration_seconds|ingestion_queue_bytes)`)

// flat returns all series but the free ones, by the names that steps use. Of a histogram
// it has the number of values.
func (v view) flat() map[string]float64 {
	all := maps.Clone(v.probes)
	all["/metrics"] = map[bool]float64{true: 1}[v.workers != nil]
	all["/metrics/queue"] = map[bool]float64{true: 1}[v.queue != nil]
	for _, series := range []map[string]float64{v.workers, v.queue} {
		for name, value := range series {
			if !alwaysFree.MatchString(name) && !ofHistogram.MatchString(name) {
				all[short(name)] = value
			}
		}
	}
	return all
}

var ofHistogram = regexp.MustCompile(`^\w+_(bucket|sum)\b`)

func short(name string) string {
	name = strings.TrimPrefix(name, "ingestion_")
	name = strings.ReplaceAll(name, `,partition="0"`, "")
	name = strings.ReplaceAll(name, `partition="0",`, "")
	return strings.ReplaceAll(name, `{partition="0"}`, "")
}

// difference returns what changed from one view to another, in the words of want where
// that is what it wants.
func (s *service) difference(before, after map[string]float64, want changes) changes {
	got := changes{}
	for name, w := range want {
		if w == "?" {
			got[name] = w
		}
	}
	for name := range merged(before, after) {
		old, was := before[name]
		value, is := after[name]
		if got[name] != "?" && (was != is || old != value) {
			got[name] = s.change(name, want[name], old, value, was, is)
		}
	}
	return got
}

func (s *service) change(name, want string, old, value float64, was, is bool) string {
	least, _ := strconv.ParseFloat(strings.TrimPrefix(want, ">="), 64)
	last, known := s.known[name]
	switch {
	case !is:
		return "gone"
	case !was && want == "new", !was && want == "back" && known && last == value, strings.HasPrefix(want, ">=") && value-old >= least:
		return want
	case strings.HasPrefix(want, "="):
		return "=" + number(value)
	case !was:
		return "new: " + number(value)
	case strings.HasPrefix(want, "+"), strings.HasPrefix(want, "-"):
		return fmt.Sprintf("%+g", value-old)
	default:
		return number(old) + " -> " + number(value)
	}
}

func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func merged(a, b map[string]float64) map[string]float64 {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// longest is how long the changes of a step may take.
const longest = 30 * time.Second

// take does a step, and waits until exactly that has changed which should.
func (s *service) take(st step, before view) (after view) {
	s.t.Helper()
	maps.Copy(s.known, before.flat())
	st.do(s)
	began := time.Now()
	for diff := "unknown"; diff != ""; {
		after = s.look()
		diff = cmp.Diff(st.want, s.difference(before.without(after).flat(), after.flat(), st.want))
		if diff != "" && time.Since(began) > longest {
			s.t.Errorf("%s: -want +got\n%s", st.name, diff)
			break
		}
		<-time.After(20 * time.Millisecond)
	}
	for _, name := range movedHistograms(before, after) {
		if !counted(st.want, short(name)) {
			s.t.Errorf("%s: %s has no new values, but changed", st.name, name)
		}
	}
	s.t.Logf("%s: %v", st.name, time.Since(began).Round(10*time.Millisecond))
	return after
}

// without leaves out the series of what no longer answers at all.
func (v view) without(gone view) view {
	if gone.workers == nil {
		v.workers = map[string]float64{}
	}
	if gone.queue == nil {
		v.queue = map[string]float64{}
	}
	return v
}

// movedHistograms returns the histograms whose sums or buckets changed.
func movedHistograms(before, after view) []string {
	moved := map[string]bool{}
	for name, value := range after.workers {
		if part := ofHistogram.FindString(name); part != "" && !alwaysFree.MatchString(name) && value != before.workers[name] {
			moved[strings.TrimSuffix(strings.TrimSuffix(part, "_bucket"), "_sum")] = true
		}
	}
	return slices.Sorted(maps.Keys(moved))
}

func counted(want changes, histogram string) bool {
	for name := range want {
		if strings.HasPrefix(name, histogram+"_count") {
			return true
		}
	}
	return false
}
