package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// person is a customer record by its parts, and its spelling.
type person struct {
	customerID, name string
	mailbox, domain  string // the domain as it is stored: in lower case
	createdAt        time.Time
}

var (
	firstNames = []string{"Ada", "Łukasz", "Zoë", "José", "Søren", "Ngọc", "Björk", "Олена", "美咲", "محمد", "अदिति", "D'Arcy"}
	lastNames  = []string{"Lovelace", "Żółć", "Ó Briain", "Müller", "Nguyễn", "Ковальчук", "山田", "الفاسي", "van den Berg", "Smith-Jones"}
	domains    = []string{"nordwind.de", "mail.kontor.co.uk", "post.sakura.jp", "correo.com.mx", "a-b.io"}
)

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// newPerson returns a record whose natural key no other number has.
func newPerson(rng *rand.Rand, customerID string, number int) person {
	start := time.Date(2019, time.January, 1, 0, 0, 0, 0, time.UTC)
	precision := pick(rng, []time.Duration{time.Second, time.Millisecond, time.Microsecond})
	return person{
		customerID: customerID,
		name:       pick(rng, firstNames) + " " + pick(rng, lastNames),
		mailbox:    fmt.Sprintf("%s.%d", pick(rng, []string{"ada", "J.Doe", "info+crm", "o'neil", "x_1"}), number),
		domain:     pick(rng, domains),
		createdAt:  start.Add(time.Duration(rng.Int64N(int64(5 * 365 * 24 * time.Hour)))).Truncate(precision),
	}
}

func (p person) email() string { return p.mailbox + "@" + p.domain }

// identity returns the document's _id by its published definition. No part has
// a character that needs escaping.
func (p person) identity() string {
	at := p.createdAt.Format("2006-01-02T15:04:05.000000")
	at = strings.TrimSuffix(strings.TrimRight(at, "0"), ".") + "Z"
	if p.createdAt.Nanosecond() == 0 {
		at = p.createdAt.Format("2006-01-02T15:04:05Z")
	}
	sum := sha256.Sum256([]byte(p.customerID + "|" + p.email() + "|" + at))
	return hex.EncodeToString(sum[:])
}

// body writes the record in one of many equivalent ways.
func (p person) body(rng *rand.Rand) string {
	fields := []string{
		`"customerId":` + quote(pad(rng, p.customerID)),
		`"name":` + quote(pad(rng, p.name)),
		`"email": ` + quote(p.mailbox+"@"+pick(rng, []string{p.domain, strings.ToUpper(p.domain)})),
		`"createdAt":` + quote(writeTime(rng, p.createdAt)),
	}
	if rng.IntN(4) == 0 {
		fields = append(fields, `"tags":["x",{"y":null}]`)
	}
	rng.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	return "{" + strings.Join(fields, pick(rng, []string{",", ", ", ",\n\t"})) + "}"
}

func pad(rng *rand.Rand, s string) string {
	if rng.IntN(10) == 0 {
		return "  " + s + " "
	}
	return s
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// writeTime writes an instant in one of the forms of ISO 8601.
func writeTime(rng *rand.Rand, t time.Time) string {
	switch rng.IntN(4) {
	case 0:
		return t.Format("2006-01-02T15:04:05.000000")
	case 1:
		return t.In(time.FixedZone("", 5*3600+30*60)).Format("2006-01-02T15:04:05.999999-07:00")
	case 2:
		return strings.ReplaceAll(t.Format("20060102T150405.000000Z"), ".", ",")
	default:
		return t.Format("2006-01-02T15:04:05.999999Z")
	}
}

// The outcomes, as named in the log.
const (
	ingested    = "ingested"
	duplicate   = "duplicate"
	parseError  = "parse_error"
	invalid     = "validation_failed"
	rateLimited = "rate_limited"
)

// badRecord returns a bad record of the kind that number selects.
func badRecord(number int) sent {
	if number%2 == 0 {
		return sent{body: unparsableBody(number/2, number), events: []string{parseError}}
	}
	return invalidRecord(number/2, number)
}

func unparsableBody(kind, number int) string {
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

// invalidRecord returns a record that parses but has invalid fields.
func invalidRecord(kind, number int) sent {
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
