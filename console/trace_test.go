package console_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/record"
	"ingestion/store"
)

// documentID is the _id of a person's record.
func documentID(t *testing.T, customer string, n int) string {
	t.Helper()
	rec, err := record.Decoder{}.Decode([]byte(person(customer, n)))
	must(t, err)
	return rec.ID
}

func TestTraceFindsARecord(t *testing.T) {
	r := newRig(t, 2, false)
	wantNone(t, r.get(200, "/trace"), "Where it was looked for")
	stored, _ := r.process("42", 1)
	r.process("42", 2)
	refused, _ := r.process("42", 3)
	waiting := r.push(r.home("42"), person("42", 4))
	for id, words := range map[string][]string{
		stored:                 {"✓ INGESTED", "arrived as " + stored, "inserted into MongoDB", "✓ certain", "streamId is this entry", "place at", "number 1 of 2"},
		refused:                {"✕ DEAD (rate_limited)", "rate_limited:"},
		waiting:                {"◷ UNDELIVERED", "the next to be delivered", "There is no document of it."},
		documentID(t, "42", 1): {"✓ INGESTED", stored},
	} {
		page := r.get(200, "/trace?id="+id)
		wantWords(t, page, words...)
		wantWords(t, page, "S***", "s***@b.co", "Showing them is logged.")
		wantNone(t, page, "ecretname", "ecretlocal")
	}
	wantWords(t, r.get(200, "/trace?id="+strings.Repeat("0", 64)), "No record found", "looked at all 4 of")
	wantWords(t, r.get(200, "/trace?id=1-1"), "○ ABSENT", "other partition")

	page := r.get(200, "/trace?customer=42")
	wantWords(t, page, "Records of customer <bdi>42</bdi>", "The newest 4", "✓ INGESTED", "✕ DEAD", "◷ UNDELIVERED", stored, refused, waiting, "looked at all 4 of")
	wantNone(t, page, "ecretname", "ecretlocal")
	wantWords(t, r.get(200, "/trace?customer=42&scan=1"), "looked at 1 of 4 in")
}

// An ID may be in several partitions: its number tells which one is meant.
func TestTraceOfAPartition(t *testing.T) {
	r := newRig(t, 2, false)
	for p, key := range r.keys {
		must(t, r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: key, ID: "5-1", Values: []any{"data", person(fmt.Sprintf("customer-%d", p), p)}}).Err())
	}
	for p := range r.keys {
		page := r.get(200, fmt.Sprintf("/trace?id=%d:5-1", p))
		wantWords(t, page, "◷ UNDELIVERED", fmt.Sprintf("customer-%d", p))
		wantNone(t, page, fmt.Sprintf("customer-%d", 1-p))
	}
	wantWords(t, r.get(200, "/trace?id=5-1"), "customer-0", "customer-1")
}

// An address is looked for by a form only, and appears nowhere but in the form.
func TestTraceByEmail(t *testing.T) {
	r := newRig(t, 2, false)
	id, _ := r.process("42", 1)
	r.process("43", 2)
	page := r.post(200, "/trace", url.Values{"email": {"secretlocal1@B.co"}})
	wantWords(t, page, "Entry "+id, "✓ INGESTED", "s***@b.co")
	if n := strings.Count(strings.ToLower(page), "ecretlocal"); n != 2 {
		t.Errorf("the address is %d times in the page, want it in the two forms:\n%s", n, page)
	}
	wantWords(t, r.post(200, "/trace", url.Values{"email": {"secretlocal1@b.co"}, "customer": {"43"}}), "No record found")
	wantNone(t, strings.ToLower(r.log.String()), "ecretlocal")
	if to := r.post(303, "/trace", url.Values{"id": {id}, "email": {""}}); to != "./trace?id="+id {
		t.Errorf("redirected to %q", to)
	}
}

// Personal data is shown only to those of whom the log says so.
func TestRevealing(t *testing.T) {
	r := newRig(t, 1, false)
	id, _ := r.process("42", 1)
	wantNone(t, r.get(200, "/trace?id="+id+"&reveal=yes"), "Secretname1")
	wantNone(t, r.log.String(), "reveal")
	page := r.post(200, "/trace", url.Values{"id": {id}, "reveal": {"yes"}})
	wantWords(t, page, "Secretname1", "secretlocal1@b.co", "The log says who asked for that.")
	wantWords(t, r.log.String(), `"msg":"console_reveal"`, `"user":"anonymous"`, `"entry":"`+id+`"`)
	wantNone(t, r.log.String(), "Secretname1", "secretlocal1")

	r.opts.Changes = false
	wantNone(t, r.post(403, "/trace", url.Values{"id": {id}, "reveal": {"yes"}}), "Secretname1")
	wantNone(t, r.get(200, "/trace?id="+id), `name="reveal"`)
}

// What is shown in full is one record, never all of a customer.
func TestOneRecordIsRevealed(t *testing.T) {
	r := newRig(t, 1, false)
	r.process("42", 1)
	page := r.post(200, "/trace", url.Values{"customer": {"42"}, "reveal": {"yes"}})
	wantWords(t, page, "Secretname1")
	r.process("42", 2)
	wantNone(t, r.get(200, "/trace?customer=42"), `name="reveal"`)
	page = r.post(200, "/trace", url.Values{"customer": {"42"}, "reveal": {"yes"}})
	wantNone(t, page, "Secretname", "secretlocal", `name="reveal"`)
	wantWords(t, page, "They can be shown for one record at a time.")
}

func TestTraceOfWhatIsNoID(t *testing.T) {
	r := newRig(t, 2, false)
	for form, words := range map[string]string{
		"id=abc": "this is no ID", "id=7:1-1": "no such partition", "id=x:1-1": "not the number of a partition", "id=1-1&customer=42": "enter either",
		"customer=++": "no record can have this customerId", "customer=42&scan=99999999999": "not from 1 to",
	} {
		wantWords(t, r.get(422, "/trace?"+form), words)
	}
	page := r.get(422, "/trace?id="+url.QueryEscape(markup))
	wantWords(t, page, "&lt;script&gt;")
	wantNone(t, page, "<script>x")
}

// noStore is a MongoDB that does not answer.
type noStore struct{}

func (noStore) Find(context.Context, store.Field, string, int64) ([]store.Stored, error) {
	return nil, errors.New("no server")
}
func (noStore) Indexed(context.Context, store.Field) (bool, error) { return false, nil }
func (noStore) Check(context.Context) error                        { return errors.New("no server") }

// Without MongoDB, the rest is known.
func TestTraceWithoutDocuments(t *testing.T) {
	r := newRig(t, 1, false)
	id, _ := r.process("42", 1)
	r.opts.Store = noStore{}
	wantWords(t, r.get(200, "/trace?id="+id), "○ SETTLED", "✕ Unknown.", "no server", "S***")
	wantWords(t, r.get(200, "/trace?customer=42"), "Documents.", "no server")
}
