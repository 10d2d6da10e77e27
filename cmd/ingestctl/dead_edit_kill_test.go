package main_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/streams"
)

// TestKilledEditsLoseNothing kills edits at random times. Each letter is then still there as
// it was, or its new body is on the stream, once; the ledger says the same, and the command
// may be repeated.
func TestKilledEditsLoseNothing(t *testing.T) {
	t.Parallel()
	const kills, unkilled = 50, 3
	e := editing{killing: killing{rig: newRig(t, 2)}, letters: kills + unkilled}
	e.buryAll()
	span := e.timeEdits(unkilled)
	e.check()
	early, late := 0, 0
	for i := unkilled; i < e.letters; i++ {
		done, killed := e.killOne(i, span)
		e.check()
		switch {
		case killed && done:
			late++
		case killed:
			early++
		}
		want := 0
		if done {
			want = 1 // it is no longer there
		}
		e.run(want, e.command(i)...)
		e.check()
	}
	t.Logf("of %d, %d were killed before they had changed anything, %d after that, within %v", kills, early, late, span)
	if early < kills/10 {
		t.Errorf("only %d of %d were killed before they had changed anything", early, kills)
	}
	if left := e.kept(); len(left) > 0 {
		t.Errorf("%d letters are left in the end", len(left))
	}
}

// editing is a queue whose letters are edited one by one.
type editing struct {
	killing
	letters int
	names   []string
}

// bodyBefore and bodyAfter are the bodies of a record, before and after the edit.
func bodyBefore(i int) string { return bodyWith(i, "ada@") }
func bodyAfter(i int) string  { return bodyWith(i, "ada@lovelace.org") }

func bodyWith(i int, email string) string {
	return fmt.Sprintf(`{"customerId":"%d","name":"Ada","email":"%s","createdAt":"2026-01-31"}`, i, email)
}

func (e *editing) buryAll() {
	e.t.Helper()
	for i := range e.letters {
		p := i % len(e.keys)
		e.bury(p, []string{bodyBefore(i)})
		last, err := e.client.XRevRangeN(e.t.Context(), streams.KeysOf(e.keys[p]).Dead, "+", "-", 1).Result()
		must(e.t, err)
		e.names = append(e.names, fmt.Sprintf("%d:%s", p, last[0].ID))
	}
}

func (e *editing) command(i int) []string {
	return []string{"dead", "edit", e.names[i], "--set", "email=ada@lovelace.org", "--yes"}
}

// timeEdits edits the first n letters and returns how long the fastest edit took.
func (e *editing) timeEdits(n int) (fastest time.Duration) {
	e.t.Helper()
	for i := range n {
		begin := time.Now()
		e.run(0, e.command(i)...)
		if took := time.Since(begin); i == 0 || took < fastest {
			fastest = took
		}
	}
	return fastest
}

// killOne edits one letter and kills the command. It reports whether the edit was done, and
// whether the command was killed before it ended.
func (e *editing) killOne(i int, span time.Duration) (done, killed bool) {
	e.t.Helper()
	p := e.start(e.command(i)...)
	if i%3 == 0 {
		e.awaitGone(p, i)
	} else {
		select {
		case <-time.After(rand.N(span)):
		case <-p.Done():
		}
	}
	p.Kill()
	return e.gone(i), p.Wait(soon) != 0
}

func (e *editing) gone(i int) bool {
	e.t.Helper()
	return e.kept()[bodyBefore(i)] == 0
}

// awaitGone returns as soon as the letter is gone, or the command has ended.
func (e *editing) awaitGone(p *env.Proc, i int) {
	for !e.gone(i) {
		select {
		case <-p.Done():
			return
		default:
		}
	}
}

// check compares each record, and the ledger.
func (e *editing) check() {
	e.t.Helper()
	kept, sent := e.kept(), e.replayed()
	for i := range e.letters {
		if before, after := kept[bodyBefore(i)], sent[bodyAfter(i)]; before+after != 1 {
			e.t.Fatalf("record %d is there %d times as it was, and %d times mended", i, before, after)
		}
	}
	all := e.account()
	if n := int64(len(sent)); all.DeadReplayed != n || all.DeadPurged != 0 || all.DeadWritten != int64(e.letters) || all.DeadKept != int64(e.letters)-n {
		e.t.Fatalf("%d letters were put back: %+v", n, all)
	}
}
