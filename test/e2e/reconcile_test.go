package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"

	"ingestion/internal/test/env"
)

// ctl runs the operator's tool, wants an exit code and returns what it prints.
func (r *rig) ctl(code int, args ...string) string {
	r.t.Helper()
	p := env.Process(r.t, env.Build(r.t, "ingestion/cmd/ingestctl"), args, r.env)
	got := p.Wait(late)
	out := strings.Join(p.Lines(), "\n")
	if got != code {
		r.t.Fatalf("ingestctl %s: exit code %d, want %d\n%s\n%s", strings.Join(args, " "), got, code, out, p.Stderr())
	}
	return out
}

// The account balances while workers are at work, one of which is killed, and
// in the end; refused records that are replayed are accounted for as well.
func TestTheAccountBalancesWhateverHappens(t *testing.T) {
	t.Parallel()
	f := newFixture(11, setting(t, "E2E_RECORDS", 5000))
	r := newRig(t, stream, "STREAM_CLAIM_IDLE_MS=500", "BATCH_SIZE=100")
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
	r.ctl(0, "dead", "replay", "--event", parseError)
	read()
	letters := account.Total.DeadLetters
	if refused == 0 || account.Total.Outcomes[parseError] != 2*refused || letters.Replayed != refused || letters.There != letters.Written-refused {
		t.Errorf("%d replayed: %+v", refused, account.Total)
	}
	r.stop(worker)
}
