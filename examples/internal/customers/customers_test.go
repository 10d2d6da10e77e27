package customers_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"ingestion/examples"
	"ingestion/examples/internal/customers"
	"ingestion/producer/file"
	"ingestion/record"
)

func TestFilesAreUpToDate(t *testing.T) {
	files := customers.Files()
	for name, embedded := range map[string][]byte{
		"customers.ndjson":        examples.Customers,
		"customers.expected.json": examples.Expected,
		"customers.csv":           examples.CustomersCSV,
	} {
		if !bytes.Equal(files[name], embedded) {
			t.Errorf("%s is out of date: run go generate ./examples", name)
		}
	}
}

func judge(body []byte) (record.Record, record.Outcome, string) {
	r, err := record.Decoder{}.Decode(body)
	var refusal *record.Refusal
	if errors.As(err, &refusal) {
		return r, refusal.Outcome, refusal.Reason
	}
	return r, record.Ingested, ""
}

func TestDecoderAgreesWithLabels(t *testing.T) {
	for i, line := range customers.Lines() {
		want := line.Want
		if want == record.Duplicate || want == record.RateLimited {
			want = record.Ingested // the decoder sees the body only
		}
		if _, got, reason := judge(line.Body); got != want {
			t.Errorf("line %d: %s: %v (%s), want %v", i+1, line.Body, got, reason, want)
		}
	}
}

// tally counts the outcomes of lines in the given order by the rules: at most Limit
// distinct records per customer, one document per record.
func tally(lines []customers.Line) map[string]int {
	count := map[string]int{"lines": len(lines)}
	names := map[string]string{}
	admitted := map[string]int{}
	for _, line := range lines {
		r, outcome, _ := judge(line.Body)
		name, known := names[r.ID]
		switch {
		case outcome != record.Ingested:
		case known:
			outcome = record.Duplicate
			if name != r.Name {
				count["conflict"]++
			}
		case admitted[r.CustomerID] == customers.Limit:
			outcome = record.RateLimited
		default:
			admitted[r.CustomerID]++
			names[r.ID] = r.Name
		}
		count[outcome.String()]++
	}
	return count
}

func TestExpectedCountsHoldInAnyOrder(t *testing.T) {
	var want map[string]int
	if err := json.Unmarshal(examples.Expected, &want); err != nil {
		t.Fatal(err)
	}
	lines := customers.Lines()
	for range 12 {
		if d := cmp.Diff(want, tally(lines)); d != "" {
			t.Fatalf("(-expected +got)\n%s", d)
		}
		rand.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	}
	sum := want["ingested"] + want["duplicate"] + want["parse_error"] + want["validation_failed"] + want["rate_limited"]
	if sum != want["lines"] || sum < 1000 {
		t.Errorf("%v add up to %d lines", want, sum)
	}
	for name, least := range map[string]int{"ingested": 800, "duplicate": 50, "conflict": 5, "parse_error": 50, "validation_failed": 50, "rate_limited": 30} {
		if want[name] < least {
			t.Errorf("%d lines are %s, want at least %d", want[name], name, least)
		}
	}
}

func TestDuplicatesFollowTheirOriginals(t *testing.T) {
	seen := map[string]bool{}
	for i, line := range customers.Lines() {
		r, _, _ := judge(line.Body)
		if seen[r.ID] != (line.Want == record.Duplicate) && r.ID != "" {
			t.Errorf("line %d: %s: labelled %v", i+1, line.Body, line.Want)
		}
		seen[r.ID] = r.ID != ""
	}
}

func TestCustomersDifferFromTheGenerators(t *testing.T) {
	for _, line := range customers.Lines() {
		if r, _, _ := judge(line.Body); len(r.CustomerID) == 1 {
			t.Errorf("%s has a default customer of the generator", line.Body)
		}
	}
}

func TestProducerReadsTheFileLineByLine(t *testing.T) {
	r, err := file.NewReader(bytes.NewReader(examples.Customers), file.Options{})
	if err != nil || r.Head().Format != file.NDJSON {
		t.Fatalf("%v, %v", r.Head().Format, err)
	}
	for i, line := range customers.Lines() {
		got, err := r.Next()
		if err != nil || !bytes.Equal(got.Body, line.Body) || got.Number != i+1 {
			t.Fatalf("line %d is %s (%v), want %s", got.Number, got.Body, err, line.Body)
		}
	}
	if _, err := r.Next(); !errors.Is(err, io.EOF) || r.Blank() != 0 {
		t.Errorf("after the last line: %v, %d blank lines", err, r.Blank())
	}
}

func TestCSVHasValidRecordsOnly(t *testing.T) {
	r, err := file.NewReader(bytes.NewReader(examples.CustomersCSV), file.Options{})
	if err != nil || r.Head().Format != file.CSV {
		t.Fatalf("%v, %v", r.Head().Format, err)
	}
	rows := 0
	for ; ; rows++ {
		line, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, outcome, reason := judge(line.Body); outcome != record.Ingested {
			t.Errorf("line %d: %s: %s", line.Number, line.Body, reason)
		}
		if !strings.Contains(string(line.Body), `"city":"`) {
			t.Errorf("line %d has no city: %s", line.Number, line.Body)
		}
	}
	if rows != 50 {
		t.Errorf("%d rows, want 50", rows)
	}
}

func TestRecordsUseNoRealDomain(t *testing.T) {
	for _, line := range customers.Lines() {
		for _, real := range []string{"example.", "gmail", "yahoo", "hotmail", "outlook", "icloud", "gmx.", "mail.ru", "qq.com"} {
			if utf8.Valid(line.Body) && strings.Contains(strings.ToLower(string(line.Body)), "@"+real) {
				t.Errorf("%s uses %s", line.Body, real)
			}
		}
	}
}
