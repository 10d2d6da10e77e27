package main_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ingestion/record"
	"ingestion/streams/streamstest"
)

// entries are the IDs of the records that were found, with their states.
func (got traced) entries() (all []string) {
	for _, w := range got.Records {
		id := ""
		if w.Entry != nil {
			id = *w.Entry
		}
		all = append(all, id+" "+w.State)
	}
	return all
}

func wantEntries(t *testing.T, got traced, want ...string) {
	t.Helper()
	all := got.entries()
	newest := slices.IsSortedFunc(all, func(a, b string) int { return strings.Compare(b[:13], a[:13]) })
	slices.Sort(all)
	slices.Sort(want)
	if !newest || !slices.Equal(all, want) {
		t.Errorf("%q, want %q, newest first", got.entries(), want)
	}
}

// A customer's records wherever they are, newest first; others are left out.
func TestTraceCustomer(t *testing.T) {
	for _, partitions := range []int{1, 4} {
		for _, customer := range []string{"42", "Ø 客|\\{}:*?\"'%s", "a" + strings.Repeat("é", 100)} {
			t.Run(fmt.Sprint(partitions, customer), func(t *testing.T) {
				r := newTraceRig(t, partitions)
				home := record.HomePartition(customer, partitions)
				ingested := r.ingest(home, person(customer, 1))
				r.ingest(home, person(customer+"0", 1))
				dead := r.settled(home, record.Invalid, invalidOf(customer))
				held := r.add(home, person(customer, 2))
				delayed := r.add(home, person(customer, 3))
				s := streamstest.All(record.Deferred, streamstest.Receive(t, r.queues[home], 2)[1:])
				s[0].Due = time.Now().Add(time.Hour)
				_, err := r.queues[home].Settle(t.Context(), s)
				must(t, err)
				must(t, r.client.XDel(t.Context(), r.keys[home], delayed).Err())
				elsewhere := r.add((home+1)%partitions, person(customer, 4))

				got, text := r.trace(0, "--customer", " "+customer+" ")
				t.Logf("\n%s", text)
				wantEntries(t, got, elsewhere+" undelivered", delayed+" deferred", held+" pending", dead+" dead", ingested+" ingested")
				wantWords(t, text, "s***@b.co", "validation_failed", "looked at all")

				got, _ = r.trace(1, "--customer", customer, "--email", "SECRETLOCAL2@b.co")
				wantEntries(t, got)
				got, text = r.trace(0, "--customer", customer, "--email", "secretlocal2@B.CO")
				wantEntries(t, got, held+" pending")
				wantWords(t, text, "Entry "+held, "PENDING")
				got, _ = r.trace(0, "--customer", customer, "--email", "secretlocal1@b.co", "--created-at", "2026-01-31T13:00:00+01:00")
				wantEntries(t, got, ingested+" ingested")
				r.trace(1, "--customer", customer, "--created-at", "2026-02-01")
				got, text = r.trace(0, "--customer", customer, "--limit", "2")
				if len(got.Records) != 2 || got.Matches != 5 {
					t.Errorf("%+v", got)
				}
				wantWords(t, text, "the newest 2 of 5 records are shown; --limit shows more")
			})
		}
	}
}

// invalidOf is a body that is refused, of a customer.
func invalidOf(customer string) string {
	id, _ := json.Marshal(customer)
	return `{"customerId":` + string(id) + `,"name":"Secretname","email":"secretlocal"}`
}

// Of a stream that is longer than --scan, the newest entries are looked at, and the
// output says how far that was. What is in MongoDB is found all the same.
func TestTraceCustomerIsBounded(t *testing.T) {
	r := newTraceRig(t, 1)
	old := r.ingest(0, person("42", 1))
	for n := range 300 {
		r.push(0, person(fmt.Sprint("x", n), n))
	}
	newest := r.add(0, person("42", 2))
	must(t, r.client.ConfigResetStat(t.Context()).Err())
	got, text := r.trace(0, "--customer", "42", "--scan", "100")
	t.Logf("\n%s", text)
	wantEntries(t, got, newest+" undelivered", old+" ingested")
	wantWords(t, text, "looked at 100 of 302 in s, back to 20", "; --scan looks further")
	for _, l := range got.Looked {
		if l.Place == "s" && (l.Seen != 100 || l.Total != 302 || l.All) {
			t.Errorf("%+v", l)
		}
	}
	if got, text = r.trace(0, "--customer", "42", "--scan", "1000"); strings.Contains(text, "looks further") || len(got.Records) != 2 {
		t.Errorf("%s", text)
	}
	_, text = r.trace(1, "--customer", "nobody", "--scan", "50")
	wantWords(t, text, "no record of customer \"nobody\" found", "looked at 50 of 302")
}

// Without a document, an _id is looked for in what waits.
func TestTraceOfAnUnfinishedDocument(t *testing.T) {
	r := newTraceRig(t, 4)
	for n := range 20 {
		r.push(record.HomePartition("42", 4), person("42", n))
	}
	got, text := r.trace(0, recordOf(t, person("42", 7)).ID)
	if len(got.Records) != 1 || got.Records[0].State != "undelivered" {
		t.Errorf("%s", text)
	}
	wantWords(t, text, "7 entries are delivered before it", "looked at all 20 of s:3")
	r.trace(1, strings.Repeat("0", 64))
}

func TestTraceReveals(t *testing.T) {
	r := newTraceRig(t, 1)
	id := r.ingest(0, person("42", 1))
	wantWords(t, r.run(0, "trace", id, "--reveal"), "Secretname1", "secretlocal1@b.co")
	wantWords(t, r.run(0, "trace", id, "--reveal", "--json"), `"name": "Secretname1"`, `"masked": false`)
}
