package main_test

import (
	"encoding/json"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

type pauseInJSON struct {
	By            string
	Reason        *string
	At, Until     *time.Time
	Queue         string
	DryRun        bool
	Replaced, Was *pauseInJSON
	Workers       *struct{ Live, Holding, Silent int64 }
	Stopped       *bool
}

func (r *rig) pause(code int, command string, args ...string) pauseInJSON {
	r.t.Helper()
	out := r.run(code, append([]string{command, "--json"}, args...)...)
	schema.Check(r.t, "ingestctl-"+command, []byte(out))
	var p pauseInJSON
	must(r.t, json.Unmarshal([]byte(out), &p))
	return p
}

func (r *rig) control() streams.Control {
	r.t.Helper()
	c, _, err := streams.ReadControl(r.t.Context(), r.client, r.keys[0])
	must(r.t, err)
	return c
}

func TestPauseAndResume(t *testing.T) {
	r := newRig(t, 2)
	if was := r.pause(0, "resume"); was.Was != nil {
		t.Errorf("at first: %+v", was)
	}
	if p := r.pause(0, "pause", "--dry-run"); !p.DryRun || p.Queue != "s" || p.By == "" || r.control() != (streams.Control{}) {
		t.Errorf("dry run: %+v, %+v", p, r.control())
	}
	r.pause(0, "pause", "--by", "ada", "--reason", "new index")
	if c := r.control(); !c.Paused || c.By != "ada" || c.Reason != "new index" {
		t.Errorf("%+v", c)
	}
	p := r.pause(0, "pause", "--for", "90m", "--by", "bob")
	if c := r.control(); c.Paused || p.Replaced == nil || p.Replaced.By != "ada" || p.Replaced.Until != nil || p.Until == nil || !c.Until.Equal(*p.Until) || time.Until(c.Until).Round(time.Minute) != 90*time.Minute {
		t.Errorf("%+v replaced by %+v", p, c)
	}
	if was := r.pause(0, "resume", "--dry-run"); was.Was == nil || was.Was.By != "bob" || !r.control().Active(time.Now()) {
		t.Errorf("dry run of resume: %+v", was)
	}
	if was := r.pause(0, "resume"); was.Was == nil || was.Was.By != "bob" || was.Was.Until == nil || r.control() != (streams.Control{}) {
		t.Errorf("resumed: %+v", was)
	}
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	if r.pause(0, "pause", "--until", until.Format(time.RFC3339)); !r.control().Until.Equal(until) {
		t.Errorf("%v, want %v", r.control().Until, until)
	}
	for _, args := range [][]string{
		{"--until", "2020-01-01T00:00:00Z"}, {"--until", "tomorrow"}, {"--until", "06:00", "--for", "1h"}, {"--for", "0s"}, {"--for", "-1h"}, {"--timeout", "0s"},
	} {
		r.run(2, append([]string{"pause"}, args...)...)
	}
}

func TestPauseUntilAClockTime(t *testing.T) {
	r := newRig(t, 1)
	r.env = append(r.env, "TZ=UTC")
	now := time.Now().UTC().Truncate(time.Minute)
	for clock, want := range map[time.Time]time.Time{now.Add(-time.Hour): now.Add(23 * time.Hour), now.Add(time.Hour): now.Add(time.Hour)} {
		r.pause(0, "pause", "--until", clock.Format("15:04"))
		if got := r.control().Until; !got.Equal(want) {
			t.Errorf("at %v, until %s is %v, want %v", now, clock.Format("15:04"), got, want)
		}
	}
}

// What a live consumer holds keeps --wait waiting; what it settles meanwhile ends it.
func TestPauseWaitsForWhatIsHeld(t *testing.T) {
	r := newRig(t, 2)
	r.register(r.keys[0], nil)
	r.push(1, "a")
	held := streamstest.Receive(t, r.queues[1], 1)
	_, note := r.result(1, "pause", "--wait", "--timeout", "3s")
	wantWords(t, note, "not stopped after 3s", "1 consumer is live, holding 1 entry", "stays paused")
	first := r.control().At
	p := r.start("pause", "--wait", "--json")
	env.Eventually(t, soon, func() (bool, string) { return r.control().At != first, "no second pause" })
	_, err := r.queues[1].Settle(t.Context(), streamstest.All(record.Ingested, held))
	must(t, err)
	if code := p.Wait(soon); code != 0 {
		t.Errorf("exit code %d: %s", code, p.Stderr())
	}
}

func TestAnEndedPauseEndsTheWait(t *testing.T) {
	r := newRig(t, 1)
	r.push(0, "a")
	streamstest.Receive(t, r.queues[0], 1)
	p := r.start("pause", "--wait")
	env.Eventually(t, soon, func() (bool, string) { return r.control().Paused, "not paused" })
	r.run(0, "resume")
	if code := p.Wait(soon); code != 1 {
		t.Errorf("exit code %d", code)
	}
	wantWords(t, p.Stderr(), "somebody has ended the pause")
}

func TestPauseOfAList(t *testing.T) {
	r := newRig(t, 1)
	r.env = append(r.env, "QUEUE_MODE=list", "QUEUE_KEY=q")
	if p := r.pause(0, "pause", "--by", "ada"); p.Queue != "q" || p.Workers != nil {
		t.Errorf("%+v", p)
	}
	if c, _, err := streams.ReadControl(t.Context(), r.client, "q"); err != nil || !c.Paused {
		t.Errorf("%+v, %v", c, err)
	}
	_, note := r.result(2, "pause", "--wait")
	wantWords(t, note, "--wait needs QUEUE_MODE=stream")
	if was := r.pause(0, "resume"); was.Was == nil || was.Was.By != "ada" {
		t.Errorf("%+v", was)
	}
}

// A pause that can't be read is ended all the same, and a dry run says so.
func TestResumeEndsAPauseThatCannotBeRead(t *testing.T) {
	r := newRig(t, 1)
	must(t, r.client.HSet(t.Context(), "{s}:control", "pausedUntil", "soon").Err())
	out, note := r.result(0, "resume", "--dry-run")
	wantWords(t, squeezed(out), "paused s", "pause of unknown")
	wantWords(t, note, "the pause would be ended", `"pausedUntil"`)
	if n := r.client.Exists(t.Context(), "{s}:control").Val(); n != 1 {
		t.Fatal("the dry run has ended the pause")
	}
	out, note = r.result(0, "resume", "--yes")
	wantWords(t, squeezed(out), "resumed s", "pause of unknown")
	wantWords(t, note, "the pause is ended, but what it was is not known")
	if n := r.client.Exists(t.Context(), "{s}:control").Val(); n != 0 {
		t.Error("the pause is not ended")
	}
}
