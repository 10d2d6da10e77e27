package letters_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ingestion/internal/letters"
	"ingestion/streams"
)

func object(t *testing.T, members []letters.Member) string {
	t.Helper()
	text, err := letters.Object(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMasked(t *testing.T) {
	for body, want := range map[string]string{
		`{"customerId":"42","name":"Ada Lovelace","email":"ada@lovelace.org","createdAt":"2026-01-31T12:00:00Z"}`: `{"customerId":"42","name":"A***","email":"a***@lovelace.org","createdAt":"2026-01-31T12:00:00Z"}`,
		` { "customerId" : 42, "name":null, "email":true, "createdAt":1e3 } `:                                     `{"customerId":42,"name":null,"email":true,"createdAt":"***"}`,
		`{"Email":"ada@b.co","phone":12345,"tags":["Ada"],"home":{"city":"X"}}`:                                   `{"Email":"a***","phone":"***","tags":"***","home":"***"}`,
		`{"createdAt":"ada@b.co","email":"a@b@c.de","name":" "}`:                                                  `{"createdAt":"a***","email":"a***@c.de","name":" "}`,
		`{"name":"A","name":"Žofie"}`:                                                                             `{"name":"A***","name":"Ž***"}`,
		`{"name":"\u0041da","email":"x"}`:                                                                         `{"name":"A***","email":"x***"}`,
		"{\"name\":\"\xff\xfe\",\"b\":{}}":                                                                        "{\"name\":\"\ufffd***\",\"b\":\"***\"}",
		`{"email":"a@b.com John Doe"}`:                                                                            `{"email":"a***"}`,
		`{"email":"Ada Lovelace <ada@lovelace.org>"}`:                                                             `{"email":"A***"}`,
		`{"email":"ada@bücher.example"}`:                                                                          `{"email":"a***@bücher.example"}`,
		`{"secretfield@mail.example":1,"Ada Lovelace":2,"+49 30 12":3,"4930":4,"":5,"äda":6,"e-mail_2":7}`:        `{"***":"***","***":"***","***":"***","***":"***","***":"***","***":"***","e-mail_2":"***"}`,
		`{}`: `{}`,
	} {
		members, ok := letters.Masked([]byte(body))
		if got := object(t, members); !ok || got != want {
			t.Errorf("%s: %s, %v; want %s", body, got, ok, want)
		}
	}
	for _, body := range []string{"", "x", `"Ada"`, `["Ada"]`, `{"name":"Ada"`, `{"name":"Ada"}{}`, `{"name":"Ada",}`, "\xef\xbb\xbf{}"} {
		if members, ok := letters.Masked([]byte(body)); ok {
			t.Errorf("%q is masked as %s", body, object(t, members))
		}
	}
}

// A masked body has none of the words of the body's values.
func TestNothingOfAValueIsLeft(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringMatching(`[a-z]{8,12}`).Draw(t, "secret")
		name := rapid.SampledFrom([]string{"name", "email", "createdAt", "Name", "other", ""}).Draw(t, "name")
		value := rapid.SampledFrom([]string{`"%"`, `"x %"`, `["%"]`, `{"%":1}`, `"x@%@y.z"`, `"x@y.z %"`, `"x@y.z<%>"`, `"x@y.z,%_"`, `"\u0041%"`}).Draw(t, "value")
		members, ok := letters.Masked([]byte(`{"` + name + `":` + strings.ReplaceAll(value, "%", secret) + `}`))
		text, err := letters.Object(members)
		if !ok || err != nil || strings.Contains(string(text), secret) {
			t.Fatalf("%s, %v, %v", text, ok, err)
		}
	})
}

func TestWithField(t *testing.T) {
	const body = `{"customerId" : "42", "other": [1,  2], "email":"x", "email":"y", "n": 1.50}`
	for _, c := range []struct{ field, value, want string }{
		{"email", "a@b.co", `{"customerId":"42","other":[1,2],"email":"a@b.co","n":1.50}`},
		{"name", `"Ž\`, `{"customerId":"42","other":[1,2],"email":"x","email":"y","n":1.50,"name":"\"Ž\\"}`},
	} {
		got, err := letters.WithField([]byte(body), c.field, c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v; want %s", c.field, got, err, c.want)
		}
	}
	if _, err := letters.WithField([]byte("no JSON"), "email", "x"); err != letters.ErrNoObject {
		t.Error(err)
	}
	if _, err := letters.WithField([]byte("{}"), "email", "\xff"); err == nil {
		t.Error("a value that is not UTF-8 was set")
	}
}

func TestNoLine(t *testing.T) {
	for body, want := range map[string]string{
		`{"a":1}`: "", " {}": "", "no JSON": "", "\ufeff{}": "", "a\x00b": "", "a\u2028b": "",
		"": "blank", " \t": "blank", "a\nb": "lines", "a\r": "lines", "\xff": "UTF-8", strings.Repeat("x", 16<<20+1): "MiB",
	} {
		why := letters.NoLine(&letters.Letter{DeadLetter: streams.DeadLetter{Data: body}})
		if (why == "") != (want == "") || !strings.Contains(why, want) {
			t.Errorf("%.20q: %q, want %q", body, why, want)
		}
	}
}
