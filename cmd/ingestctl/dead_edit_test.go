package main_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ingestion/internal/test/env"
	"ingestion/internal/test/need"
	"ingestion/internal/test/schema"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

type edited struct {
	Changed             []string
	DryRun, Valid, Sent bool
	Breaks              *string
}

func (r *rig) edit(code int, args ...string) edited {
	r.t.Helper()
	out := r.run(code, append([]string{"dead", "edit", "--json"}, args...)...)
	schema.Check(r.t, "ingestctl-dead-edit", []byte(out))
	var e edited
	must(r.t, json.Unmarshal([]byte(out), &e))
	return e
}

// refused is a rig with a dead letter, whose ID it returns too.
func refused(t *testing.T, body string) (r *rig, id string) {
	t.Helper()
	r = newRig(t, 1)
	r.settle(0, record.Invalid, body)
	return r, r.letters()[0].ID
}

func TestEditSendsWhatIsValid(t *testing.T) {
	r, id := refused(t, aBody)
	if e := r.edit(0, id, "--set", "email=ada@lovelace.org", "--dry-run"); !e.Valid || e.Sent || !e.DryRun || !slices.Equal(e.Changed, []string{"email"}) {
		t.Errorf("dry run: %+v", e)
	}
	if e := r.edit(1, id, "--set", "email=ada@", "--set", "name=", "--yes"); e.Valid || e.Sent || e.Breaks == nil || !strings.Contains(*e.Breaks, "name: ") || !strings.Contains(*e.Breaks, "email: ") {
		t.Errorf("invalid: %+v", e)
	}
	if len(r.letters()) != 1 || r.reconcile(0).Total.Undelivered != 0 {
		t.Error("something was sent")
	}
	first := r.letters()[0]
	if e := r.edit(0, id, "--set", "email=ada@lovelace.org", "--yes"); !e.Sent {
		t.Errorf("%+v", e)
	}
	got := streamstest.Receive(t, r.queues[0], 1)[0]
	if string(got.Body) != `{"customerId":"42","name":"Ada Lovelace","email":"ada@lovelace.org","createdAt":"2026-01-31"}` || got.Origin == "" || first.Data != aBody {
		t.Errorf("%+v", got)
	}
	if total := r.reconcile(0).Total; *total.DeadLetters.Replayed != 1 || total.DeadLetters.There != 0 {
		t.Errorf("%+v", total)
	}
	_, note := r.result(1, "dead", "edit", id, "--set", "name=x", "--yes")
	wantWords(t, note, "no dead letter")
}

func TestEditShowsTheDifferenceMasked(t *testing.T) {
	r, id := refused(t, aBody)
	out := r.run(0, "dead", "edit", id, "--set", "email=ada@lovelace.org", "--set", "name=Ada King", "--dry-run")
	wantPrinted(t, "dead-edit", strings.Replace(out, id, showID, 1))
	wantWords(t, r.run(0, "dead", "edit", id, "--set", "name=Ada King", "--set", "email=a@b.co", "--dry-run", "--reveal"), `- name: "Ada Lovelace"`, `+ name: "Ada King"`)
	_, note := r.result(1, "dead", "edit", id, "--set", "name=Ada Lovelace", "--set", "email=ada@lovelace", "--body", "", "--yes")
	wantWords(t, note, "email: ")
}

func TestEditTakesAWholeBody(t *testing.T) {
	r, id := refused(t, "no JSON")
	_, note := r.result(1, "dead", "edit", id, "--set", "name=x", "--yes")
	wantWords(t, note, "not a JSON object", "--body")
	body := strings.Replace(aBody, "@lovelace", "@lovelace.org", 1)
	file := filepath.Join(t.TempDir(), "body.json")
	must(t, os.WriteFile(file, []byte(body+"\n"), 0o600))
	if e := r.edit(0, id, "--body", file, "--yes"); !e.Sent || len(e.Changed) > 0 {
		t.Errorf("%+v", e)
	}
	if got := streamstest.Receive(t, r.queues[0], 1)[0]; string(got.Body) != body {
		t.Errorf("%s", got.Body)
	}
}

// Of an entry without exactly one body, the new entry has one.
func TestEditOfAnOddEntry(t *testing.T) {
	r := newRig(t, 1)
	r.writeExamples()
	_, note := r.result(1, "dead", "edit", oddID, "--set", "name=x", "--yes")
	wantWords(t, note, "had not exactly one body")
	body := strings.Replace(aBody, "@lovelace", "@lovelace.org", 1)
	p := env.Process(t, env.Build(t, "ingestion/cmd/ingestctl"), []string{"dead", "edit", oddID, "--body", "-", "--yes"}, r.env, env.WithStdin(body))
	if code := p.Wait(soon); code != 0 {
		t.Fatalf("exit code %d: %s", code, p.Stderr())
	}
	if got := streamstest.Receive(t, r.queues[0], 1)[0]; string(got.Body) != body || got.Fields != nil || got.Origin != "1795477470001-0" {
		t.Errorf("%+v", got)
	}
}

func TestEditOfAList(t *testing.T) {
	r := newRig(t, 1)
	r.env = append(r.env, "QUEUE_MODE=list", "QUEUE_KEY=q")
	must(t, r.client.Do(t.Context(), "XADD", "{q}:dead", "1-1", "data", aBody, "event", "validation_failed", "reason", "because").Err())
	r.edit(0, "1-1", "--set", "email=a@b.co", "--yes")
	if got := r.client.LRange(t.Context(), "q", 0, -1).Val(); len(got) != 1 || !strings.Contains(got[0], `"a@b.co"`) || r.client.XLen(t.Context(), "{q}:dead").Val() != 0 {
		t.Errorf("the list is %q", got)
	}
}

// onTerminal runs ingestctl on a terminal, on which somebody types.
func (r *rig) onTerminal(code int, typed string, environ []string, args ...string) string {
	r.t.Helper()
	need.Program(r.t, "script")
	line := env.Build(r.t, "ingestion/cmd/ingestctl") + " " + strings.Join(args, " ")
	p := env.Process(r.t, "/bin/sh", []string{"-c", "exec script -qec '" + line + "' /dev/null"}, append(r.env, environ...), env.WithStdin(typed))
	got := p.Wait(soon)
	out := strings.Join(p.Lines(), "\n")
	if got != code {
		r.t.Fatalf("%s: exit code %d, want %d\n%s", line, got, code, out)
	}
	return out
}

func TestChangesAskOnATerminal(t *testing.T) {
	r, id := refused(t, aBody)
	wantWords(t, r.onTerminal(1, "n\n", nil, "dead", "purge", "--all"), "Delete 1 dead letter for good? [y/N]", "nothing was changed")
	wantWords(t, r.onTerminal(1, "\n", nil, "dead", "replay", id), "Put 1 dead letter back on the queue? [y/N]")
	if len(r.letters()) != 1 {
		t.Error("something was changed without a yes")
	}
	wantWords(t, r.onTerminal(0, "y\n", nil, "dead", "purge", "--all"), "1 dead letter deleted")
}

// The editor opens the body with a member on each line. What it leaves is checked, may be
// edited again, and is sent on one line.
func TestEditInAnEditor(t *testing.T) {
	r, id := refused(t, aBody)
	editor := filepath.Join(t.TempDir(), "editor")
	script := "#!/bin/sh\nif grep -q '^.\"email\": \"ada@lovelace\"' \"$1\"; then sed -i 's/@lovelace/@love.lace@/' \"$1\"; else sed -i 's/@love.lace@/@lovelace.org/' \"$1\"; fi\n"
	must(t, os.WriteFile(editor, []byte(script), 0o755))
	out := r.onTerminal(0, "y\ny\n", []string{"EDITOR=" + editor}, "dead", "edit", id)
	wantWords(t, out, "the worker would refuse it: email: ", "Edit it again?", "Put it back on the queue?", "put back on the queue")
	if got := streamstest.Receive(t, r.queues[0], 1)[0]; string(got.Body) != `{"customerId":"42","name":"Ada Lovelace","email":"ada@lovelace.org","createdAt":"2026-01-31"}` {
		t.Errorf("%s", got.Body)
	}
	a, err := streams.ReadAccount(t.Context(), r.client, "s", "g")
	must(t, err)
	if a.Verdict() != streams.Balanced || a.DeadReplayed != 1 {
		t.Errorf("%+v", a)
	}
}

func TestAnEditorThatChangesNothing(t *testing.T) {
	r, id := refused(t, aBody)
	wantWords(t, r.onTerminal(1, "", []string{"VISUAL=true", "EDITOR=false"}, "dead", "edit", id), "nothing was changed")
	wantWords(t, r.onTerminal(1, "", []string{"VISUAL=false"}, "dead", "edit", id), "has failed, and nothing was changed")
	if len(r.letters()) != 1 {
		t.Error("the letter is gone")
	}
}
