package e2e_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
)

// pending returns how many entries are delivered and not settled.
func (r *harness) pending() int64 {
	r.t.Helper()
	return r.pendingOf(streamKey)
}

func (r *harness) pendingOf(key string) int64 {
	r.t.Helper()
	summary, err := r.client.XPending(r.ctx(), key, group).Result()
	if err != nil {
		r.t.Fatal(err)
	}
	return summary.Count
}

// ledger returns the numeric fields of the ledger.
func (r *harness) ledger(key string) map[string]int64 {
	r.t.Helper()
	fields, err := r.client.HGetAll(r.ctx(), "{"+key+"}:ledger").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	numbers := map[string]int64{}
	for name, value := range fields {
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			numbers[name] = n
		}
	}
	return numbers
}

// wantLedger checks that the ledger counts every entry exactly once and that
// the stream's account balances.
func (r *harness) wantLedger(want map[string]int) {
	r.t.Helper()
	ledger := r.ledger(streamKey)
	got := map[string]int{}
	var settled int64
	for name := range outcomes {
		if n := ledger[name]; n != 0 {
			got[name] = int(n)
			settled += n
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Errorf("ledger (-want +got):\n%s", diff)
	}
	info, err := r.client.XInfoStream(r.ctx(), streamKey).Result()
	if err != nil {
		r.t.Fatal(err)
	}
	added := info.EntriesAdded - ledger["base"]
	if added != ledger["trimmed"]+info.Length {
		r.t.Errorf("%d entries added, %d trimmed and %d present", added, ledger["trimmed"], info.Length)
	}
	if added != settled+ledger["missing"] || ledger["missing"] != 0 {
		r.t.Errorf("%d entries added, %d settled, %d missing", added, settled, ledger["missing"])
	}
	dead, err := r.client.XLen(r.ctx(), "{"+streamKey+"}:dead").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	refused := ledger[parseError] + ledger[invalid] + ledger[rateLimited]
	if dead != refused || ledger["dead"] != dead {
		r.t.Errorf("%d dead letters, %d in the ledger, for %d refused records", dead, ledger["dead"], refused)
	}
}

// wantDeadLetters checks each dead letter against its record.
func (r *harness) wantDeadLetters(f *fixture, worker string) {
	r.t.Helper()
	for _, letter := range r.deadLetters() {
		text := func(name string) string { s, _ := letter.Values[name].(string); return s }
		number, known := r.numbers[text("streamId")]
		if !known {
			r.t.Errorf("a dead letter without an entry: %q", letter.Values)
			continue
		}
		s := f.records[number]
		l := line{Event: text("event"), Reason: text("reason")}
		bad := func(format string, args ...any) {
			r.t.Helper()
			r.t.Errorf("dead letter: "+format+": %.600q", append(args, letter.Values)...)
		}
		wantReason(l, s, bad)
		if text("data") != s.body || !slices.Contains(s.events, l.Event) || statuses[l.Event] != "error" {
			bad("of %s", s.events)
		}
		if text("worker") != worker || text("deliveries") != "1" || !moment.MatchString(text("failedAt")) {
			bad("worker, deliveries or failedAt")
		}
		if logged := r.journal.entries[text("streamId")]; !slices.Contains(logged, l.Event) {
			bad("logged as %q", logged)
		}
		fields := 7
		if l.Event == "parse_error" && text("fields") != "" {
			fields++ // an entry with other fields is kept byte for byte, too
		}
		if len(letter.Values) != fields {
			bad("%d fields", len(letter.Values))
		}
	}
}

func (r *harness) deadLetters() []redis.XMessage {
	r.t.Helper()
	letters, err := r.client.XRange(r.ctx(), "{"+streamKey+"}:dead", "-", "+").Result()
	if err != nil {
		r.t.Fatal(err)
	}
	return letters
}

// addUnknownFields adds an entry without a body, as another client may, and
// makes it part of the fixture.
func (r *harness) addUnknownFields(f *fixture, name, value string) {
	r.t.Helper()
	id, err := r.client.XAdd(r.ctx(), &redis.XAddArgs{Stream: streamKey, Values: []string{name, value}}).Result()
	if err != nil {
		r.t.Fatal(err)
	}
	asJSON, err := json.Marshal(map[string]string{name: value})
	if err != nil {
		r.t.Fatal(err)
	}
	r.numbers[id] = len(r.fed)
	r.fed = append(r.fed, id)
	f.records = append(f.records, sent{body: string(asJSON), events: []string{parseError}})
	f.want[parseError]++
}

func (r *harness) pendingEntries() []redis.XPendingExt {
	r.t.Helper()
	entries, err := r.client.XPendingExt(r.ctx(), &redis.XPendingExtArgs{
		Stream: streamKey, Group: group, Start: "-", End: "+", Count: 10_000,
	}).Result()
	if err != nil {
		r.t.Fatal(err)
	}
	return entries
}

// ctl runs ingestctl, checks its exit code and returns its output.
func (r *harness) ctl(code int, args ...string) string {
	r.t.Helper()
	p := env.Process(r.t, env.Build(r.t, "ingestion/cmd/ingestctl"), args, r.env)
	got := p.Wait(late)
	out := strings.Join(p.Lines(), "\n")
	if got != code {
		r.t.Fatalf("ingestctl %s: exit code %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, out, p.Stderr())
	}
	return out
}

// TestAccountBalances checks the account while workers run, one of which is
// killed, and at the end, with replayed dead letters.
func TestAccountBalances(t *testing.T) {
	t.Parallel()
	f := newFixture(11, setting(t, "E2E_RECORDS", 5000))
	r := newHarness(t, stream, "STREAM_CLAIM_IDLE_MS=500", "BATCH_SIZE=100")
	r.feed(f)
	killed := r.start()
	r.awaitOutcomes(len(f.records) / 4)
	r.ctl(0, "reconcile", "--documents")
	killed.Kill()
	r.ctl(0, "reconcile", "--documents")
	worker := r.start()
	r.ctl(0, "reconcile")
	r.ctl(0, "reconcile", "--wait", "--timeout", late.String(), "--documents")

	var account struct {
		Total struct {
			Outcomes    map[string]int
			DeadLetters struct{ Written, There, Replayed int }
		}
	}
	read := func() {
		t.Helper()
		if err := json.Unmarshal([]byte(r.ctl(0, "reconcile", "--wait", "--json")), &account); err != nil {
			t.Fatal(err)
		}
	}
	read()
	for event, n := range f.want {
		if got := account.Total.Outcomes[event]; got != n {
			t.Errorf("%d %s, want %d", got, event, n)
		}
	}
	refused := account.Total.Outcomes[parseError]
	r.ctl(0, "dead", "replay", "--event", parseError, "--yes")
	read()
	letters := account.Total.DeadLetters
	if refused == 0 || account.Total.Outcomes[parseError] != 2*refused || letters.Replayed != refused || letters.There != letters.Written-refused {
		t.Errorf("%d replayed: %+v", refused, account.Total)
	}
	r.stop(worker)
}
