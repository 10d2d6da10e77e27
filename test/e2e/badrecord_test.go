package e2e_test

import (
	"fmt"
	"strings"
)

// The outcomes as the log names them.
const (
	ingested    = "ingested"
	duplicate   = "duplicate"
	parseError  = "parse_error"
	invalid     = "validation_failed"
	rateLimited = "rate_limited"
)

// spoil makes a bad record of the kind that number selects.
func spoil(number int) sent {
	if number%2 == 0 {
		return sent{body: unreadable(number/2, number), events: []string{parseError}}
	}
	return unacceptable(number/2, number)
}

func unreadable(kind, number int) string {
	whole := fmt.Sprintf(`{"customerId":"bad-%d","name":"Ada","email":"a%d@kontor.de","createdAt":"2024-01-02T03:04:05Z"}`, number, number)
	bodies := []string{
		whole[:len(whole)-8],
		"this is no JSON, " + strings.Repeat("aber es ist länger als das, was das Protokoll zeigt; ", 9),
		`["` + whole[2:],
		strings.Replace(whole, `"name"`, `"customerId"`, 1),
		whole + whole,
		strings.Replace(whole, "Ada", "A\xff\xfe", 1),
		strings.Replace(whole, `"Ada"`, "NaN", 1),
		strings.Replace(whole, `"Ada"`, strings.Repeat("[", 40)+strings.Repeat("]", 40), 1),
		strings.Replace(whole, "Ada", strings.Repeat("A", 66_000), 1),
		"",
		"null",
	}
	return bodies[kind%len(bodies)]
}

// unacceptable is readable, but the fields named are at fault.
func unacceptable(kind, number int) sent {
	fields := map[string]string{
		"customerId": fmt.Sprintf(`"bad-%d"`, number),
		"name":       `"Ada"`,
		"email":      fmt.Sprintf(`"a%d@kontor.de"`, number),
		"createdAt":  `"2024-01-02T03:04:05Z"`,
	}
	faults := []map[string]string{
		{"customerId": "17"},
		{"customerId": `"   "`},
		{"name": "null"},
		{"name": `" \t "`},
		{"email": `"no-at-sign.de"`},
		{"createdAt": `"2024-02-30T00:00:00Z"`},
		{"createdAt": "1700000000"},
		{"name": "[]", "email": `"a@b@c"`, "createdAt": `"yesterday"`},
		{"customerId": "", "name": "", "email": "", "createdAt": ""},
	}[kind%9]
	s := sent{events: []string{invalid}, customerID: fmt.Sprintf("bad-%d", number)}
	var parts []string
	for _, name := range []string{"customerId", "name", "email", "createdAt"} {
		value, bad := faults[name]
		if !bad {
			value = fields[name]
		} else {
			s.faults = append(s.faults, name)
		}
		if value != "" {
			parts = append(parts, `"`+name+`":`+value)
		}
	}
	if _, bad := faults["customerId"]; bad {
		s.customerID = ""
	}
	s.body = "{" + strings.Join(parts, ",") + "}"
	return s
}
