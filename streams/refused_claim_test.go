package streams_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// refusal describes a call of a script of which a command is refused, and the account
// after the call has succeeded.
type refusal struct {
	script string
	// prepare returns a function that calls the script, repeatedly.
	prepare func(*rig, *streams.Stream) func() error
	want    map[string]string
	gone    int64 // entries deleted by other clients
}

func refusals() []refusal {
	received := func(b *rig, q *streams.Stream) []streams.Delivery {
		b.pushMany(5)
		held := streamstest.Receive(b.t, q, 5)
		b.deleteAll(held[:2])
		return held
	}
	return []refusal{
		{
			script: "stream_claim", gone: 2, want: map[string]string{"missing": "2"},
			prepare: func(b *rig, q *streams.Stream) func() error {
				b.pushMany(5)
				b.deleteAll(streamstest.Receive(b.t, b.open("dead", quarantineEarly), 5)[:2])
				b.lapse()
				return func() error {
					_, err := q.Receive(b.t.Context(), 10)
					return err
				}
			},
		},
		{
			script: "stream_fetch", gone: 2, want: map[string]string{"missing": "2"},
			prepare: func(b *rig, q *streams.Stream) func() error {
				body := strings.Repeat("x", 5<<20) // so large that one is read at a time
				var ids []string
				for range 3 {
					ids = append(ids, push(b.t, b.client, body))
				}
				b.hold("dead", 3)
				b.lapse()
				got, err := q.Receive(b.t.Context(), 10)
				must(b.t, err)
				if len(got) != 1 {
					b.t.Fatalf("received %d", len(got))
				}
				must(b.t, b.client.XDel(b.t.Context(), "s", ids[1:]...).Err())
				return func() error {
					_, err := q.Receive(b.t.Context(), 10)
					return err
				}
			},
		},
		{
			script: "stream_quarantine", gone: 1, want: map[string]string{"missing": "1"},
			prepare: func(b *rig, q *streams.Stream) func() error {
				push(b.t, b.client, "kills")
				b.abandon(1)
				got := streamstest.Receive(b.t, q, 1)
				b.deleteAll(got)
				return func() error {
					_, _, err := q.BeginAttempt(b.t.Context(), got[0])
					return err
				}
			},
		},
		{
			script: "stream_extend", gone: 2, want: map[string]string{"missing": "2"},
			prepare: func(b *rig, q *streams.Stream) func() error {
				held := received(b, q)
				return func() error {
					_, err := q.Extend(b.t.Context(), held)
					return err
				}
			},
		},
		{
			script: "stream_nack", gone: 2, want: map[string]string{"missing": "2"},
			prepare: func(b *rig, q *streams.Stream) func() error {
				held := received(b, q)
				return func() error { return q.Nack(b.t.Context(), held) }
			},
		},
		{
			script: "stream_settle", gone: 1, want: map[string]string{"ingested": "1", "validation_failed": "1", "deferred": "1", "dead": "1", "missing": "0"},
			prepare: func(b *rig, q *streams.Stream) func() error {
				b.pushMany(3)
				settlements := streamstest.All(record.Ingested, streamstest.Receive(b.t, q, 3))
				b.deleteAll([]streams.Delivery{*settlements[0].Delivery})
				_, err := q.Extend(b.t.Context(), []streams.Delivery{*settlements[0].Delivery})
				must(b.t, err)
				must(b.t, b.client.HSet(b.t.Context(), "{s}:suspects", settlements[1].ID, 1).Err())
				settlements[1].Outcome, settlements[2].Outcome = record.Invalid, record.Deferred
				settlements[2].Due = time.Now().Add(time.Hour)
				return func() error {
					done, err := q.Settle(b.t.Context(), settlements)
					if err == nil && len(done.Kept) > 0 {
						return done.Cause
					}
					return err
				}
			},
		},
	}
}

// lapse waits until the leases of quarantineEarly workers have expired.
func (b *rig) lapse() { <-time.After(60 * time.Millisecond) }

var commandInScript = regexp.MustCompile(`redis\.p?call\('([A-Z]+)'`)

// allCommandsOf lists the commands of a script and of drop.lua if it comes after that.
func allCommandsOf(t *testing.T, script string) []string {
	t.Helper()
	names := map[string]bool{}
	for _, part := range []string{script, "drop"} {
		source, err := os.ReadFile(part + ".lua")
		must(t, err)
		for _, m := range commandInScript.FindAllStringSubmatch(string(source), -1) {
			names[strings.ToLower(m[1])] = true
		}
		if !strings.Contains(string(source), "drop.lua.\n") && part == script {
			break
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// TestARefusedCommandDropsNothingUncounted refuses each command in turn, including
// reading ones, of the scripts that drop deleted entries or correct their count. It calls
// the script several times without the right to the command, and then with it.
func TestARefusedCommandDropsNothingUncounted(t *testing.T) {
	for _, r := range refusals() {
		for _, command := range allCommandsOf(t, r.script) {
			t.Run(r.script+" without "+command, func(t *testing.T) {
				b := newRig(t)
				q := b.open("c", quarantineEarly)
				must(t, q.Open(t.Context()))
				call := r.prepare(b, q)
				b.refuse("-" + command)
				for range 3 {
					if err := call(); err != nil && !strings.Contains(err.Error(), "NOPERM") && !strings.Contains(err.Error(), "can't run this command") {
						t.Errorf("without %s: %v", command, err)
					}
				}
				b.refuse("+" + command)
				for range 2 {
					must(t, call())
				}
				b.wantLedger(r.want)
				b.wantBalance(r.gone)
				if dead, want := len(deadEvents(t, b.client, "s")), b.number("dead"); int64(dead) != want {
					t.Errorf("%d dead letters, %d counted", dead, want)
				}
			})
		}
	}
}

// refuse changes the rights of the workers' user.
func (b *rig) refuse(rule string) {
	b.t.Helper()
	must(b.t, b.client.Do(b.t.Context(), "ACL", "SETUSER", "default", rule).Err())
}

// TestARefusedClaimCountsNoDelivery refuses a command of the claim of a quarantined entry.
func TestARefusedClaimCountsNoDelivery(t *testing.T) {
	for _, command := range []string{"xclaim", "xpending", "hget", "set"} {
		t.Run("without "+command, func(t *testing.T) {
			b := newRig(t)
			b.pushMany(1)
			b.abandon(1)
			b.lapse()
			q := b.open("c", quarantineEarly)
			must(t, q.Open(t.Context()))
			b.refuse("-" + command)
			for range 3 {
				if got, err := q.Receive(t.Context(), 1); err == nil {
					t.Errorf("received %v", got)
				}
			}
			b.refuse("+" + command)
			if got := streamstest.Receive(t, q, 1); got[0].Deliveries != 3 || !got[0].Quarantined {
				t.Errorf("received %+v, want the third delivery", got[0])
			}
		})
	}
}

// TestWithABrokenLedgerNothingIsDropped, since it could not be counted.
func TestWithABrokenLedgerNothingIsDropped(t *testing.T) {
	for name, damage := range map[string]func(*rig) error{
		"missing is no number": func(b *rig) error { return b.client.HSet(b.t.Context(), "{s}:ledger", "missing", "x").Err() },
		"gone is no hash":      func(b *rig) error { return b.client.Set(b.t.Context(), "{s}:gone", "x", 0).Err() },
		"suspects is no hash":  func(b *rig) error { return b.client.Set(b.t.Context(), "{s}:suspects", "x", 0).Err() },
	} {
		t.Run(name, func(t *testing.T) {
			b := newRig(t)
			b.pushMany(3)
			b.deleteAll(streamstest.Receive(t, b.open("dead", quarantineEarly), 3))
			b.lapse()
			must(t, damage(b))
			q := b.open("c", quarantineEarly)
			if got, err := q.Receive(t.Context(), 1); err == nil || b.pending() != 3 {
				t.Errorf("received %v, %v; %d pending", got, err, b.pending())
			}
			if fmt.Sprint(b.gone()) == "3" {
				t.Error("entries were dropped")
			}
		})
	}
}
