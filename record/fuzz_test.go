package record_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"ingestion/record"
)

// The seeds of the fuzz tests are in testdata/fuzz.

// stable checks that the stored form of an accepted record is accepted again
// and is the same record, its _id included.
func stable(t *testing.T, r record.Record) {
	t.Helper()
	again, err := decodeAll(r.CustomerID, r.Name, r.Email, record.FormatTime(r.CreatedAt))
	if err != nil {
		t.Fatalf("%+v is refused when it comes again: %v", r, err)
	}
	if again != r {
		t.Fatalf("%+v becomes %+v when it comes again", r, again)
	}
	if len(r.ID) != 64 || r.ID != record.Identity(r.CustomerID, r.Email, r.CreatedAt) {
		t.Fatalf("the _id of %+v is not its identity", r)
	}
}

func FuzzDecode(f *testing.F) {
	f.Fuzz(func(t *testing.T, body []byte) {
		if excerpt := record.Excerpt(body, 256); len(excerpt) > 256 || !utf8.ValidString(excerpt) {
			t.Fatalf("excerpt %q", excerpt)
		}
		id, peeked := record.PeekCustomerID(body)
		r, err := record.Decoder{}.Decode(body)
		checkJudgement(t, body, err)
		if err == nil {
			if !peeked || id != r.CustomerID {
				t.Fatalf("peeked at %q, %v; decoded %q", id, peeked, r.CustomerID)
			}
			checkReading(t, body, r)
			stable(t, r)
		}
	})
}

// checkJudgement holds what became of a body, err being its refusal, against
// encoding/json's opinion: what that refuses is malformed, and of the rest
// exactly that in which the oracle finds a fault.
func checkJudgement(t *testing.T, body []byte, err error) {
	t.Helper()
	var why string
	malformed := false
	if err != nil {
		refusal, ok := err.(*record.Refusal)
		if !ok || !utf8.ValidString(refusal.Reason) {
			t.Fatalf("%#v", err)
		}
		why, malformed = strings.CutPrefix(refusal.Reason, "Invalid JSON: ")
		if malformed != (refusal.Outcome == record.Malformed) || !malformed && refusal.Outcome != record.Invalid {
			t.Fatalf("%+v", refusal)
		}
	}
	if !json.Valid(body) || !utf8.Valid(body) {
		if !malformed {
			t.Fatalf("no JSON in UTF-8, but %v", err)
		}
		return
	}
	reasons := consult(t, body).reasons()
	if malformed != (len(reasons) > 0) {
		t.Fatalf("%v; encoding/json finds it at fault for %q", err, reasons)
	}
	if malformed && !slices.ContainsFunc(reasons, func(reason string) bool { return strings.HasPrefix(why, reason) }) {
		t.Fatalf("%v; encoding/json finds it at fault for %q", err, reasons)
	}
}

// checkReading holds an accepted record against what encoding/json reads.
func checkReading(t *testing.T, body []byte, r record.Record) {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatal(err)
	}
	for field, stored := range map[string]string{"customerId": r.CustomerID, "name": r.Name} {
		if text, ok := fields[field].(string); !ok || strings.TrimSpace(text) != stored {
			t.Fatalf("%s: stored as %q, encoding/json reads %q", field, stored, fields[field])
		}
	}
	email, _ := fields["email"].(string)
	instant, _ := fields["createdAt"].(string)
	plain, err := decodeAll(r.CustomerID, r.Name, email, instant)
	if err != nil || plain != r {
		t.Fatalf("spelled plainly it is %+v, %v instead of %+v", plain, err, r)
	}
}

func FuzzEmail(f *testing.F) {
	f.Fuzz(func(t *testing.T, address string) {
		if !utf8.ValidString(address) {
			return
		}
		r, err := decodeWith("email", address)
		if err != nil {
			if outcome(err) != record.Invalid || !strings.HasPrefix(err.Error(), "email: ") {
				t.Fatalf("%+q: %v", address, err)
			}
			return
		}
		local, domain, _ := strings.Cut(r.Email, "@")
		switch {
		case len(r.Email) > 254, len(local) == 0, len(local) > 64:
			t.Fatalf("%+q is stored as %+q", address, r.Email)
		case strings.Contains(domain, "@"), !strings.Contains(domain, "."):
			t.Fatalf("%+q is stored as %+q", address, r.Email)
		case !norm.NFC.IsNormalString(r.Email), strings.ContainsAny(r.Email, " \t\r\n\"<>()[],;:\\\x00"):
			t.Fatalf("%+q is stored as %+q", address, r.Email)
		}
		before, after, _ := strings.Cut(address, "@")
		if louder, err := decodeWith("email", before+"@"+asciiUpper(after)); err != nil || louder != r {
			t.Fatalf("%+q becomes %+q, %v with the domain in capitals", address, louder.Email, err)
		}
		stable(t, r)
	})
}

func asciiUpper(s string) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			return r - 'a' + 'A'
		}
		return r
	}, s)
}

func FuzzCreatedAt(f *testing.F) {
	first, end := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := decodeWith("createdAt", text)
		if err != nil {
			if outcome(err) != record.Invalid || !strings.HasPrefix(err.Error(), "createdAt: ") {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		at := r.CreatedAt
		if at.Before(first) || !at.Before(end) || at.Location() != time.UTC || at.Nanosecond()%1000 != 0 {
			t.Fatalf("%q is read as %v", text, at)
		}
		if std, err := time.Parse(time.RFC3339Nano, text); err == nil && !std.Truncate(time.Microsecond).Equal(at) {
			t.Fatalf("%q is read as %v, by the standard library as %v", text, at, std)
		}
		stable(t, r)
	})
}
