package main_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// statusReport is what the tests read of `status --json`.
type statusReport struct {
	Version  int
	InOrder  bool
	ToDo     *struct{ Text, Command string }
	Findings []struct{ Severity, Code, Subject, Text string }
	Total    *struct {
		Verdict                              string
		Added, Undelivered, Pending, Settled *int64
		Outcomes                             map[string]int64
		OldestUndeliveredSeconds             *float64
		Due, Delayed, DeadLetters            int64
	}
	Partitions []struct {
		Key         string
		Error       *string
		Undelivered *int64
	}
	List    *struct{ Length, DeadLetters *int64 }
	Workers []struct {
		Name, State string
		Held        *int64
	}
	Control struct{ Paused *bool }
	Redis   struct {
		Error *string
		Nodes []struct{ UsedBytes *int64 }
	}
	Mongo   *struct{ Error *string }
	Refused struct {
		Customers []struct {
			CustomerID string
			AtMost     int64
		}
	}
}

// status is the state as JSON, checked against its schema.
func (r *rig) status(code int, args ...string) statusReport {
	r.t.Helper()
	return r.parseStatus(r.run(code, append([]string{"status", "--json"}, args...)...))
}

func (r *rig) parseStatus(out string) statusReport {
	r.t.Helper()
	schema.Check(r.t, "ingestctl-status", []byte(out))
	var got statusReport
	must(r.t, json.Unmarshal([]byte(out), &got))
	if !strings.HasPrefix(strings.TrimLeft(out, "{ \n"), `"version"`) {
		r.t.Errorf("does not begin with the version: %s", out)
	}
	return got
}

func (s statusReport) codes() (all []string) {
	for _, f := range s.Findings {
		all = append(all, f.Code)
	}
	return all
}

// withMongo lets ingestctl find a MongoDB.
func (r *rig) withMongo() *env.MongoServer {
	r.t.Helper()
	server := env.Mongo(r.t)
	r.env = append(r.env, "MONGO_URI="+server.URI(), "MONGO_DB=db", "MONGO_COLLECTION=c")
	return server
}

// work makes a consumer known to each partition. ingestctl takes it for live for an hour,
// since building the programs may take a minute.
func (r *rig) work() {
	r.t.Helper()
	r.env = append(r.env, "STREAM_CLAIM_IDLE_MS=3600000")
	for _, key := range r.keys {
		must(r.t, r.client.XGroupCreateConsumer(r.t.Context(), key, "g", "c").Err())
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func TestTheStatusOfASoundQueue(t *testing.T) {
	r := newRig(t, 3)
	r.withMongo()
	r.work()
	r.settle(0, record.Ingested, "1", "2", "3")
	r.settle(2, record.Deferred, "4")
	r.push(1, "5", "6")
	streamstest.Receive(t, r.queues[1], 1)
	text, stderr := r.result(0, "status")
	t.Logf("\n%s", text)
	wantWords(t, text, "s, group g, 3 partitions", "added          6  balanced", "undelivered    1  oldest ", "ingested           3", "deferred           1",
		"s:1        ok                 1", "c       live       1", "mongodb  up")
	if lastLine(text) != "Nothing to do." || stderr != "" {
		t.Errorf("ends with %q\n%s", lastLine(text), stderr)
	}
	if strings.Contains(text, "\x1b") {
		t.Error("coloured, though it is not printed on a terminal")
	}
	got := r.status(0)
	if !got.InOrder || got.ToDo != nil || len(got.Findings) > 0 || got.Total.Verdict != "balanced" || *got.Total.Added != 6 || *got.Total.Undelivered != 1 ||
		*got.Total.Pending != 1 || *got.Total.Settled != 4 || got.Total.Outcomes["ingested"] != 3 || got.Total.Delayed != 1 || got.Total.OldestUndeliveredSeconds == nil ||
		len(got.Partitions) != 3 || *got.Partitions[1].Undelivered != 1 || len(got.Workers) != 1 || got.Workers[0].State != "live" || *got.Workers[0].Held != 1 ||
		*got.Control.Paused || *got.Redis.Nodes[0].UsedBytes <= 0 || got.Mongo.Error != nil {
		t.Errorf("%+v", got)
	}
}

func TestTheStatusOfAList(t *testing.T) {
	r := newRig(t, 1)
	r.withMongo()
	r.env = append(r.env, "QUEUE_MODE=list", "QUEUE_KEY=q")
	must(t, r.client.RPush(t.Context(), "q", "a", "b").Err())
	got := r.status(1)
	if *got.List.Length != 2 || *got.List.DeadLetters != 0 || got.Total != nil || len(got.Partitions) != 0 || got.Findings[0].Code != "no_workers" {
		t.Errorf("%+v", got)
	}
	text := r.run(1, "status")
	wantWords(t, text, "list q", "on the list   2", "no worker runs, and records wait")
	if lastLine(text) != "To do: Start a worker: worker" {
		t.Error(lastLine(text))
	}
}

// What fails does not hide the rest, and what it hides is unknown.
func TestAStatusOfWhichSomePartsFail(t *testing.T) {
	server := env.Redis(t)
	r := rigOn(t, server.URL(), 2)
	r.env = append(r.env, "MONGO_URI=mongodb://127.0.0.1:1/")
	r.work()
	r.settle(0, record.Ingested, "1")
	t.Run("MongoDB is down", func(t *testing.T) {
		got := r.status(1)
		if fmt.Sprint(got.codes()) != "[mongo_down]" || *got.Total.Settled != 1 || got.Mongo.Error == nil {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a partition cannot be read", func(t *testing.T) {
		must(t, r.client.Del(t.Context(), "s:1").Err())
		must(t, r.client.Set(t.Context(), "s:1", "x", 0).Err())
		got := r.status(1)
		if fmt.Sprint(got.codes()) != "[mongo_down unreadable]" || got.Total != nil || got.Partitions[1].Error == nil || got.Partitions[1].Undelivered != nil || *got.Partitions[0].Undelivered != 0 {
			t.Errorf("%+v", got)
		}
		wantWords(t, r.run(1, "status"), "s:1        down               -", "s:0        ok                 0", "settled        unknown")
	})
	t.Run("Redis is down", func(t *testing.T) {
		server.Kill()
		got := r.status(1)
		if fmt.Sprint(got.codes()) != "[redis_down mongo_down]" || got.Redis.Error == nil || got.Control.Paused != nil || got.Total != nil {
			t.Errorf("%+v", got)
		}
		if text := r.run(1, "status"); lastLine(text) != "To do: Start Redis or correct REDIS_URL: ingestctl doctor" {
			t.Error(lastLine(text))
		}
	})
}

// A number of undelivered entries that is not known, since another client has deleted
// entries, is unknown and not 0.
func TestAnUnknownLagIsUnknown(t *testing.T) {
	r := newRig(t, 1)
	r.withMongo()
	r.work()
	r.fill(32_000)
	for range 32 {
		r.settleNext(0, record.Ingested, 500)
	}
	if got := r.status(0); *got.Total.Undelivered != 16_000 {
		t.Errorf("%d undelivered", *got.Total.Undelivered)
	}
	must(t, r.client.XDel(t.Context(), "s", r.client.XRangeN(t.Context(), "s", "-", "+", 1).Val()[0].ID).Err())
	got := r.status(0)
	if got.Total.Undelivered != nil || got.Partitions[0].Undelivered != nil || fmt.Sprint(got.codes()) != "[backlog_unknown]" {
		t.Errorf("%+v", got)
	}
	text := r.run(0, "status")
	wantWords(t, text, "undelivered    unknown  oldest", "added           32,000  unknown", "To do: Count them, which takes some seconds: ingestctl reconcile")
}

// fill adds n small entries in large steps.
func (r *rig) fill(n int) {
	r.t.Helper()
	for n > 0 {
		step := min(n, 100_000)
		must(r.t, r.client.Eval(r.t.Context(), `for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'data', 'x') end return 1`, []string{r.keys[0]}, step).Err())
		n -= step
	}
}

func TestAPauseIsInOrder(t *testing.T) {
	r := newRig(t, 1)
	r.withMongo()
	r.work()
	must(t, r.client.Do(t.Context(), "xadd", "s", "1000-0", "data", "x").Err()) // waits since 1970
	if got := r.status(1); fmt.Sprint(got.codes()) != "[lag]" {
		t.Errorf("%+v", got.Findings)
	}
	must(t, streams.Pause(t.Context(), r.client, "s", streams.Control{By: "ada"}))
	if got := r.status(0); !*got.Control.Paused || fmt.Sprint(got.codes()) != "[paused]" {
		t.Errorf("%+v", got.Findings)
	}
	wantWords(t, r.run(0, "status"), "PAUSED by ada until it is resumed", "Nothing urgent. Resume it when the reason is gone: ingestctl resume")
	_, _, err := streams.Resume(t.Context(), r.client, "s")
	must(t, err)
	if got := r.status(0, "--max-age", "10000w"); len(got.Findings) > 0 {
		t.Errorf("--max-age has no effect: %+v", got.Findings)
	}
}

func TestTheStatusOfAnothersStream(t *testing.T) {
	r := newRig(t, 1)
	r.withMongo()
	r.env = append(r.env, "STREAM_GROUP=other")
	text, stderr := r.result(2, "status")
	wantWords(t, text, `accounted for by group "g"`, "To do: Set STREAM_GROUP as the workers have it")
	wantWords(t, stderr, "STREAM_GROUP")
}

// Off a terminal --watch prints one state after the other, until it is interrupted.
func TestWatchingTheStatus(t *testing.T) {
	r := newRig(t, 1)
	r.withMongo()
	r.work()
	p := r.start("status", "--watch", "100ms", "--json")
	line, n := p.WaitForLineAfter(0, soon, func(line string) bool { return strings.HasPrefix(line, "{") })
	if got := r.parseStatus(line); *got.Total.Added != 0 {
		t.Errorf("%+v", got)
	}
	r.push(0, "1")
	p.WaitForLineAfter(n, soon, func(line string) bool {
		return strings.Contains(line, `"added":1`) && *r.parseStatus(line).Total.Undelivered == 1
	})
	p.Signal(syscall.SIGINT)
	if code := p.Wait(soon); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr())
	}
	p = r.start("status", "--watch")
	_, n = p.WaitForLineAfter(0, soon, func(line string) bool { return line == "Nothing to do." })
	p.WaitForLineAfter(n, soon, func(line string) bool { return line == "Nothing to do." })
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(soon); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr())
	}
}
