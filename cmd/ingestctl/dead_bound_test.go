package main_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
	"ingestion/record"
)

type changed struct {
	Action                  string
	DryRun, Complete        bool
	Matched, Changed, Unfit int64
	Events                  map[string]int64
	Through                 *string
}

// change runs replay or purge with --json.
func (r *rig) change(code int, args ...string) changed {
	r.t.Helper()
	out := r.run(code, append(append([]string{"dead"}, args...), "--json")...)
	schema.Check(r.t, "ingestctl-dead-"+args[0], []byte(out))
	var c changed
	must(r.t, json.Unmarshal([]byte(out), &c))
	return c
}

// A change is bound to what its preview has seen, though others match meanwhile.
func TestAChangeIsBoundToItsPreview(t *testing.T) {
	for _, action := range []string{"replay", "purge"} {
		t.Run(action, func(t *testing.T) {
			r := newRig(t, 3) // nothing in the last partition
			for p := range 2 {
				r.settle(p, record.Invalid, "a", "b")
				r.settle(p, record.Rejected, "c")
			}
			seen := r.change(0, action, "--event", "validation_failed", "--dry-run")
			if !seen.DryRun || seen.Complete || seen.Matched != 4 || seen.Changed != 0 || seen.Events["validation_failed"] != 4 || len(seen.Events) != 1 || seen.Through == nil {
				t.Fatalf("%+v", seen)
			}
			for p := range 3 {
				r.settle(p, record.Invalid, "later")
			}
			done := r.change(0, action, "--event", "validation_failed", "--through", *seen.Through, "--yes")
			if done.DryRun || !done.Complete || done.Matched != 4 || done.Changed != 4 {
				t.Errorf("%+v", done)
			}
			for _, l := range r.letters() {
				if l.Data != "c" && l.Data != "later" {
					t.Errorf("left: %+v", l)
				}
			}
			if n := len(r.letters()); n != 5 {
				t.Errorf("%d dead letters are left, want 5", n)
			}
			if again := r.change(0, action, "--event", "validation_failed", "--through", *seen.Through, "--yes"); again.Matched != 0 || !again.Complete {
				t.Errorf("again: %+v", again)
			}
			r.reconcile(0)
		})
	}
}

func TestATokenIsForOneFilterAndAction(t *testing.T) {
	r := newRig(t, 1)
	r.settle(0, record.Invalid, "a", "b")
	token := *r.change(0, "replay", "--older-than", "1ns", "--dry-run").Through
	for _, args := range [][]string{
		{"purge", "--older-than", "1ns"}, {"replay", "--all"}, {"replay", "--older-than", "2ns"}, {"replay", "--older-than", "1ns", "--reason", "b"},
	} {
		_, note := r.result(2, append(append([]string{"dead"}, args...), "--through", token, "--yes")...)
		wantWords(t, note, "another filter or another action")
	}
	for _, bad := range []string{"x", "1-1", "1-1~1", token + "0", "2:1-1~00000000"} {
		_, note := r.result(2, "dead", "replay", "--all", "--through", bad, "--yes")
		wantWords(t, note, "--through", "is not what --dry-run prints")
	}
	r.change(0, "replay", "--older-than", "1ns", "--through", token, "--yes")
}

func TestLettersAreSelectedByCustomerAndReason(t *testing.T) {
	r := newRig(t, 2)
	r.settle(0, record.Invalid, `{"customerId":" 42 "}`, `{"customerId":"43"}`, "no JSON")
	r.dead(1, "1795477478417-0", record.Rejected, `{"customerId":"42"}`)
	for _, c := range []struct {
		args []string
		want int64
	}{
		{[]string{"--customer", "42"}, 2}, {[]string{"--customer", " 43"}, 1}, {[]string{"--customer", "44"}, 0},
		{[]string{"--reason", "BeCause"}, 4}, {[]string{"--reason", "x"}, 0}, {[]string{"--customer", "42", "--event", "rejected"}, 1},
	} {
		if got := r.change(0, append([]string{"replay", "--dry-run"}, c.args...)...); got.Matched != c.want {
			t.Errorf("%v: %d, want %d", c.args, got.Matched, c.want)
		}
		if got := int64(len(r.letters(c.args...))); got != c.want {
			t.Errorf("list %v: %d, want %d", c.args, got, c.want)
		}
	}
}

// lettersLeft waits until at most n dead letters are left.
func (r *rig) lettersLeft(n int64) {
	r.t.Helper()
	env.Eventually(r.t, soon, func() (bool, string) {
		left := int64(0)
		for _, key := range r.keys {
			left += r.client.XLen(r.t.Context(), "{"+key+"}:dead").Val()
		}
		return left <= n, fmt.Sprint(left, " dead letters are left")
	})
}

// An interrupted change says how to go on, and that command does the rest only.
func TestAnInterruptedChangeGoesOn(t *testing.T) {
	for _, action := range []string{"replay", "purge"} {
		t.Run(action, func(t *testing.T) {
			r := newRig(t, 2)
			for p := range 2 {
				r.settle(p, record.Invalid, strings.Fields(strings.Repeat("body ", 100))...)
			}
			p := r.start("dead", action, "--reason", "because", "--rate", "40/s", "--yes", "--json")
			r.lettersLeft(180)
			p.Signal(syscall.SIGINT)
			if code := p.Wait(soon); code != 1 {
				t.Fatalf("exit code %d: %s", code, p.Stderr())
			}
			var first changed
			must(t, json.Unmarshal([]byte(strings.Join(p.Lines(), "")), &first))
			if first.Complete || first.Changed < 20 || first.Changed > 100 {
				t.Errorf("%+v", first)
			}
			r.settle(1, record.Invalid, "later") // the first run did not get to this partition
			t.Log(p.Stderr())
			next := regexp.MustCompile(`(?m)^ +ingestctl (dead .*)$`).FindStringSubmatch(p.Stderr())
			if next == nil {
				t.Fatal("it does not say how to go on")
			}
			args := strings.Fields(strings.Replace(next[1], "--rate 40/s ", "", 1))
			rest := r.change(0, args[1:]...)
			if rest.Matched != 200-first.Changed || rest.Changed != rest.Matched {
				t.Errorf("first %+v, then %+v", first, rest)
			}
			if left := r.letters(); len(left) != 1 || left[0].Data != "later" {
				t.Errorf("left: %+v", left)
			}
			r.reconcile(0)
		})
	}
}

// The rate holds over the whole run, and a step is a tenth of a second's.
func TestARateBoundsAChange(t *testing.T) {
	r := newRig(t, 1)
	r.settle(0, record.Invalid, strings.Fields(strings.Repeat("body ", 30))...)
	begin := time.Now()
	if got := r.change(0, "replay", "--all", "--rate", "1200/m", "--yes"); got.Changed != 30 {
		t.Errorf("%+v", got)
	}
	if took := time.Since(begin); took < 1400*time.Millisecond { // 14 pauses of 100 ms
		t.Errorf("30 at 20/s took %v only", took)
	}
}
