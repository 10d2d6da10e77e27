package main_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/streams"
)

// dead adds a dead letter with the given ID.
func (r *rig) dead(p int, id string, event record.Outcome, body string) {
	r.t.Helper()
	must(r.t, r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: streams.KeysOf(r.keys[p]).Dead, ID: id,
		Values: []any{"data", body, "event", event.String(), "reason", "because"}}).Err())
}

type letter struct {
	ID, Event, Reason, Data, CustomerID string
	DataBase64                          []byte
	Fields                              []string
	FieldsBase64                        [][]byte
}

func (r *rig) letters(args ...string) (all []letter) {
	r.t.Helper()
	for line := range strings.SplitSeq(r.run(0, append([]string{"dead", "list", "--json", "--limit", "0"}, args...)...), "\n") {
		if line == "" {
			continue
		}
		var l letter
		must(r.t, json.Unmarshal([]byte(line), &l))
		all = append(all, l)
	}
	return all
}

func TestListShowsNewestFirst(t *testing.T) {
	r := newRig(t, 2)
	for i := range 6 {
		r.settle(i%2, record.Invalid, fmt.Sprint("secret ", i))
	}
	newest := time.Now().Add(time.Minute).UnixMilli()
	r.dead(0, fmt.Sprint(newest, "-0"), record.Rejected, "secret 6")
	out, note := r.result(0, "dead", "list", "--limit", "5") // partition 0 has four
	t.Logf("\n%s", out)
	lines := strings.Split(out, "\n")
	if len(lines) != 6 || !strings.Contains(lines[1], fmt.Sprint("0:", newest, "-0")) || !strings.Contains(lines[2], "because") || !strings.Contains(out, "\n1:") && !strings.HasPrefix(out, "1:") {
		t.Errorf("%q", lines)
	}
	if strings.Contains(out, "secret") {
		t.Error("bodies are shown without --json")
	}
	wantWords(t, note, "5 of 7 dead letters shown")
	if got := r.letters("--event", "rejected"); len(got) != 1 || got[0].Data != "secret 6" || got[0].Reason != "because" {
		t.Errorf("%+v", got)
	}
	if got := r.letters("--older-than", "1h"); len(got) != 0 {
		t.Errorf("older than an hour: %+v", got)
	}
	if got := r.letters("--older-than", "1ns"); len(got) != 6 {
		t.Errorf("older than a nanosecond: %+v", got)
	}
}

// Programs read the table by the columns, of which none is empty and only the last
// one has spaces here.
func TestListColumns(t *testing.T) {
	r := newRig(t, 1)
	r.dead(0, "1795477478417-0", record.Invalid, `{"customerId":" 42 ","name":""}`)
	r.dead(0, "1795477478418-0", record.Malformed, "no JSON")
	lines := strings.Split(r.run(0, "dead", "list"), "\n")
	for i, want := range []string{
		"ID WRITTEN EVENT DELIVERIES ENTRY CUSTOMER REASON",
		"1795477478418-0 2026-11-23T23:44:38Z parse_error 0 - - because",
		"1795477478417-0 2026-11-23T23:44:38Z validation_failed 0 - 42 because",
	} {
		if got := strings.Join(strings.Fields(lines[i]), " "); got != want {
			t.Errorf("line %d is %q, want %q", i+1, got, want)
		}
	}
	for i, column := range []string{"ID", "WRITTEN", "EVENT", "DELIVERIES", "ENTRY", "CUSTOMER", "REASON"} {
		values := []string{"1795477478417-0", "2026-11-23", "validation_failed", "0 ", "- ", "42", "because"}
		head, row := strings.Index(lines[0], column), strings.Index(lines[2], values[i])
		if column != "DELIVERIES" && column != "ENTRY" && head != row {
			t.Errorf("the column %s begins at %d, its values at %d", column, head, row)
		}
	}
	if bare := r.run(0, "dead", "list", "--no-header"); bare != strings.Join(lines[1:], "\n") {
		t.Errorf("with --no-header:\n%s\nwithout:\n%s", bare, strings.Join(lines, "\n"))
	}
	if out, note := r.result(0, "dead", "list", "--event", "rejected"); out != "" || !strings.Contains(note, "0 of 2") {
		t.Errorf("with nothing to list: %q and %q", out, note)
	}
	if got := r.letters(); got[1].CustomerID != "42" || got[0].CustomerID != "" {
		t.Errorf("%+v", got)
	}
}

// Other clients can write dead letters too.
func TestListPrintsNoControlCharacters(t *testing.T) {
	r := newRig(t, 1)
	must(t, r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: streams.KeysOf(r.keys[0]).Dead,
		Values: []any{"data", "body", "event", "\x1b[2J", "origin", "1\r-1", "reason", "red \x1b[31m\u009b31m\a"}}).Err())
	out, _ := r.result(0, "dead", "list")
	if i := strings.IndexFunc(out, func(c rune) bool { return !unicode.IsPrint(c) && c != '\n' }); i >= 0 {
		t.Errorf("%q has a control character at %d", out, i)
	}
	wantWords(t, out, `red \u001b[31m\u009b31m\u0007`)
}

// JSON strings can't hold all of these bodies and entries.
func TestListJSONIsExact(t *testing.T) {
	r := newRig(t, 1)
	r.settle(0, record.Malformed, "\xff\x00", "Žofie <&> \ufffd")
	for _, fields := range [][]any{{"\xfe", "", "data", "1", "data", "\x80"}, {"no", "body", "no", "twice"}} {
		must(t, r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: r.keys[0], Values: fields}).Err())
	}
	r.settleNext(0, record.Malformed, 2)
	got := r.letters() // newest first
	if len(got) != 4 {
		t.Fatalf("%+v", got)
	}
	if string(got[3].DataBase64) != "\xff\x00" || got[2].Data != "Žofie <&> \ufffd" || got[2].DataBase64 != nil || got[2].Fields != nil {
		t.Errorf("the bodies are %+v", got[2:])
	}
	if bytes := string(slices.Concat(got[1].FieldsBase64...)); len(got[1].FieldsBase64) != 6 || bytes != "\xfedata1data\x80" {
		t.Errorf("the entry that is not UTF-8 is %+v", got[1])
	}
	if !slices.Equal(got[0].Fields, []string{"no", "body", "no", "twice"}) || got[0].FieldsBase64 != nil {
		t.Errorf("the entry that is UTF-8 is %+v", got[0])
	}
}

func TestReplaySelectedLetters(t *testing.T) {
	r := newRig(t, 2)
	r.settle(0, record.Invalid, "a", "b")
	r.settle(1, record.Rejected, "c", "d", "e")
	r.settle(1, record.Invalid, "f")
	wantWords(t, r.run(0, "dead", "replay", "--all", "--dry-run"), "6 dead letters would be put back on the queue")
	if got := r.reconcile(0).Total; got.DeadLetters.There != 6 || got.Undelivered != 0 {
		t.Fatalf("--dry-run changed the account: %+v", got)
	}
	wantWords(t, r.run(0, "dead", "replay", "--event", "rejected", "--limit", "2", "--yes"), "2 dead letters put back on the queue")
	got := r.reconcile(0)
	if *got.Total.DeadLetters.Replayed != 2 || got.Total.DeadLetters.There != 4 || got.Partitions[1].Undelivered != 2 {
		t.Errorf("%+v", got)
	}
	first := r.letters()[0]
	out, note := r.result(0, "dead", "replay", first.ID, "1:1-1", "--yes")
	wantWords(t, out, "1 dead letter put back")
	wantWords(t, note, "1 of 2 not found")
	wantWords(t, r.run(0, "dead", "replay", "--all", "--yes"), "3 dead letters put back")
	if got := r.reconcile(0).Total; *got.DeadLetters.Replayed != 6 || got.DeadLetters.There != 0 || got.Undelivered != 6 {
		t.Errorf("%+v", got)
	}
}

// Replay skips a letter that can't be put back, and reports it at the end.
func TestReplaySkipsUnfitLetter(t *testing.T) {
	r := newRig(t, 1)
	must(t, r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: r.keys[0], Values: slices.Repeat([]any{"name", "value"}, 5000)}).Err())
	r.settleNext(0, record.Malformed, 1)
	r.settle(0, record.Invalid, slices.Repeat([]string{"body"}, 300)...)
	out, note := r.result(1, "dead", "replay", "--all", "--yes")
	wantWords(t, out, "300 dead letters put back")
	wantWords(t, note, "5000 fields")
	if got := r.reconcile(0).Total; got.DeadLetters.There != 1 || *got.DeadLetters.Replayed != 300 {
		t.Errorf("%+v", got)
	}
}

func TestChangesRequireConfirmation(t *testing.T) {
	r := newRig(t, 1)
	r.settle(0, record.Invalid, "a", "b")
	for _, command := range []string{"purge", "replay"} {
		_, note := r.result(2, "dead", command, "--all")
		wantWords(t, note, "--yes")
	}
	wantWords(t, r.run(0, "dead", "purge", "--all", "--dry-run"), "2 dead letters would be deleted")
	wantWords(t, r.run(0, "dead", "purge", "--all", "--yes"), "2 dead letters deleted")
	if got := r.reconcile(0).Total; *got.DeadLetters.Purged != 2 || got.DeadLetters.There != 0 {
		t.Errorf("%+v", got)
	}
}

func TestUnclearSelectionIsAUsageError(t *testing.T) {
	r := newRig(t, 2)
	for _, args := range [][]string{
		{"replay", "--yes"}, {"replay", "--event", "ingested", "--yes"}, {"replay", "1-1", "--yes"}, {"replay", "0:1-1", "--all", "--yes"},
		{"replay", "--all", "--event", "rejected", "--yes"}, {"replay", "--all", "--reason", "x", "--yes"}, {"replay", "--all"}, {"replay", "9:1-1", "--yes"},
		{"replay", "--older-than", "-1h", "--yes"}, {"replay", "--all", "--rate", "fast", "--yes"}, {"replay", "0:1-1", "--through", "0:1-1~00000000", "--yes"},
		{"purge", "--yes"}, {"list", "--limit", "-1"}, {"list", "word"}, {"show"}, {"show", "1-1"}, {"show", "0:1-1", "0:2-2"}, {"edit", "0:1-1", "--yes"},
		{"edit", "0:1-1", "--set", "email"}, {"edit", "0:1-1", "--set", "mail=x", "--yes"}, {"edit", "0:1-1", "--set", "email=x"},
		{"edit", "0:1-1", "--set", "email=x", "--body", "-", "--yes"}, {"export", "--json"}, {"export", "--details", "-"}, {"export", "--limit", "-1"},
	} {
		r.run(2, append([]string{"dead"}, args...)...)
	}
}

func TestDeadLettersOfAList(t *testing.T) {
	r := newRig(t, 1)
	must(t, r.client.Do(t.Context(), "XADD", "{q}:dead", "*", "data", "body", "event", "rejected", "reason", "because").Err())
	r.env = append(r.env, "QUEUE_MODE=list", "QUEUE_KEY=q")
	if got := r.letters(); len(got) != 1 || got[0].Data != "body" {
		t.Errorf("%+v", got)
	}
	r.run(0, "dead", "replay", "--all", "--yes")
	if got := r.client.LRange(t.Context(), "q", 0, -1).Val(); len(got) != 1 || got[0] != "body" {
		t.Errorf("the list is %q", got)
	}
}
