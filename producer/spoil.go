package producer

import (
	"math/rand/v2"
	"strings"

	"ingestion/record"
)

// A spoiler makes a valid record invalid. What it must lead to is stated here, by
// the rules for records, not taken from the decoder.
type spoiler struct {
	want    record.Outcome
	noOwner bool // the body has no valid customerId
	apply   func(r *rand.Rand, f fields) []byte
}

func spoil(r *rand.Rand, good fields) Generated {
	s := spoilers[r.IntN(len(spoilers))]
	g := Generated{Body: s.apply(r, good), Want: s.want}
	if s.want == record.Invalid && !s.noOwner {
		g.CustomerID = good.customerID
	}
	return g
}

var spoilers = []spoiler{
	// Bodies that are not acceptable JSON.
	{want: record.Malformed, apply: func(r *rand.Rand, f fields) []byte {
		whole := f.json()
		return whole[:1+r.IntN(len(whole)-1)] // truncated, but with the first brace
	}},
	{want: record.Malformed, apply: func(_ *rand.Rand, f fields) []byte { return []byte("[" + string(f.json()) + "]") }},
	{want: record.Malformed, apply: func(_ *rand.Rand, f fields) []byte { return []byte(quote(f.name)) }},
	{want: record.Malformed, apply: func(_ *rand.Rand, f fields) []byte {
		return []byte(strings.Join([]string{f.customerID, f.name, f.email, f.createdAt}, ";"))
	}},
	{want: record.Malformed, apply: func(_ *rand.Rand, f fields) []byte { return append(f.json(), " -- end"...) }},
	{want: record.Malformed, apply: func(_ *rand.Rand, f fields) []byte { return append(f.json(), f.json()...) }},
	{want: record.Malformed, apply: func(r *rand.Rand, f fields) []byte {
		return with(f, pickString(r, "customerId", "name", "email", "createdAt"), quote(f.name)) // a key twice
	}},
	{want: record.Malformed, apply: func(r *rand.Rand, f fields) []byte {
		return with(f, "balance", pickString(r, "NaN", "Infinity", "012", "1.", "+1", "0x1F", "None", "undefined"))
	}},
	{want: record.Malformed, apply: func(_ *rand.Rand, f fields) []byte {
		return []byte(strings.ReplaceAll(string(f.json()), `"`, `'`))
	}},
	{want: record.Malformed, apply: func(_ *rand.Rand, f fields) []byte {
		return with(f, "tags", strings.Repeat("[", 40)+strings.Repeat("]", 40))
	}},
	{want: record.Malformed, apply: func(_ *rand.Rand, f fields) []byte {
		return with(f, "city", "\"M\xfcnchen\"") // Latin-1
	}},

	// Fields that break a rule.
	{want: record.Invalid, noOwner: true, apply: func(r *rand.Rand, f fields) []byte {
		return replaced(f, "customerId", pickString(r, "17", "null", "true", `["17"]`, `{"id":"17"}`, `""`, `"  "`, `"\u0000"`, `"a\u0007b"`, quote(strings.Repeat("9", 257))))
	}},
	{want: record.Invalid, noOwner: true, apply: func(r *rand.Rand, f fields) []byte {
		return renamed(f, "customerId", pickString(r, "", "customerID", "customer_id", "CustomerId"))
	}},
	{want: record.Invalid, apply: func(r *rand.Rand, f fields) []byte {
		return renamed(f, pickString(r, "name", "email", "createdAt"), "")
	}},
	{want: record.Invalid, apply: func(r *rand.Rand, f fields) []byte {
		return replaced(f, pickString(r, "name", "email", "createdAt"), pickString(r, "null", "0", "false", "[]", "{}"))
	}},
	{want: record.Invalid, apply: func(r *rand.Rand, f fields) []byte {
		return replaced(f, "name", pickString(r, `""`, `"   "`, `"\t\n"`, quote(strings.Repeat("long ", 300))))
	}},
	{want: record.Invalid, apply: func(r *rand.Rand, f fields) []byte {
		return replaced(f, "email", quote(badEmail(r, f.email)))
	}},
	{want: record.Invalid, apply: func(r *rand.Rand, f fields) []byte {
		return replaced(f, "createdAt", quote(badTime(r, f.createdAt)))
	}},
	{want: record.Invalid, apply: func(r *rand.Rand, f fields) []byte {
		f.name, f.email, f.createdAt = " ", badEmail(r, f.email), badTime(r, f.createdAt)
		return f.json()
	}},
}

func badEmail(r *rand.Rand, good string) string {
	local, domain, _ := strings.Cut(good, "@")
	return pickString(r,
		local, "@"+domain, local+"@", local+"@"+local+"@"+domain, local+"@localhost",
		local+" @"+domain, "."+local+"@"+domain, local+".@"+domain, local+"..x@"+domain,
		local+"@-"+domain, local+"@"+strings.Replace(domain, ".", "..", 1), local+"@mail.invalid", local+"@[192.0.2.7]",
		"Contact <"+good+">", `"`+local+`"@`+domain, strings.Repeat("x", 65)+"@"+domain, "mailto:"+good, "n/a", "")
}

func badTime(r *rand.Rand, good string) string {
	return pickString(r,
		"yesterday", "", "2024-02-30T10:00:00Z", "2023-02-29", "2024-13-01T00:00:00Z", "2024-01-01T25:00:00Z",
		"2024-01-01T10:61:00Z", "01/02/2024 10:00", "1704103200", "2024-01-01T10:00:00+25:00", "2024-1-1T1:2:3Z", "0000-01-01T00:00:00Z",
		"2024-W54-1", "2024-01-01_10:00:00", good+" CET")
}

// with returns a record with an additional member.
func with(f fields, key, value string) []byte {
	body := f.json()
	return append(body[:len(body)-1], (`,` + quote(key) + `:` + value + `}`)...)
}

// replaced returns a record with another JSON value for a key.
func replaced(f fields, key, value string) []byte {
	return edited(f, key, key, value)
}

// renamed returns a record with another name for a key, or without it if to is
// empty.
func renamed(f fields, key, to string) []byte {
	return edited(f, key, to, "")
}

func edited(f fields, key, to, value string) []byte {
	var pairs []string
	for _, p := range [][2]string{{"customerId", f.customerID}, {"name", f.name}, {"email", f.email}, {"createdAt", f.createdAt}} {
		name, v := p[0], quote(p[1])
		if name == key {
			name = to
			if value != "" {
				v = value
			}
		}
		if name != "" {
			pairs = append(pairs, name, v)
		}
	}
	return object(pairs...)
}

func pickString(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }
