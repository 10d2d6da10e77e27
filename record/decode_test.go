package record_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ingestion/record"
)

func TestDecodeReturnsTheStoredForm(t *testing.T) {
	got := mustDecode(t, ` { "unknown" : [ { "a" : -1.5e+3 , "b" : null } , true ] , "customerId":" 42\u00a0","na\u006de":"\tAda \"L\" \ud83d\ude00\n",
		"email":"Ada@EXAMPLE.com","createdAt":"2024-01-02T05:04:05,1234567+02:00","Email":7 } `)
	want := record.Record{
		ID:         record.Identity("42", "Ada@example.com", got.CreatedAt),
		CustomerID: "42",
		Name:       `Ada "L" 😀`,
		Email:      "Ada@example.com",
		CreatedAt:  time.Date(2024, 1, 2, 3, 4, 5, 123456000, time.UTC),
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestEscapesAreResolved(t *testing.T) {
	body := strings.Replace(ordinary, "Ada Lovelace", `x\"\\\/\b\f\n\r\t\u0000\u001F\u00e9\u20aC\uD834\udd1ex`, 1)
	if got, want := mustDecode(t, body).Name, "x\"\\/\b\f\n\r\t\x00\x1fé€𝄞x"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDecodeCopiesTheBody(t *testing.T) {
	body := []byte(ordinary)
	r, err := record.Decoder{}.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	want := r
	want.CustomerID, want.Name, want.Email = strings.Clone(r.CustomerID), strings.Clone(r.Name), strings.Clone(r.Email)
	clear(body)
	if r != want {
		t.Errorf("the record changed with the body: %+v", r)
	}
}

// Violations of RFC 8259, and of the service's stricter rules.
func TestMalformedBodies(t *testing.T) {
	type malformed struct{ name, body, reason string }
	deep := func(levels int) string {
		return `{"a":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`
	}
	manyKeys := func(last string) string {
		var b strings.Builder
		for c := 'a'; c <= 'z'; c++ {
			b.WriteString(`"` + string(c) + `":0,`)
		}
		return `{` + b.String() + `"` + last + `":0}`
	}
	cases := []malformed{
		{"empty", "", "the body is empty"},
		{"blank", " \t\r\n", "the body is empty"},
		{"not JSON", "nope", "not an object"},
		{"byte order mark", "\ufeff" + ordinary, "not an object"},
		{"array", "[" + ordinary + "]", "not an object"},
		{"string", `"a"`, "not an object"},
		{"null", "null", "not an object"},
		{"number", "42", "not an object"},
		{"trailing text", ordinary + "x", "text after the object"},
		{"second object", ordinary + ordinary, "text after the object"},
		{"vertical tab after the object", "{}\v", "text after the object"},
		{"vertical tab inside", "{\v\"a\":1}", "key in quotes"},
		{"cut short", ordinary[:len(ordinary)-1], "ends too early"},
		{"cut in a string", ordinary[:len(ordinary)-5], "string does not end"},
		{"cut after a backslash", `{"a":"\`, "string does not end"},
		{"cut before a value", `{"a":`, "ends too early"},
		{"cut after a brace", `{`, "key in quotes"},
		{"cut in an array", `{"a":[1`, "ends too early"},
		{"trailing comma", `{"a":1,}`, "key in quotes"},
		{"trailing comma in an array", `{"a":[1,]}`, "a value is expected"},
		{"leading comma", `{,"a":1}`, "key in quotes"},
		{"no comma", `{"a":1 "b":2}`, "a comma or }"},
		{"no comma in an array", `{"a":[1 2]}`, "a comma or ]"},
		{"no colon", `{"a" 1}`, "a colon"},
		{"no value", `{"a":}`, "a value is expected"},
		{"bare key", `{a:1}`, "key in quotes"},
		{"single quotes", `{'a':1}`, "key in quotes"},
		{"comment", `{"a":1/**/}`, "a comma or }"},
		{"wrong brackets", `{"a":[}]`, "a value is expected"},
		{"key twice", `{"a":1,"a":1}`, "same key twice"},
		{"known key twice", `{"customerId":"1","customerId":"2"}`, "same key twice"},
		{"key twice, once escaped", `{"a":1,"\u0061":1}`, "same key twice"},
		{"key twice in a nested object", `{"x":[{"a":{"b":1,"b":2}}]}`, "same key twice"},
		{"NaN", `{"a":NaN}`, "NaN"},
		{"Infinity", `{"a":Infinity}`, "NaN"},
		{"minus Infinity", `{"a":-Infinity}`, "a digit"},
		{"True", `{"a":True}`, "a value is expected"},
		{"null misspelled", `{"a":nulx}`, "a value is expected"},
		{"true misspelled", `{"a":truX}`, "a value is expected"},
		{"false misspelled", `{"a":falsx}`, "a value is expected"},
		{"longer literal", `{"a":nulll}`, "a comma or }"},
		{"leading zero", `{"a":01}`, "a comma or }"},
		{"plus sign", `{"a":+1}`, "a value is expected"},
		{"minus alone", `{"a":-}`, "a digit"},
		{"point without integer part", `{"a":.5}`, "a value is expected"},
		{"point without digits", `{"a":1.}`, "a digit"},
		{"exponent without digits", `{"a":1e+}`, "a digit"},
		{"hexadecimal", `{"a":0x1}`, "a comma or }"},
		{"control character", "{\"a\":\"\n\"}", "control character"},
		{"last control character", "{\"a\":\"\x1f\"}", "control character"},
		{"unknown escape", `{"a":"\x41"}`, "unknown escape"},
		{"escape of NUL", `{"a":"\0"}`, "unknown escape"},
		{"escape of a vertical tab", `{"a":"\v"}`, "unknown escape"},
		{"escape of a single quote", `{"a":"\'"}`, "unknown escape"},
		{"unicode escape in capitals", `{"a":"\U0041"}`, "unknown escape"},
		{"short unicode escape", `{"a":"\u12"}`, "four hex digits"},
		{"bad unicode escape", `{"a":"\u12G4"}`, "four hex digits"},
		{"lone high surrogate", `{"a":"\ud800"}`, "lone surrogate"},
		{"lone high surrogate and text", `{"a":"\ud800\u0041"}`, "lone surrogate"},
		{"lone low surrogate", `{"a":"\udc00"}`, "lone surrogate"},
		{"surrogates in the wrong order", `{"a":"\udc00\ud800"}`, "lone surrogate"},
		{"two high surrogates", `{"a":"\ud800\ud800\udc00"}`, "lone surrogate"},
		{"lone surrogate in a key", `{"\ud800":1}`, "lone surrogate"},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "invalid UTF-8"},
		{"overlong UTF-8", "{\"a\":\"\xc0\xaf\"}", "invalid UTF-8"},
		{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", "invalid UTF-8"},
		{"cut UTF-8", "{\"a\":\"\xc3\"}", "invalid UTF-8"},
		{"invalid UTF-8 in a key", "{\"\xff\":1}", "invalid UTF-8"},
		{"invalid UTF-8 in a known field", "{\"name\":\"\xff\"}", "invalid UTF-8"},
		{"invalid UTF-8 outside strings", "{\"a\":\xff}", "a value is expected"},
		{"nested too deeply", deep(33), "deeper than 32"},
		{"nested 10,000 levels deep", strings.Repeat(`{"a":`, 10000), "deeper than 32"},
	}
	for c := 'a'; c <= 'z'; c++ {
		cases = append(cases, malformed{"key twice among many, " + string(c), manyKeys(string(c)), "same key twice"})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := record.Decoder{}.Decode([]byte(c.body))
			if outcome(err) != record.Malformed || !strings.HasPrefix(err.Error(), "Invalid JSON: ") || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %v, want Invalid JSON for %q", err, c.reason)
			}
			if _, ok := record.PeekCustomerID([]byte(c.body)); ok {
				t.Error("PeekCustomerID accepts it")
			}
		})
	}
	for name, body := range map[string]string{
		"32 levels":            deep(32),
		"flat arrays":          `{"a":[[]` + strings.Repeat(`,[]`, 40) + `]}`,
		"flat objects":         `{"a":[{}` + strings.Repeat(`,{}`, 40) + `]}`,
		"many keys":            manyKeys("A"),
		"key case":             `{"a":1,"A":2}`,
		"same key in siblings": `{"x":{"a":1},"y":{"a":1}}`,
		"huge number":          `{"a":[1e999,-0,-0.0E-0,123456789012345678901234567890]}`,
		"empty":                ` {} `,
		"empty name and array": `{"":{"":[ ]}}`,
		"noncharacter":         `{"a":"\uffff\u0000\/"}`,
		"raw U+FFFE":           "{\"a\":\"\ufffe\"}",
		"raw U+FFFD":           "{\"a\":\"\ufffd\"}",
	} {
		if _, err := (record.Decoder{}).Decode([]byte(body)); outcome(err) != record.Invalid {
			t.Errorf("%s: got %v, want acceptable JSON with invalid fields", name, err)
		}
	}
}

func TestMaxBytes(t *testing.T) {
	padded := func(size int) []byte { return []byte(ordinary + strings.Repeat(" ", size-len(ordinary))) }
	for _, c := range []struct {
		limit, size int
		accepted    bool
	}{
		{0, 65536, true}, {0, 65537, false},
		{200, 200, true}, {200, 201, false},
		{1 << 20, 1 << 20, true},
	} {
		_, err := record.Decoder{MaxBytes: c.limit}.Decode(padded(c.size))
		if c.accepted != (err == nil) {
			t.Errorf("limit %d, %d bytes: %v", c.limit, c.size, err)
		}
		if err != nil && outcome(err) != record.Malformed {
			t.Errorf("limit %d, %d bytes: outcome %v", c.limit, c.size, outcome(err))
		}
	}
}

func TestAllFieldErrorsAreReported(t *testing.T) {
	for _, c := range []struct{ body, reason, customerID string }{
		{`{}`, "customerId: missing; name: missing; email: missing; createdAt: missing", ""},
		{`{"customerId":7,"name":null,"email":[],"createdAt":{}}`,
			"customerId: must be a string, is a number; name: must be a string, is null; email: must be a string, is an array; createdAt: must be a string, is an object", ""},
		{`{"customerId":" 7 ","name":true,"email":"a@b"}`,
			"name: must be a string, is a boolean; email: the part after @ has no dot; createdAt: missing", "7"},
		{`{"customerid":"7","Name":"A","EMAIL":"a@b.cd","createdat":"2024"}`,
			"customerId: missing; name: missing; email: missing; createdAt: missing", ""},
	} {
		_, err := record.Decoder{}.Decode([]byte(c.body))
		refusal, ok := err.(*record.Refusal)
		if !ok {
			t.Errorf("%s: %v is not a *Refusal", c.body, err)
			continue
		}
		if want := (record.Refusal{Outcome: record.Invalid, Reason: c.reason, CustomerID: c.customerID}); *refusal != want {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.body, *refusal, want)
		}
	}
}

func TestReasonsNeverQuoteTheValue(t *testing.T) {
	const secret = "Zyxwvut"
	for _, body := range []string{
		`{"customerId":"` + secret + `\u0007","name":"","email":"` + secret + `","createdAt":"` + secret + `"}`,
		`{"customerId":"1","name":"x","email":"` + secret + `@` + secret + `","createdAt":"2024-01-01` + secret + `"}`,
		`{"` + secret + `":1,"` + secret + `":2}`,
		`{"name":"` + secret + `\q"}`,
		secret,
	} {
		_, err := record.Decoder{}.Decode([]byte(body))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestPeekCustomerID(t *testing.T) {
	for _, c := range []struct {
		body, id string
		ok       bool
	}{
		{ordinary, "42", true},
		{`{"customerId":" 4\u0032 ","email":0}`, "42", true},
		{`{"customerId":" "}`, "", false},
		{`{"customerId":42}`, "", false},
		{`{"customerId":"a\u0000"}`, "", false},
		{`{"customerId":"42\n"}`, "", false},
		{`{}`, "", false},
		{`{"customerId":"42"`, "", false},
		{`{"customerId":"42","pad":"` + strings.Repeat("x", 70000) + `"}`, "42", true},
	} {
		if id, ok := record.PeekCustomerID([]byte(c.body)); id != c.id || ok != c.ok {
			t.Errorf("%.60s: got %q, %v", c.body, id, ok)
		}
	}
}

// Allocations are counted here because the count does not depend on the machine's
// load; times are measured in bench. The limits are far above the usual counts
// because sync.Pool drops items at random under the race detector.
func TestDecodeAllocations(t *testing.T) {
	for _, c := range []struct {
		name, body string
		most       float64
	}{
		{"ordinary", ordinary, 4},
		{"ten keys", `{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,` + ordinary[1:], 4},
		{"escaped", `{"customerId":"\u0034","name":"Ada \"L\"","email":"ada\u0040example.com","createdAt":"2024"}`, 8},
		{"international", `{"customerId":"ä","name":"Zoë","email":"zoë@bücher.example","createdAt":"2024"}`, 6},
		{"two international labels", `{"customerId":"1","name":"Анна","email":"user@россия.рф","createdAt":"2024"}`, 8},
	} {
		body := []byte(c.body)
		mustDecode(t, c.body)
		decode := func() { _, _ = record.Decoder{}.Decode(body) }
		allocs := testing.AllocsPerRun(100, decode)
		for range 4 { // what the pool drops differs from run to run
			allocs = min(allocs, testing.AllocsPerRun(100, decode))
		}
		if allocs > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, allocs, c.most)
		}
	}
}

// The buffer of a body is reused, which must not change what was decoded from it.
func TestResultsDoNotShareTheBody(t *testing.T) {
	const accepted = `{"customerId":" 42 ","name":"Ada Lovelace","email":"ada@example.com","createdAt":"2024-01-02T03:04:05Z"}`
	body := []byte(accepted)
	got, err := record.Decoder{}.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	peeked, _ := record.PeekCustomerID(body)
	refused := []byte(`{"customerId":"42","name":"","email":"ada@example.com","createdAt":"2024-01-02T03:04:05Z"}`)
	_, err = record.Decoder{}.Decode(refused)
	var refusal *record.Refusal
	if !errors.As(err, &refusal) {
		t.Fatalf("got %v, want a refusal", err)
	}
	for _, b := range [][]byte{body, refused} {
		for i := range b {
			b[i] = 'x'
		}
	}
	want := record.Record{
		ID:         record.Identity("42", "ada@example.com", got.CreatedAt),
		CustomerID: "42", Name: "Ada Lovelace", Email: "ada@example.com", CreatedAt: got.CreatedAt,
	}
	if got != want || peeked != "42" || refusal.CustomerID != "42" {
		t.Errorf("got %+v, peeked %q, refused %q", got, peeked, refusal.CustomerID)
	}
}

func TestExcerpt(t *testing.T) {
	for _, c := range []struct {
		body  string
		limit int
		want  string
	}{
		{"", 256, ""},
		{"abc", 256, "abc"},
		{"abc", 3, "abc"},
		{"abcd", 3, "abc"},
		{"aé", 2, "a"},
		{"aé", 3, "aé"},
		{"😀😀", 7, "😀"},
		{"a\xffb", 256, "a\ufffdb"},
		{"a\xffb", 3, "a"},
		{"\xf0\x9f\x98", 256, "\ufffd\ufffd\ufffd"},
		{"abc", 0, ""},
		{"abc", -1, ""},
		{strings.Repeat("é", 200), 256, strings.Repeat("é", 128)},
	} {
		if got := record.Excerpt([]byte(c.body), c.limit); got != c.want {
			t.Errorf("%q to %d bytes: got %q, want %q", c.body, c.limit, got, c.want)
		}
	}
}
