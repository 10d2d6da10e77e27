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

// person is a customer record by its parts, and how it is written.
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

// newPerson makes a record that no other number shares its natural key with.
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

// identity is the document's _id, from its published definition. None of the
// parts has a character that would have to be escaped.
func (p person) identity() string {
	at := p.createdAt.Format("2006-01-02T15:04:05.000000")
	at = strings.TrimSuffix(strings.TrimRight(at, "0"), ".") + "Z"
	if p.createdAt.Nanosecond() == 0 {
		at = p.createdAt.Format("2006-01-02T15:04:05Z")
	}
	sum := sha256.Sum256([]byte(p.customerID + "|" + p.email() + "|" + at))
	return hex.EncodeToString(sum[:])
}

// body writes the record in one of many ways that mean the same.
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

// writeTime writes an instant in a form of ISO 8601.
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
