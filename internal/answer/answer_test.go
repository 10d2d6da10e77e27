package answer_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/inspect"
	"ingestion/internal/letters"
	"ingestion/record"
	"ingestion/streams"
)

// Nothing in an answer can control a terminal, and all of it is as it was.
func TestWrite(t *testing.T) {
	value := map[string]string{"a": "<b>&\u202e\u0085\x1b\u2028"}
	for indent, want := range map[string]string{
		"":   `{"a":"<b>&\u202e\u0085\u001b\u2028"}` + "\n",
		"  ": "{\n  \"a\": \"<b>&\\u202e\\u0085\\u001b\\u2028\"\n}\n",
	} {
		var out bytes.Buffer
		if err := answer.Write(&out, value, indent); err != nil || out.String() != want {
			t.Errorf("%q, %v; want %q", out.String(), err, want)
		}
		var back map[string]string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["a"] != value["a"] {
			t.Errorf("%q, %v", back, err)
		}
	}
}

// What is unknown is null, and never 0.
func TestWhatIsUnknownIsNull(t *testing.T) {
	text, err := json.Marshal([]any{
		answer.Known(false, 7), answer.Known(true, 0), answer.Seconds(time.Second, false), answer.Seconds(1234567*time.Microsecond, true),
		answer.Text(""), answer.Error(nil), answer.Error(errors.New("x")), answer.Time(time.Time{}),
		answer.Time(time.Date(2026, 1, 31, 13, 0, 0, 5_000_000, time.FixedZone("", 3600))), answer.Times(nil),
	})
	if want := `[null,0,null,1.234,null,null,"x",null,"2026-01-31T12:00:00.005Z",[]]`; err != nil || string(text) != want {
		t.Errorf("%s, %v; want %s", text, err, want)
	}
}

// A total that lacks a partition is none, and one whose backlog is unknown in a partition has none.
func TestTotalsOfWhatIsUnknown(t *testing.T) {
	known := inspect.Partition{Key: "a", Snapshot: &streams.Snapshot{Account: &streams.Account{Epoch: 1, Undelivered: 3}}}
	vague := inspect.Partition{Key: "b", Snapshot: &streams.Snapshot{Account: &streams.Account{Epoch: 1, BacklogUnknown: true}}}
	unread := inspect.Partition{Key: "c", Err: errors.New("x")}
	total := func(partitions ...inspect.Partition) *answer.Balance {
		return answer.StatusOf(&inspect.Status{Partitions: partitions}, nil).Total
	}
	if all := total(known, known); all == nil || *all.Undelivered != 6 {
		t.Errorf("known: %+v", all)
	}
	if some := total(known, vague); some == nil || some.Undelivered != nil {
		t.Errorf("the backlog of one is unknown: %+v", some)
	}
	if none := total(known, unread); none != nil {
		t.Errorf("one can't be read: %+v", none)
	}
	refused := inspect.Refused{Customers: []streams.Refusals{{CustomerID: "42", Count: 7, Error: 2}}}
	if c := answer.CustomersOf(refused, nil, nil).Refused.Customers[0]; c != (answer.Refusals{CustomerID: "42", AtMost: 7, AtLeast: 5}) {
		t.Errorf("%+v", c)
	}
}

// A masked letter has nothing of a person in any form, and one that is revealed is complete.
func TestLettersAreMasked(t *testing.T) {
	for name, l := range map[string]streams.DeadLetter{
		"a body":    {Data: `{"customerId":"42","name":"secret"}`},
		"no object": {Data: "secret"},
		"not UTF-8": {Data: "secret\xff"},
		"fields":    {Fields: []string{"secret field", "secret", "data", "secret\xff"}},
	} {
		details := func(reveal bool) (d answer.LetterDetails, text string) {
			d = answer.LetterDetailsOf(&letters.Letter{DeadLetter: l}, nil, reveal)
			encoded, err := json.Marshal(d)
			if err != nil {
				t.Fatal(err)
			}
			return d, string(encoded)
		}
		masked, text := details(false)
		if strings.Contains(text, "secret") || masked.DataBase64 != nil || masked.FieldsBase64 != nil || !masked.Masked {
			t.Errorf("%s: %s", name, text)
		}
		full, text := details(true)
		data, fields := string(full.DataBase64), full.FieldsBase64
		if full.Data != nil && data == "" {
			data = *full.Data
		}
		var kept []string
		for _, field := range fields {
			kept = append(kept, string(field))
		}
		if full.Masked || l.Fields == nil && data != l.Data || !slices.Equal(kept, l.Fields) {
			t.Errorf("%s, revealed: %s", name, text)
		}
	}
}

// A trace masks what a record, a document and an address have of a person.
func TestTracesAreMasked(t *testing.T) {
	tr := &inspect.Trace{Email: "secret@b.co", Ways: []*inspect.Way{{Record: &record.Record{ID: "1", Name: "secret", Email: "secret@b.co"}}}}
	for _, masked := range []bool{true, false} {
		text, err := json.Marshal(answer.TraceOf(tr, masked))
		if want := map[bool]int{true: 0, false: 3}[masked]; err != nil || strings.Count(string(text), "secret") != want {
			t.Errorf("masked %v: %s, %v", masked, text, err)
		}
	}
}
