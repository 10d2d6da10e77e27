package customers

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf16"
)

// write encodes the body: mostly plainly, sometimes with additional fields, in
// another order, or with spaces or escapes.
func (e entry) write(r *rand.Rand) []byte {
	text := plain
	if r.IntN(12) == 0 {
		text = escaped
	}
	pairs := []string{
		`"customerId"` + colon(r) + text(e.customerID),
		`"name"` + colon(r) + text(e.name),
		`"email"` + colon(r) + text(e.email),
		`"createdAt"` + colon(r) + text(e.createdAt),
	}
	if r.IntN(8) == 0 {
		pairs = append(pairs, one(r, extras))
	}
	if r.IntN(8) == 0 {
		shuffle(r, pairs)
	}
	return []byte("{" + strings.Join(pairs, one(r, []string{",", ", ", ", "})) + "}")
}

func colon(r *rand.Rand) string { return one(r, []string{":", ": ", ": "}) }

// extras are unknown fields, which the service must accept.
var extras = []string{
	`"source":"web"`, `"vip": true`, `"phone": null`, `"visits": 17`, `"balance": -12.50e1`,
	`"tags": ["newsletter", "été 2024"]`, `"address": {"city": "Łódź", "lines": ["ul. Długa 7", ""]}`,
	`"Name": "not the name"`, `"customerid": 5`, `"": ""`,
}

// plain encodes s as a JSON string, without unnecessary escapes.
func plain(s string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\t", `\t`).Replace(s) + `"`
}

// escaped is like plain, but writes everything outside ASCII as \u escapes, with
// surrogate pairs where needed.
func escaped(s string) string {
	var b strings.Builder
	for _, c := range plain(s) {
		if c < 0x80 {
			b.WriteRune(c)
			continue
		}
		for _, unit := range utf16.Encode([]rune{c}) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}
