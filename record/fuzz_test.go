package record_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"ingestion/record"
)

// The seeds of the fuzz tests are in testdata/fuzz.

// stable checks that decoding the stored form of a record returns the same record.
func stable(t *testing.T, r record.Record) {
	t.Helper()
	again, err := decodeAll(r.CustomerID, r.Name, r.Email, record.FormatTime(r.CreatedAt))
	if err != nil {
		t.Fatalf("%+v is refused when decoded again: %v", r, err)
	}
	if again != r {
		t.Fatalf("%+v becomes %+v when decoded again", r, again)
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
		checkVerdict(t, body, err)
		if err == nil {
			if !peeked || id != r.CustomerID {
				t.Fatalf("peeked at %q, %v; decoded %q", id, peeked, r.CustomerID)
			}
			checkFields(t, body, r)
			stable(t, r)
		}
	})
}

// checkVerdict compares the result of decoding a body with encoding/json: a body
// that it refuses must be malformed, and any other exactly if the oracle finds a
// fault.
func checkVerdict(t *testing.T, body []byte, err error) {
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
			t.Fatalf("not JSON in UTF-8, but %v", err)
		}
		return
	}
	reasons := consult(t, body).reasons()
	if malformed != (len(reasons) > 0) {
		t.Fatalf("%v; the oracle's faults are %q", err, reasons)
	}
	if malformed && !slices.ContainsFunc(reasons, func(reason string) bool { return strings.HasPrefix(why, reason) }) {
		t.Fatalf("%v; the oracle's faults are %q", err, reasons)
	}
}

// checkFields compares a record with the fields that encoding/json decodes.
func checkFields(t *testing.T, body []byte, r record.Record) {
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
		t.Fatalf("decoded without escapes it is %+v, %v, want %+v", plain, err, r)
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
			t.Fatalf("%+q becomes %+q, %v with the domain in upper case", address, louder.Email, err)
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

// oracle decodes a body with encoding/json and finds what that accepts but the
// service refuses.
type oracle struct {
	tokens       *json.Decoder
	depth        int
	twice, deep  bool
	lone, object bool
	large        bool
}

// consult examines a body that is valid JSON and UTF-8.
func consult(t *testing.T, body []byte) *oracle {
	t.Helper()
	o := &oracle{tokens: json.NewDecoder(bytes.NewReader(body)), large: len(body) > 65536}
	o.tokens.UseNumber()
	o.object = bytes.TrimLeft(body, " \t\r\n")[0] == '{'
	for _, escape := range escapes.FindAll(body, -1) {
		o.lone = o.lone || loneSurrogate.Match(escape)
	}
	o.value(t)
	return o
}

// In JSON a backslash always begins an escape. A surrogate pair counts as one.
var (
	escapes       = regexp.MustCompile(`\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.`)
	loneSurrogate = regexp.MustCompile(`^\\u[dD][89a-fA-F]..$`)
)

func (o *oracle) next(t *testing.T) json.Token {
	t.Helper()
	token, err := o.tokens.Token()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// value reads one value, including nested ones.
func (o *oracle) value(t *testing.T) {
	t.Helper()
	begin, nested := o.next(t).(json.Delim)
	if !nested {
		return
	}
	o.depth++
	o.deep = o.deep || o.depth > 32
	keys := map[json.Token]bool{}
	for o.tokens.More() {
		if begin == '{' {
			key := o.next(t)
			o.twice = o.twice || keys[key]
			keys[key] = true
		}
		o.value(t)
	}
	o.next(t)
	o.depth--
}

// reasons returns the beginnings of all acceptable reasons to refuse the body. If
// there are none, the body must be accepted.
func (o *oracle) reasons() (all []string) {
	for reason, holds := range map[string]bool{
		"the same key twice in one object": o.twice,
		"nested deeper than 32 levels":     o.deep,
		"a lone surrogate escape":          o.lone,
		"the body is not an object":        !o.object,
		"larger than 65536 bytes":          o.large,
	} {
		if holds {
			all = append(all, reason)
		}
	}
	return all
}
