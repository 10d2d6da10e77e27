package console_test

import (
	"strings"
	"testing"

	"ingestion/internal/test/browser"
	"ingestion/record"
	"ingestion/streams"
)

// dead returns how many dead letters a partition has.
func (r *rig) dead(partition int) int64 {
	r.t.Helper()
	n, err := r.client.XLen(r.t.Context(), streams.KeysOf(r.keys[partition]).Dead).Result()
	must(r.t, err)
	return n
}

// entries returns how many entries a partition has.
func (r *rig) entries(partition int) int64 {
	r.t.Helper()
	n, err := r.client.XLen(r.t.Context(), r.keys[partition]).Result()
	must(r.t, err)
	return n
}

// wants checks that the page shows some words.
func wants(t *testing.T, p *browser.Page, words ...string) {
	t.Helper()
	text := p.Text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("%s does not show %q:\n%s", p.URL(), w, text)
		}
	}
}

// A replay changes the letters that its preview has counted, and none that came afterwards.
func TestPeopleReplayDeadLetters(t *testing.T) {
	r := newRig(t)
	r.plantOutcomes()
	r.serve()
	at := home("initech")
	dead, entries := r.dead(at), r.entries(at)
	p := r.visit("dead?customer=initech&event=validation_failed")
	p.Follow(`a[href*="action=replay"]`)
	wants(t, p, "6 dead letters would be put back")
	r.settled("initech", record.Invalid, "too late for this preview", person("initech", 9))
	p.Follow(`button.primary`)
	wants(t, p, "Done.", "6", "too late for this preview")
	if got, want := [2]int64{r.dead(at), r.entries(at)}, [2]int64{dead + 1 - 6, entries + 1 + 6}; got != want {
		t.Errorf("dead letters and entries: %d, want %d", got, want)
	}
	r.see(p, "activity")
	wants(t, p, "replay", "anonymous")
}

// Nothing is deleted before its number is typed.
func TestPeoplePurgeDeadLetters(t *testing.T) {
	r := newRig(t)
	r.plantOutcomes()
	r.serve()
	at := home("globex")
	dead := r.dead(at)
	p := r.visit("dead?event=parse_error")
	p.Follow(`a[href*="action=purge"]`)
	wants(t, p, "3 dead letters would be deleted", "For good")
	asked := p.URL()
	for _, typed := range []string{"", "4", "yes"} {
		p.Fill("#confirm", typed)
		p.Click("button.danger")
		if got := p.URL(); got != asked || r.dead(at) != dead {
			t.Fatalf("%q deletes letters: %s", typed, got)
		}
	}
	p.Fill("#confirm", "3")
	p.Follow("button.danger")
	wants(t, p, "Done.", "3")
	if got := r.dead(at); got != dead-3 {
		t.Errorf("%d dead letters are left, want %d", got, dead-3)
	}
	r.see(p, "activity")
	wants(t, p, "purge", "anonymous")
}

// A body is revealed, mended while the page says what is wrong with it, and sent again.
func TestPeopleEditAndResend(t *testing.T) {
	r := newRig(t)
	r.plantOutcomes()
	r.serve()
	at := home("initech")
	dead, entries := r.dead(at), r.entries(at)
	p := r.visit("dead/" + r.letter("initech"))
	if strings.Contains(p.Text(), local) {
		t.Fatalf("personal data is shown before anybody asked:\n%s", p.Text())
	}
	p.Follow(`form[action$="/reveal"] button`)
	wants(t, p, local, "in full")
	p.Await(t, soon, `document.querySelector('#body').value.includes('yesterday')`)
	p.Fill("#body", `{"customerId":"initech","name":"B","email":"b@example"}`)
	p.Await(t, soon, `document.querySelector('#verdict').innerText.includes('would refuse') && document.querySelector('#body').getAttribute('aria-invalid') === 'true'`)
	p.Follow(`form[action$="/edit"] button.primary`)
	wants(t, p, "Not sent")
	if r.entries(at) != entries {
		t.Error("an invalid body was sent")
	}
	p.Trouble() // the answer has a status that says that the body is invalid
	p.Fill("#body", person("initech", 77))
	p.Await(t, soon, `document.querySelector('#verdict').innerText.includes('follows all rules')`)
	p.Follow(`form[action$="/edit"] button.primary`)
	wants(t, p, "Done.")
	if got, want := [2]int64{r.dead(at), r.entries(at)}, [2]int64{dead - 1, entries + 1}; got != want {
		t.Errorf("dead letters and entries: %d, want %d", got, want)
	}
	r.see(p, "activity")
	wants(t, p, "reveal", "edit", "anonymous")
}

// The export is a file that "producer load" takes.
func TestPeopleExportDeadLetters(t *testing.T) {
	r := newRig(t)
	r.plantOutcomes()
	r.serve()
	p := r.visit("dead?customer=initech")
	p.Follow(`a[href*="action=export"]`)
	wants(t, p, "Personal data")
	file := p.Download("button.primary")
	if lines := strings.Split(strings.TrimSpace(string(file)), "\n"); len(lines) != 6 || !strings.Contains(lines[0], surname) && !strings.Contains(lines[1], surname) {
		t.Errorf("the file has %d lines:\n%s", len(lines), file)
	}
	r.see(p, "activity")
	wants(t, p, "export", "anonymous")
}
