package load

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// bad makes a bad record. Its expected outcome follows from how it was made, not
// from validating it.
func bad(rng *rand.Rand, number int) Record {
	whole := fmt.Sprintf(`{"customerId":"bad-%d","name":"Ada","email":"b%d@kontor.de","createdAt":"2024-01-02T03:04:05Z"}`, number, number)
	with := func(field, value string) string {
		from := strings.Index(whole, `"`+field+`":`) + len(field) + 3
		to := from + strings.IndexAny(whole[from:], ",}")
		return whole[:from] + value + whole[to:]
	}
	kinds := []struct{ kind, outcome, body string }{
		{"cut off", ParseError, whole[:20+len(fmt.Sprint(number))]},
		{"not JSON", ParseError, fmt.Sprintf("record %d, but not JSON", number)},
		{"an array", ParseError, "[" + whole + "]"},
		{"trailing text", ParseError, whole + "}"},
		{"two records", ParseError, whole + "\n" + whole},
		{"invalid UTF-8", ParseError, with("name", "\"A\xc3\x28\"")},
		{"duplicate key", ParseError, strings.Replace(whole, `"name"`, `"email"`, 1)},
		{"NaN", ParseError, with("name", "NaN")},
		{"too deep", ParseError, with("name", strings.Repeat("[", 33)+strings.Repeat("]", 33))},
		{"too large", ParseError, with("name", `"`+strings.Repeat("A", 66_000)+`"`)},
		{"customerId is a number", Invalid, with("customerId", fmt.Sprint(number))},
		{"customerId is blank", Invalid, strings.Replace(whole, fmt.Sprintf("bad-%d", number), "  ", 1)},
		{"no name", Invalid, strings.Replace(whole, `"name":"Ada",`, "", 1)},
		{"name is null", Invalid, with("name", "null")},
		{"email without @", Invalid, strings.Replace(whole, "@", ".", 1)},
		{"email domain without dot", Invalid, strings.Replace(whole, "@kontor.de", "@kontor", 1)},
		{"email with two @", Invalid, strings.Replace(whole, "@", "@@", 1)},
		{"nonexistent day", Invalid, strings.Replace(whole, "2024-01-02", "2023-02-29", 1)},
		{"createdAt is a number", Invalid, with("createdAt", "1700000000")},
		{"field name in another case", Invalid, strings.Replace(whole, `"createdAt"`, `"CreatedAt"`, 1)},
	}
	pick := rng.IntN(len(kinds) + 1)
	if pick == len(kinds) {
		return Record{Number: number, Field: "body", Body: whole, Bad: ParseError, Kind: "no data field"}
	}
	k := kinds[pick]
	return Record{Number: number, Field: "data", Body: k.body, Bad: k.outcome, Kind: k.kind}
}
