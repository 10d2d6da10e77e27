package mapping_test

import (
	"encoding/json"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"ingestion/producer/mapping"
	"ingestion/record"
)

func TestObjects(t *testing.T) {
	nested := fields("customerId", "$.user.id", "name", "$.user.first+' '+$.user.last", "email", "$.user.emails[1].value")
	for what, c := range map[string]struct {
		options    mapping.Options
		body, want string
	}{
		"nothing is mapped": {
			body: ` {"Email": 1, "Email":2`,
			want: ` {"Email": 1, "Email":2`,
		},
		"paths": {
			options: mapping.Options{Fields: nested},
			body:    `{"user":{"id":"42","first":"Ada","last":"Lovelace","emails":[{"value":"x"},{"value":"a@b.co"}]}, "createdAt":"2024", "plan" : {"a":[1, 2]}}`,
			want:    `{"customerId":"42","name":"Ada Lovelace","email":"a@b.co","user":{"id":"42","first":"Ada","last":"Lovelace","emails":[{"value":"x"},{"value":"a@b.co"}]},"createdAt":"2024","plan":{"a":[1, 2]}}`,
		},
		"names": {
			options: mapping.Options{Fields: fields("customerId", "id", "name", `"first name"+" "+last`)},
			body:    `{"id":"42","first name":" Ada","last":"Lovelace","email":"a@b.co","createdAt":"2024"}`,
			want:    `{"customerId":"42","name":"Ada Lovelace","email":"a@b.co","createdAt":"2024"}`,
		},
		"numbers become strings as they are written": {
			options: mapping.Options{Fields: fields("customerId", "id")},
			body:    `{"id":12345678901234567890,"name":7}`,
			want:    `{"customerId":"12345678901234567890","name":7}`,
		},
		"no value": {
			options: mapping.Options{Fields: nested},
			body:    `{"user":{"id":null,"last":"Lovelace","emails":[]},"email":"x"}`,
			want:    `{"name":"Lovelace","user":{"id":null,"last":"Lovelace","emails":[]},"email (2)":"x"}`,
		},
		"paths that lead nowhere": {
			options: mapping.Options{Fields: fields("customerId", "$[0]+$.a.b", "name", "$.a[0]", "email", "$.o[0]", "createdAt", "$.l.x")},
			body:    `{"":"e","a":"b","l":["x","y"],"o":{"x":"y"}}`,
			want:    `{"":"e","a":"b","l":["x","y"],"o":{"x":"y"}}`,
		},
		"a member with the name of a field that is mapped": {
			options: mapping.Options{Fields: fields("name", "$.user.name")},
			body:    `{"name":"adal","name (2)":"x","user":{"name":"Ada"}}`,
			want:    `{"name":"Ada","name (3)":"adal","name (2)":"x","user":{"name":"Ada"}}`,
		},
		"escapes": {
			options: mapping.Options{Fields: fields("name", "$.user.n\u00e4me", "email", "mail")},
			body:    `{"user":{"n\u00e4me":"A\"d\\a\n\ud83d\ude00"},"m\u0061il":"a@b.co","t\u00fcr":"\u00e4"}`,
			want:    `{"name":"A\"d\\a\u000a😀","email":"a@b.co","user":{"n\u00e4me":"A\"d\\a\n\ud83d\ude00"},"t\u00fcr":"\u00e4"}`,
		},
		"a time": {
			options: mapping.Options{TimeFormat: "unix"},
			body:    `{"createdAt":1706702400,"name":"Ada"}`,
			want:    `{"createdAt":"2024-01-31T12:00:00Z","name":"Ada"}`,
		},
		"no time": {
			options: mapping.Options{TimeFormat: "unix"},
			body:    `{"name":"Ada"}`,
			want:    `{"name":"Ada"}`,
		},
		"a date for all": {
			options: mapping.Options{Fields: fields("createdAt", "'2024-01-31'")},
			body:    `{"name":"Ada","createdAt":"2020"}`,
			want:    `{"createdAt":"2024-01-31","name":"Ada","createdAt (2)":"2020"}`,
		},
		"a preset": {
			options: mapping.Options{Preset: "shopify", Fields: fields("createdAt", "'2024-01-31'")},
			body:    `{"Customer ID":"'42","First Name":"Ada","Last Name":"","Email":"a@b.co"}`,
			want:    `{"customerId":"42","name":"Ada","email":"a@b.co","createdAt":"2024-01-31"}`,
		},
		"nothing at all": {
			options: mapping.Options{Fields: nested}, body: `{ }`, want: `{}`,
		},
	} {
		m, err := mapping.New(c.options)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Object([]byte(c.body))
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got\n%s, %v, want\n%s", what, got, err, c.want)
		}
	}
}

// What is not one JSON object is returned unchanged.
func TestOtherBodies(t *testing.T) {
	m, err := mapping.New(mapping.Options{Fields: fields("customerId", "id"), TimeFormat: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"", " ", "[]", `"x"`, `{"id":1`, `{"id"}`, `{"id":}`, `{"id":1}x`, `{"id":1}{}`, `{"id":1,"id":2}`, "{\"id\":\"\xff\"}", `{"id":"\ud800"}`, `{id:1}`, `{"id":1,}`} {
		if got, err := m.Object([]byte(body)); err != nil || string(got) != body {
			t.Errorf("%s: got %s, %v", body, got, err)
		}
	}
}

func TestObjectFaults(t *testing.T) {
	for want, c := range map[string]struct {
		options mapping.Options
		body    string
	}{
		"email: $.user is an object, not a string or a number":                     {mapping.Options{Fields: fields("email", "$.user")}, `{"user":{}}`},
		"email: $.a.b is an array, not a string or a number":                       {mapping.Options{Fields: fields("email", "$.a.b")}, `{"a":{"b":[]}}`},
		`name: $["is it"] is a boolean, not a string or a number`:                  {mapping.Options{Fields: fields("name", "is it")}, `{"is it":true}`},
		"name: 'x' would be the same in all records; only createdAt may be":        {mapping.Options{Fields: fields("name", "'x'")}, `{}`},
		`createdAt: "2024x" is not milliseconds since 1970, such as 1706702400000`: {mapping.Options{TimeFormat: "unix-ms"}, `{"createdAt":"2024x"}`},
		"createdAt: blank": {mapping.Options{TimeFormat: "unix"}, `{"createdAt":""}`},
	} {
		m, err := mapping.New(c.options)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Object([]byte(c.body))
		var fault *mapping.Error
		if !errors.As(err, &fault) || err.Error() != want || fault.Column != 0 {
			t.Errorf("%s: got\n%v, want\n%s", c.body, err, want)
		}
	}
}

// A path finds what it leads to, in objects of any shape.
func TestPathsFindTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := texts.Filter(func(s string) bool { return s != "" }).Draw(t, "value")
		var v any = want
		path := ""
		for range rapid.IntRange(0, 5).Draw(t, "depth") {
			if rapid.Bool().Draw(t, "array") {
				list := rapid.SliceOfN(rapid.Just[any](0), 0, 3).Draw(t, "elements")
				path = "[" + string(rune('0'+len(list))) + "]" + path
				v = append(append(list, v), 1)
				continue
			}
			name := names.Draw(t, "name")
			path = `["` + doubled(name) + `"]` + path
			v = map[string]any{name: v, "other": []any{}, "another": map[string]any{name: 1}}
		}
		body, err := json.Marshal(map[string]any{"root": v, "beside": 1})
		if err != nil {
			t.Fatal(err)
		}
		m, err := mapping.New(mapping.Options{Fields: fields("customerId", "$.root"+path)})
		if err != nil {
			t.Fatal(err)
		}
		mapped, err := m.Object(body)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(mapped, &got); err != nil || got["customerId"] != want {
			t.Fatalf("%s of %s: got %s, %v, want %q", path, body, mapped, err, want)
		}
	})
}

func doubled(s string) (out string) {
	for _, r := range s {
		if r == '"' {
			out += `"`
		}
		out += string(r)
	}
	return out
}

// Whatever the worker can read, it can still read when it is mapped.
func FuzzObject(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"id":1}`, `{"id":7,"customerId":{"a":[1]},"customerId (2)":2}`, `{"user":{"mail":"a@b.co"},"name":"A","first":" ","last":"\u0000"}`,
		`{"createdAt":1706702400,"\u0069d":"\ud83d\ude00"}`, ` {"first":"a" , "x" : [ {} ] } `,
	} {
		f.Add([]byte(s))
	}
	m, err := mapping.New(mapping.Options{
		Fields:     fields("customerId", "id", "name", "first+ +last", "email", "$.user.mail"),
		TimeFormat: "unix",
	})
	if err != nil {
		f.Fatal(err)
	}
	malformed := func(body []byte) bool {
		_, err := (&record.Decoder{MaxBytes: 1 << 30}).Decode(body)
		var refusal *record.Refusal
		return errors.As(err, &refusal) && refusal.Outcome == record.Malformed
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		mapped, err := m.Object(body)
		if err == nil && !malformed(body) && malformed(mapped) {
			t.Fatalf("%s becomes %s", body, mapped)
		}
	})
}
