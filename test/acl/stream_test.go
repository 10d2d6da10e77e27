package acl

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
)

// TestStreamMode runs all programs of stream mode, on two partitions, with what happens rarely:
// reclaimed entries, some of which are gone or were delivered too often, deferred records,
// trimmed dead letters, a lost group, an archive that is given up.
func TestStreamMode(t *testing.T) {
	t.Parallel()
	archive := t.TempDir()
	r := newRig(t, "stream", "STREAM_PARTITIONS=2", "STREAM_CLAIM_IDLE_MS=500", "STREAM_RETENTION=0", "RATE_LIMIT_POLICY=defer",
		"RATE_LIMIT_LIMIT=20", "RATE_LIMIT_WINDOW_SEC=1", "DLQ_MAX_ENTRIES=3", "BATCH_SIZE=20",
		"MONGO_URI="+env.Mongo(t).URI(), "ARCHIVE_URL=file://"+archive, "ARCHIVE_SEGMENT_SEC=0.2")
	r.plantGhost()
	r.run("producer", "producer", 0, []string{"load", "--as-is", r.file(people(300)...)})
	r.run("producer", "producer", 0, []string{"generate", "--count", "20", "--rpm", "6000"})
	r.wantNoDenial()

	w := r.start("worker", "worker", "worker_started")
	a := r.start("archiver", "archiver", "archiver_started")
	for _, event := range []string{`"deferred"`, `"claimed"`, `"entries_missing"`, `"parse_error"`, `"validation_failed"`, `"duplicate"`} {
		w.WaitForLine(late, has(event))
	}
	r.awaitSettled()
	other := r.start("worker", "worker", "worker_started")
	must(t, r.admin.XGroupDestroy(t.Context(), streamKey+":0", group).Err())
	must(t, r.admin.XAdd(t.Context(), &redis.XAddArgs{Stream: streamKey + ":0", Values: []any{"data", people(1)[0]}}).Err())
	env.Eventually(t, late, func() (bool, string) {
		said := strings.Join(append(w.Lines(), other.Lines()...), "\n")
		return strings.Contains(said, "group_recreated"), "no worker has created the group again"
	})
	r.awaitSettled()
	r.awaitTrimmed()
	r.look(addressOf(t, w, "admin"), "/metrics", "/metrics/queue", "/readyz", "/livez")
	r.wantNoDenial()

	r.console()
	r.operate()
	r.ctl(anyCode, "migrate check-ids") // of generated times, MongoDB keeps the milliseconds only
	r.stop(other)
	r.stop(w)
	r.stop(a)
	r.wantNoDenial()

	r.ctl(0, "archive list")
	r.ctl(anyCode, "archive verify") // an entry was deleted, and is missing
	r.ctl(0, "rebuild --into again --archive file://"+archive)
	r.ctl(0, "rebuild --into again --restart --yes")
	for _, customer := range []string{"1", "2", "3", "4", "5"} { // some of them change partitions
		r.ctl(0, "limits set "+customer+" 50/60 --yes")
	}
	r.ctl(0, "repartition --to 3 --dry-run")
	r.ctl(0, "repartition --to 3 --wait --yes")
	r.ctl(0, "repartition --to 2 --yes", "STREAM_PARTITIONS=3")
	r.ctl(0, "archive detach --dry-run")
	r.ctl(0, "archive detach --yes")
	r.run("producer", "producer", 0, []string{"load", r.file(people(20)[:20]...)})
	r.ctl(0, "migrate stream-to-list --yes")
	r.ctl(0, "migrate list-to-stream --yes")
	r.wantNoDenial()
}

// plantGhost adds entries and lets a consumer that is gone hold them: one was delivered too
// often, one does not exist any more.
func (r *rig) plantGhost() {
	r.t.Helper()
	ctx, key := r.t.Context(), streamKey+":0"
	must(r.t, r.admin.XGroupCreateMkStream(ctx, key, group, "0").Err())
	for _, body := range people(10) {
		must(r.t, r.admin.XAdd(ctx, &redis.XAddArgs{Stream: key, Values: []any{"data", body}}).Err())
	}
	got, err := r.admin.XReadGroup(ctx, &redis.XReadGroupArgs{Group: group, Consumer: "ghost", Streams: []string{key, ">"}, Count: 10}).Result()
	must(r.t, err)
	held := got[0].Messages
	must(r.t, r.admin.Do(ctx, "xclaim", key, group, "ghost", 0, held[3].ID, "retrycount", 100, "justid").Err())
	must(r.t, r.admin.XDel(ctx, key, held[5].ID).Err())
}

func (r *rig) awaitSettled() {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		var open int64
		for p := range 2 {
			key := fmt.Sprintf("%s:%d", streamKey, p)
			groups, err := r.admin.XInfoGroups(r.t.Context(), key).Result()
			if err != nil {
				return false, err.Error()
			}
			waiting := int64(1)
			for _, g := range groups {
				if g.Name == group {
					next := r.admin.XRangeN(r.t.Context(), key, "("+g.LastDeliveredID, "+", 1).Val()
					waiting = g.Pending + int64(len(next))
				}
			}
			open += waiting + r.admin.ZCard(r.t.Context(), "{"+key+"}:delayed").Val()
		}
		return open == 0, strconv.FormatInt(open, 10) + " entries are not settled"
	})
}

func (r *rig) awaitTrimmed() {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		n := r.admin.XLen(r.t.Context(), streamKey+":0").Val()
		return n == 0, strconv.FormatInt(n, 10) + " entries are not trimmed"
	})
}

// addressOf reads an address from the line with which a program has started.
func addressOf(t *testing.T, p *env.Proc, name string) string {
	t.Helper()
	line := p.WaitForLine(soon, has("_started"))
	_, after, found := strings.Cut(line, `"`+name+`":"`)
	if !found {
		t.Fatalf("no %s in %s", name, line)
	}
	value, _, _ := strings.Cut(after, `"`)
	return strings.TrimSuffix(strings.TrimPrefix(value, "http://"), "/")
}

// look gets pages and expects that each is there and denies nothing.
func (r *rig) look(addr string, paths ...string) {
	r.t.Helper()
	for _, path := range paths {
		answer, err := http.Get("http://" + addr + path)
		must(r.t, err)
		r.answered(path, answer)
	}
}

func (r *rig) answered(path string, answer *http.Response) {
	r.t.Helper()
	body, err := io.ReadAll(answer.Body)
	must(r.t, err)
	must(r.t, answer.Body.Close())
	if answer.StatusCode != http.StatusOK {
		r.t.Errorf("%s: %s\n%s", path, answer.Status, body)
	}
	r.search(path, string(body))
}

// console looks at all screens, and at what the API reads.
func (r *rig) console() {
	r.t.Helper()
	c := r.start("viewer", "console", "console_started", "CONSOLE_ADDR=127.0.0.1:0")
	addr := addressOf(r.t, c, "address")
	letter := r.letter()
	r.look(addr, "/", "/queue", "/dead", "/customers", "/customers/one?id=1", "/trace", "/archive", "/activity", "/metrics/queue",
		"/api/v1/status", "/api/v1/dead", "/api/v1/dead/groups", "/api/v1/dead/"+letter, "/dead/"+letter,
		"/api/v1/customers", "/api/v1/customers/one?customerId=1", "/api/v1/limits", "/api/v1/limits/one?customerId=1", "/api/v1/activity")
	if r.streams() {
		r.look(addr, "/api/v1/queue/pending", "/api/v1/history", "/api/v1/archive")
	}
	answer, err := http.PostForm("http://"+addr+"/trace", url.Values{"customer": {"1"}, "email": {"a1@lovelace.org"}})
	must(r.t, err)
	r.answered("POST /trace", answer)
	r.stop(c)
	r.wantNoDenial()
}

// TestTracingWhatWasPutBack looks for a record whose dead letter is replayed, while no worker has
// read it yet.
func TestTracingWhatWasPutBack(t *testing.T) {
	t.Parallel()
	r := newRig(t, "stream", "MONGO_URI="+env.Mongo(t).URI())
	lines := people(1)[1:4] // all are refused
	r.run("producer", "producer", 0, []string{"load", "--as-is", r.file(lines...)})
	r.run("worker", "worker", 0, nil, "WORKER_MAX_MESSAGES=3")
	r.ctl(0, "dead replay --all --yes")
	if text := r.ctl(anyCode, "trace --customer 1"); !strings.Contains(text, "put back") && !strings.Contains(text, "replayed") {
		t.Errorf("trace does not say that it was replayed:\n%s", text)
	}
	c := r.start("viewer", "console", "console_started", "CONSOLE_ADDR=127.0.0.1:0")
	answer, err := http.PostForm("http://"+addressOf(t, c, "address")+"/trace", url.Values{"customer": {"1"}})
	must(t, err)
	r.answered("POST /trace", answer)
	r.stop(c)
	r.wantNoDenial()
}

func (r *rig) streams() bool { return r.environ[0] == "QUEUE_MODE=stream" }

// letter is the name of the latest dead letter.
func (r *rig) letter() string {
	r.t.Helper()
	found := regexp.MustCompile(`"id":"([^"]+)"`).FindStringSubmatch(r.ctl(0, "dead list --limit 1 --json"))
	if found == nil {
		r.t.Fatal("there are no dead letters")
	}
	return found[1]
}

// operate runs the commands of ingestctl that need workers or dead letters.
func (r *rig) operate() {
	r.t.Helper()
	name := r.letter()
	for _, command := range []string{
		"status", "status --json", "dead list", "dead show " + name, "dead export --output /dev/null", "limits list", "limits get 1", "limits show 1",
		"limits set 1 50/60 --yes", "limits unset 1 --yes", "trace --customer 1", "find --customer 1", "pause --for 5m", "resume",
	} {
		r.ctl(0, command)
	}
	r.ctl(0, "dead edit "+name+" --body "+r.file(people(1)[0])+" --yes")
	r.ctl(0, "dead replay --all --limit 1 --yes")
	r.ctl(0, "dead purge --older-than 1ms --yes")
	r.wantNoDenial()

	for _, role := range []string{"worker", "producer", "operator", "viewer"} {
		r.doctor(role)
	}
	if r.streams() {
		r.doctor("archiver")
	}
}

// doctor examines the rights of a role as its user, who lacks nothing and may do nothing else.
// What it tries in vain is in the log of Redis.
func (r *rig) doctor(role string) {
	r.t.Helper()
	text := r.run(role, "ingestctl", 0, []string{"doctor", "--as-role", role})
	if !strings.Contains(text, "no findings") {
		r.t.Errorf("doctor --as-role %s:\n%s", role, text)
	}
	must(r.t, r.admin.Do(r.t.Context(), "acl", "log", "reset").Err())
}
