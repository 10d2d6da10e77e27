package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/schema"
	"ingestion/streams"
)

// write adds a dead letter with an ID and these fields.
func (r *rig) write(id string, fields ...any) {
	r.t.Helper()
	must(r.t, r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: streams.KeysOf(r.keys[0]).Dead, ID: id, Values: fields}).Err())
}

const (
	showID, oddID, brokenID = "1795477478417-0", "1795477478418-0", "1795477478419-0"
	aBody                   = `{"customerId": "42", "name": "Ada Lovelace", "email": "ada@lovelace", "createdAt": "2026-01-31"}`
)

func (r *rig) writeExamples() {
	r.write(showID, "data", aBody, "event", "validation_failed", "reason", "email: the part after @ has no dot; name: blank; createdAt: missing",
		"streamId", "1795477470000-0", "origin", "1795400000000-3", "deliveries", "2", "failedAt", "2026-11-23T23:44:38.417Z", "worker", "host-1-2f",
		"source", "customers.csv:12", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate", "a=1")
	r.write(oddID, "data", `{"data":"a","data":"b"}`, "fields", "4:data,"+"14:{\"name\":\"Ada\"},"+"4:data,"+"2:\xff\x1b,", "event", "parse_error",
		"reason", `Invalid JSON: the stream entry has the field "data" 2 times`, "streamId", "1795477470001-0", "deliveries", "1",
		"failedAt", "2026-11-23T23:44:38.418Z", "worker", "host-1-2f")
	r.write(brokenID, "data", "{\"name\":\"Ada\u202e\x1b[31m\xff", "event", "parse_error", "reason", "Invalid JSON: ends early", "deliveries", "1")
}

func TestShow(t *testing.T) {
	r := newRig(t, 1)
	r.writeExamples()
	for name, args := range map[string][]string{
		"dead-show": {showID}, "dead-show-reveal": {showID, "--reveal"}, "dead-show-fields": {oddID}, "dead-show-fields-reveal": {oddID, "--reveal"},
		"dead-show-broken": {brokenID},
	} {
		out := r.run(0, append([]string{"dead", "show"}, args...)...)
		if !strings.Contains(name, "reveal") && (strings.Contains(out, "Ada") || strings.Contains(out, "Lovelace")) {
			t.Errorf("personal data without --reveal:\n%s", out)
		}
		if name != "dead-show-reveal" { // the body is one line, however long
			wantPrinted(t, name, out)
		} else {
			wantWords(t, out, "\nbody\n"+aBody)
		}
	}
	wantWords(t, r.run(0, "dead", "show", brokenID, "--reveal"), `{"name":"Ada\u202e\u001b[31m\xff`)
	_, note := r.result(1, "dead", "show", "1-1")
	wantWords(t, note, "no dead letter 1-1")
}

func TestShowJSON(t *testing.T) {
	r := newRig(t, 1)
	r.writeExamples()
	type details struct {
		Valid, Masked  bool
		Breaks, Data   *string
		Fields         []*string
		DataBase64     []byte
		FieldsBase64   [][]byte
		StreamID       *string
		WrittenAt      string
		CustomerID     *string
		TraceParent    *string
		Version, Bytes int
	}
	show := func(args ...string) (d details) {
		t.Helper()
		out := r.run(0, append([]string{"dead", "show", "--json"}, args...)...)
		schema.Check(t, "ingestctl-dead-show", []byte(out))
		must(t, json.Unmarshal([]byte(out), &d))
		return d
	}
	if d := show(showID); d.Valid || !d.Masked || d.Data == nil || strings.Contains(*d.Data, "Lovelace") || d.Breaks == nil || *d.Breaks != "email: the part after @ has no dot" ||
		*d.CustomerID != "42" || d.WrittenAt != "2026-11-23T23:44:38.417Z" || d.Bytes != len(aBody) || d.TraceParent == nil || d.Version != 1 {
		t.Errorf("%+v", d)
	}
	if d := show(showID, "--reveal"); d.Masked || *d.Data != aBody {
		t.Errorf("%+v", d)
	}
	if d := show(oddID); d.Data != nil || len(d.Fields) != 4 || d.Fields[1] == nil || d.Fields[3] != nil || d.FieldsBase64 != nil || d.Valid {
		t.Errorf("%+v", d)
	}
	if d := show(oddID, "--reveal"); string(d.FieldsBase64[3]) != "\xff\x1b" || *d.Fields[1] != `{"name":"Ada"}` {
		t.Errorf("%+v", d)
	}
	if d := show(brokenID); d.Data != nil || d.DataBase64 != nil || d.StreamID != nil {
		t.Errorf("%+v", d)
	}
	if d := show(brokenID, "--reveal"); !strings.HasSuffix(string(d.DataBase64), "\xff") {
		t.Errorf("%+v", d)
	}
}

// Producers also put personal data where names stand, and more than an address into email.
func TestShowMasksMisplacedData(t *testing.T) {
	r := newRig(t, 1)
	const body = `{"secretfield@mail.example":1,"Jane Doe":2,"emial":3,"email":"a@b.com Jane Doe"}`
	file := filepath.Join(t.TempDir(), "new.json")
	must(t, os.WriteFile(file, []byte(`{"customerId":"42","name":"Ada","email":"ada@b.co","createdAt":"2026"}`), 0o600))
	r.write(showID, "data", body, "event", "validation_failed", "reason", "because", "deliveries", "1")
	r.write(oddID, "data", body, "fields", "24:secretfield@mail.example,1:x,5:datum,"+fmt.Sprint(len(body))+":"+body+",", "event", "parse_error", "reason", "because", "deliveries", "1")
	for _, args := range [][]string{
		{"show", showID}, {"show", showID, "--json"}, {"show", oddID}, {"show", oddID, "--json"},
		{"edit", showID, "--body", file, "--dry-run"}, {"edit", showID, "--body", file, "--dry-run", "--json"},
	} {
		out, note := r.result(0, append([]string{"dead"}, args...)...)
		for _, secret := range []string{"secretfield", "Jane", "Doe", "a@b.com"} {
			if strings.Contains(out+note, secret) {
				t.Errorf("%v shows %s:\n%s%s", args, secret, out, note)
			}
		}
		wantWords(t, out, "***", "emial")
	}
	wantWords(t, r.run(0, "dead", "show", oddID), "  datum: {")
	wantWords(t, r.run(0, "dead", "show", oddID, "--reveal"), "  secretfield@mail.example: x")
	wantWords(t, r.run(0, "dead", "edit", showID, "--body", file, "--dry-run", "--reveal"), `- Jane Doe: 2`)
}

// A letter that breaks no rule any more says so.
func TestShowAppliesTheRulesOfToday(t *testing.T) {
	r := newRig(t, 1)
	r.write(showID, "data", strings.Replace(aBody, "@lovelace", "@lovelace.org", 1), "event", "rejected", "reason", "because", "deliveries", "1")
	wantWords(t, r.run(0, "dead", "show", showID), "follows all rules")
	r.env = append(r.env, "MAX_RECORD_BYTES=50")
	wantWords(t, r.run(0, "dead", "show", showID), "still breaks the rules", "larger than 50 bytes")
}

func TestPrintedSummaries(t *testing.T) {
	r := newRig(t, 1)
	r.writeExamples()
	wantPrinted(t, "dead-replay-dry-run", r.run(0, "dead", "replay", "--all", "--dry-run"))
	for line := range strings.SplitSeq(r.run(0, "dead", "list", "--json"), "\n") {
		schema.Check(t, "ingestctl-dead-list", []byte(line))
	}
	r.pause(0, "pause", "--by", "ada@host", "--reason", "new index", "--until", "2100-01-31T06:00:00Z")
	out := r.run(0, "pause", "--by", "bob@host", "--dry-run")
	at := r.control().At.UTC().Format("2006-01-02T15:04:05Z")
	out = strings.Replace(out, at, "2026-11-30T03:00:00Z", 1)
	wantPrinted(t, "pause", regexp.MustCompile(`in [0-9]+ days`).ReplaceAllString(out, "in 26729 days"))
}
