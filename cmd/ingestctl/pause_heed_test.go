package main_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// register lists a worker at a key until the test ends.
func (r *rig) register(key string, settings map[string]string) {
	r.t.Helper()
	one, err := streams.NewRegistration(r.client, key, 30*time.Second, streams.WorkerInfo{Consumer: "w", Settings: settings}, slog.New(slog.DiscardHandler))
	must(r.t, err)
	must(r.t, one.Register(r.t.Context()))
	ctx, stop := context.WithCancel(r.t.Context())
	var running sync.WaitGroup
	running.Go(func() { one.Run(ctx) })
	r.t.Cleanup(func() { stop(); running.Wait() })
}

func TestAPauseThatNobodyHeeds(t *testing.T) {
	r := newRig(t, 1)
	r.env = append(r.env, "STREAM_KEY=typo")
	out, note := r.result(0, "pause")
	wantWords(t, out, "paused      typo")
	wantWords(t, note, `no worker is listed in {typo}:workers`, `no consumer of the group "g" is live`, "the pause is set", `"ingestctl resume" with these settings undoes it`)
	if out, note = r.result(1, "pause", "--wait"); strings.Contains(out, "have stopped") {
		t.Errorf("nobody has stopped: %s", out)
	}
	wantWords(t, note, "no worker is listed in {typo}:workers", "the pause is set")
	if p := r.pause(1, "pause", "--wait"); p.Stopped == nil || *p.Stopped {
		t.Errorf("%+v", p)
	}
	r.register("typo", map[string]string{"STREAM_PARTITIONS": "1", "STREAM_GROUP": "g"})
	if out, note = r.result(0, "pause", "--wait"); !strings.Contains(out, "have stopped") || note != "" {
		t.Errorf("with a worker: %s\n%s", out, note)
	}
}

// Workers with another number of partitions read the control elsewhere, or hold entries of
// partitions that --wait does not look at.
func TestAPauseBesideOtherPartitions(t *testing.T) {
	r := newRig(t, 1)
	r.register("s", map[string]string{"STREAM_PARTITIONS": "1", "STREAM_GROUP": "g"})
	r.env = append(r.env, "STREAM_PARTITIONS=3")
	const elsewhere = "1 worker is listed in {s}:workers, with another STREAM_PARTITIONS than 3, and does not heed this pause"
	_, note := r.result(0, "pause")
	wantWords(t, note, elsewhere, "resume")
	_, note = r.result(1, "pause", "--wait")
	wantWords(t, note, elsewhere)
	if c, _, err := streams.ReadControl(t.Context(), r.client, "s:0"); err != nil || !c.Paused {
		t.Errorf("the pause is not set: %+v, %v", c, err)
	}
	r.env = append(r.env, "STREAM_PARTITIONS=1", "STREAM_GROUP=other")
	_, note = r.result(1, "pause", "--wait")
	wantWords(t, note, `the worker "w" has STREAM_GROUP=g, but here it is other`)

	many := newRig(t, 3)
	many.register("s:0", map[string]string{"STREAM_PARTITIONS": "3", "STREAM_GROUP": "g"})
	many.env = append(many.env, "STREAM_PARTITIONS=2")
	_, note = many.result(1, "pause", "--wait")
	wantWords(t, note, `the worker "w" has STREAM_PARTITIONS=3, but here it is 2`)
}

func TestAPauseOfAListThatNobodyReads(t *testing.T) {
	r := newRig(t, 1)
	r.env = append(r.env, "QUEUE_MODE=list", "QUEUE_KEY=q")
	_, note := r.result(0, "pause")
	wantWords(t, note, "no worker is listed in {q}:workers", "the pause is set")
}

// What pause only reports does not keep it from pausing.
func TestAPauseWithoutTheRightToLook(t *testing.T) {
	r := newRig(t, 1)
	r.register("s", nil)
	must(t, r.client.Do(t.Context(), "acl", "setuser", "default", "-xinfo").Err())
	out, note := r.result(0, "pause", "--by", "ada")
	wantWords(t, out, "paused      s", "workers     unknown")
	wantWords(t, note, "xinfo")
	if c := r.control(); !c.Paused || c.By != "ada" {
		t.Errorf("%+v", c)
	}
	if p := r.pause(0, "pause"); p.Workers != nil {
		t.Errorf("%+v", p.Workers)
	}
	_, note = r.result(1, "pause", "--wait")
	wantWords(t, note, "not known whether the workers have stopped", "xinfo", "the pause is set")
}

func TestABrokenPauseIsReplacedAndEnded(t *testing.T) {
	r := newRig(t, 1)
	r.register("s", nil)
	spoil := func() { must(t, r.client.HSet(t.Context(), "{s}:control", "pausedUntil", "soon").Err()) }
	spoil()
	_, note := r.result(0, "pause", "--by", "ada")
	wantWords(t, note, `"pausedUntil" is "soon"`)
	if c := r.control(); !c.Paused || c.By != "ada" {
		t.Errorf("%+v", c)
	}
	spoil()
	_, note = r.result(0, "resume", "--dry-run")
	wantWords(t, note, `"pausedUntil" is "soon"`)
	out, note := r.result(0, "resume")
	wantWords(t, out, "resumed     s", "pause of    unknown")
	wantWords(t, note, `"pausedUntil" is "soon"`)
	if c := r.control(); c != (streams.Control{}) {
		t.Errorf("%+v", c)
	}
	spoil()
	if was := r.pause(0, "resume"); was.Was != nil {
		t.Errorf("%+v", was.Was)
	}
}

func TestChangesOfAFullRedisSayWhatToDo(t *testing.T) {
	r := newRig(t, 1)
	must(t, r.client.ConfigSet(t.Context(), "maxmemory", "1").Err())
	_, note := r.result(1, "pause")
	wantWords(t, note, "nothing is paused", "raise maxmemory", "stop the workers", "they read nothing")
	_, note = r.result(1, "limits", "set", "42", "1/60", "--yes")
	wantWords(t, note, "raise maxmemory", "repeat")
}

func TestAPauseForAges(t *testing.T) {
	r := newRig(t, 1)
	out, _ := r.result(0, "pause", "--until", "9999-01-01T00:00:00Z", "--dry-run")
	if wantWords(t, out, "until       9999-01-01T00:00:00Z, in 29", " days"); strings.Contains(out, "2562047h") {
		t.Error(out)
	}
	out, _ = r.result(0, "pause", "--for", "90m", "--dry-run")
	wantWords(t, out, ", in 1h 30m")
}

// A result that nobody gets is a failure.
func TestResultsThatCanNotBeWritten(t *testing.T) {
	r := newRig(t, 1)
	r.env = append(r.env, "QUEUE_KEY=q")
	for _, args := range [][]string{
		{"pause", "--dry-run"}, {"resume", "--dry-run"}, {"resume"}, {"dead", "replay", "--all", "--dry-run"}, {"dead", "replay", "--all", "--yes"},
		{"migrate", "list-to-stream", "--dry-run"}, {"migrate", "stream-to-list", "--dry-run"},
	} {
		shell := append([]string{"-c", `exec "$0" "$@" >/dev/full`, env.Build(t, "ingestion/cmd/ingestctl")}, args...)
		p := env.Process(t, "/bin/sh", shell, r.env)
		if code := p.Wait(soon); code != 1 || !strings.Contains(p.Stderr(), "no space left") {
			t.Errorf("%q: exit code %d, %s", args, code, p.Stderr())
		}
	}
}

// A dead consumer's entries stay pending as long as the others are paused.
func TestMigrateSaysWhoKeepsItWaiting(t *testing.T) {
	m := newMoving(t, 1)
	m.env = append(m.env, "STREAM_CLAIM_IDLE_MS=1000")
	m.push(0, body(0), body(1), body(2))
	streamstest.Receive(t, m.queues[0], 2)
	must(t, streams.Pause(t.Context(), m.client, "s", streams.Control{By: "test"}))
	_, note := m.result(1, "migrate", "stream-to-list", "--yes", "--wait", "--timeout", "4s")
	const remedy = "2 entries are held by silent consumers, which paused workers do not reclaim: resume, let the workers reclaim them, pause again"
	wantWords(t, note, "not ready after 4s (--timeout): 2 entries are pending: "+remedy)
	_, note = m.result(1, "migrate", "stream-to-list", "--yes")
	wantWords(t, note, "2 entries are pending: "+remedy)
	_, _, err := streams.Resume(t.Context(), m.client, "s")
	must(t, err)
	_, note = m.result(1, "migrate", "stream-to-list", "--yes")
	wantWords(t, note, "2 entries are held by silent consumers: start workers, let them reclaim them, and pause")
}

func TestAMigrationWithALimitIsNotComplete(t *testing.T) {
	m := newMoving(t, 1)
	m.fillList(100)
	for _, want := range []struct {
		direction, limit string
		complete         bool
	}{
		{"list-to-stream", "10", false}, {"list-to-stream", "90", true},
		{"stream-to-list", "10", false}, {"stream-to-list", "90", true}, {"list-to-stream", "0", true},
	} {
		if got := m.migrate(0, want.direction, "--yes", "--limit", want.limit); got.Complete != want.complete {
			t.Errorf("%+v: %+v", want, got)
		}
	}
}
