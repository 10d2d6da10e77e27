package main_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// TestKilledChangesLoseNothing kills replay and purge at random times, again and again. No
// letter may be lost or changed twice, and the ledger has to be exact.
func TestKilledChangesLoseNothing(t *testing.T) {
	for _, action := range []string{"replay", "purge"} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			k := killing{rig: newRig(t, 2), action: action}
			k.killOften(50)
			k.run(0, "dead", action, "--all", "--yes")
			k.check()
			if left := k.kept(); len(left) > 0 {
				t.Errorf("%d letters are left in the end", len(left))
			}
		})
	}
}

// killing is a queue whose letters are changed by a command that is killed.
type killing struct {
	*rig
	action string
	made   int // letters ever written; their bodies are 0, 1, 2 and so on
	span   time.Duration
}

const lettersToChange = 1500

// killOften runs the command n times, and kills it within the time that it needs, or once
// it has changed something.
func (k *killing) killOften(n int) {
	k.t.Helper()
	k.refill()
	begin := time.Now()
	k.run(0, "dead", k.action, "--all", "--yes")
	k.span = time.Since(begin)
	amid := 0
	for i := range n {
		k.refill()
		before := len(k.kept())
		p := k.start("dead", k.action, "--all", "--yes")
		if i%2 == 0 {
			k.changes(p, before)
		} else {
			select {
			case <-time.After(rand.N(k.span)):
			case <-p.Done():
			}
		}
		p.Kill()
		if after := len(k.kept()); 0 < after && after < before {
			amid++
		}
		if i%10 == 9 {
			k.check()
		}
	}
	k.t.Logf("%d of %d were killed amid their work, within %v", amid, n, k.span)
	if amid < n/20 {
		k.t.Errorf("only %d of %d were killed amid their work", amid, n)
	}
}

// changes waits until fewer than n letters are left, or the command has ended. It asks
// without pause, since the rest is soon changed, too.
func (k *killing) changes(p *env.Proc, n int) {
	k.t.Helper()
	for left := n; left >= n; {
		left = 0
		for _, key := range k.keys {
			count, err := k.client.XLen(k.t.Context(), streams.KeysOf(key).Dead).Result()
			must(k.t, err)
			left += int(count)
		}
		select {
		case <-p.Done():
			return
		default:
		}
	}
}

// refill writes dead letters until there are enough.
func (k *killing) refill() {
	k.t.Helper()
	missing := lettersToChange - len(k.kept())
	for p := range k.keys {
		var bodies []string
		for range missing / len(k.keys) {
			bodies = append(bodies, fmt.Sprint(k.made))
			k.made++
		}
		k.bury(p, bodies)
	}
}

// kept returns the bodies of the letters.
func (k *killing) kept() map[string]int {
	return k.bodies(func(key string) string { return streams.KeysOf(key).Dead }, "")
}

// replayed returns the bodies of the entries that were put back.
func (k *killing) replayed() map[string]int {
	return k.bodies(func(key string) string { return key }, "ingestion:origin")
}

// bodies counts the bodies in streams, of the entries with a field if one is given.
func (k *killing) bodies(of func(key string) string, field string) map[string]int {
	k.t.Helper()
	count := map[string]int{}
	for _, key := range k.keys {
		entries, err := k.client.XRange(k.t.Context(), of(key), "-", "+").Result()
		must(k.t, err)
		for _, e := range entries {
			if field == "" || e.Values[field] != nil {
				count[fmt.Sprint(e.Values["data"])]++
			}
		}
	}
	return count
}

// check compares what there is with what there was, and with the ledger.
func (k *killing) check() {
	k.t.Helper()
	kept, replayed := k.kept(), k.replayed()
	for i := range k.made {
		body := fmt.Sprint(i)
		n := kept[body] + replayed[body]
		if n > 1 || n == 0 && k.action == "replay" {
			k.t.Fatalf("the record %s is there %d times", body, n)
		}
	}
	total := k.account()
	changed := total.DeadReplayed + total.DeadPurged
	if gone := k.made - len(kept); changed != int64(gone) || total.DeadWritten != int64(k.made) || total.DeadKept != int64(len(kept)) {
		k.t.Fatalf("%d of %d letters are gone, and the ledger has %d: %+v", gone, k.made, changed, total)
	}
}

func (k *killing) account() *streams.Account {
	k.t.Helper()
	var all []*streams.Account
	for _, key := range k.keys {
		a, err := streams.ReadAccount(k.t.Context(), k.client, key, "g")
		must(k.t, err)
		if v := a.Verdict(); v != streams.Balanced {
			k.t.Fatalf("the account of %s is %v: %+v", key, v, a)
		}
		all = append(all, a)
	}
	return streams.Total(all)
}

// bury refuses new records. Those that were replayed come before them, and are ingested.
func (k *killing) bury(p int, bodies []string) {
	k.t.Helper()
	k.push(p, bodies...)
	a, err := streams.ReadAccount(k.t.Context(), k.client, k.keys[p], "g")
	must(k.t, err)
	settlements := streamstest.All(record.Invalid, streamstest.Receive(k.t, k.queues[p], int(a.Undelivered)))
	for i := range settlements {
		if settlements[i].Origin != "" {
			settlements[i].Outcome = record.Ingested
		}
	}
	_, err = k.queues[p].Settle(k.t.Context(), settlements)
	must(k.t, err)
}
