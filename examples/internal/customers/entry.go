package customers

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"ingestion/producer/people"
)

// customer has records of different times, some with the second address.
type customer struct {
	id     string
	person people.Person
	other  string // the second address
}

func newCustomer(r *rand.Rand, n int) customer {
	p := people.Pick(r)
	local, domain, _ := strings.Cut(p.Email, "@")
	return customer{id: customerID(r, n), person: p, other: local + ".2@" + domain}
}

// customerID formats a customer's number as different systems do. The result is
// never a default customer of the generator, so that both can run together.
func customerID(r *rand.Rand, n int) string {
	switch n % 7 {
	case 0:
		return fmt.Sprintf("C-%06d", 100_000+17*n)
	case 1:
		return fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), n, r.Int64N(1<<48))
	case 2:
		return fmt.Sprintf("kunde/%d", 20_000+n)
	case 3:
		return fmt.Sprint(7_000_000 + 31*n)
	case 4:
		return fmt.Sprintf("顧客-%04d", n)
	case 5:
		return fmt.Sprintf("eu:shop-%d:%05d", 1+n%3, n)
	default:
		return fmt.Sprintf("Клиент №%d", n)
	}
}

// entry is one record before it is encoded.
type entry struct {
	customerID, name, email, createdAt string
	at                                 time.Time // the instant of createdAt
}

// entries generates n records of different instants.
func (c customer) entries(r *rand.Rand, n int) []entry {
	var all []entry
	taken := map[time.Time]bool{}
	for len(all) < n {
		at, text := moment(r)
		if taken[at] {
			continue
		}
		taken[at] = true
		email := c.person.Email
		if r.IntN(5) == 0 {
			email = c.other
		}
		all = append(all, entry{customerID: c.id, name: c.person.Name, email: email, createdAt: text, at: at})
	}
	return all
}

// respelt returns the same record, usually spelled differently: the instant in
// another time zone and form, the domain in upper case, spaces around fields that
// are trimmed.
func (e entry) respelt(r *rand.Rand) entry {
	if r.IntN(4) == 0 {
		return e
	}
	zone := time.FixedZone("", 60*one(r, zones))
	e.createdAt = e.at.In(zone).Format("2006-01-02T15:04:05.999999-07:00")
	if r.IntN(2) == 0 {
		local, domain, _ := strings.Cut(e.email, "@")
		e.email = local + "@" + strings.ToUpper(domain)
		if strings.ContainsFunc(domain, func(c rune) bool { return c > 0x7f }) {
			e.email = local + "@" + domain // upper case only for ASCII domains
		}
	}
	if r.IntN(2) == 0 {
		e.customerID, e.name = " "+e.customerID+" ", "\t"+e.name
	}
	return e
}

var zones = []int{-720, -570, -300, -210, 0, 60, 120, 210, 345, 480, 525, 765, 840}

// moment picks an instant between 1998 and 2025, and a form of ISO 8601 that
// represents it exactly.
func moment(r *rand.Rand) (time.Time, string) {
	from := time.Date(1998, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	to := time.Date(2025, 12, 31, 0, 0, 0, 0, time.UTC).Unix()
	t := time.Unix(from+r.Int64N(to-from), 1000*r.Int64N(1_000_000)).UTC()
	f := one(r, forms)
	t = t.Truncate(f.unit)
	if f.write != nil {
		return t, f.write(t)
	}
	zone := time.UTC
	if strings.Contains(f.layout, "-07") {
		zone = time.FixedZone("", 60*one(r, zones))
	}
	return t, t.In(zone).Format(f.layout)
}

type form struct {
	unit   time.Duration // precision
	layout string
	write  func(time.Time) string // instead of layout
}

const day = 24 * time.Hour

var forms = []form{
	{unit: time.Second, layout: "2006-01-02T15:04:05Z"},
	{unit: time.Second, layout: "2006-01-02T15:04:05-07:00"},
	{unit: time.Millisecond, layout: "2006-01-02T15:04:05.000Z"},
	{unit: time.Millisecond, layout: "2006-01-02T15:04:05.000-07:00"},
	{unit: time.Microsecond, layout: "2006-01-02T15:04:05.000000Z"},
	{unit: time.Microsecond, layout: "2006-01-02 15:04:05.000000-0700"},
	{unit: 100 * time.Millisecond, layout: "2006-01-02T15:04:05,0Z"},
	{unit: time.Second, layout: "2006-01-02T15:04:05"},
	{unit: time.Second, layout: "2006-01-02 15:04:05"},
	{unit: time.Second, layout: "20060102T150405Z"},
	{unit: time.Second, layout: "20060102T150405-0700"},
	{unit: time.Second, layout: "2006-01-02t15:04:05z"},
	{unit: time.Minute, layout: "2006-01-02T15:04Z"},
	{unit: time.Minute, layout: "2006-01-02T15:04-07:00"},
	{unit: time.Hour, layout: "2006-01-02T15Z"},
	{unit: day, layout: "2006-01-02"},
	{unit: day, layout: "20060102"},
	{unit: day, layout: "2006-002"},
	{unit: day, layout: "2006002"},
	{unit: day, write: func(t time.Time) string { return weekForm(t, "%04d-W%02d-%d") }},
	{unit: day, write: func(t time.Time) string { return weekForm(t, "%04dW%02d%d") }},
	{unit: day, write: func(t time.Time) string { return weekForm(t, "%04d-W%02d-%dT00:00:00Z") }},
	{unit: day, write: func(t time.Time) string { return t.AddDate(0, 0, -1).Format("2006-01-02") + "T24:00" }},
}

func weekForm(t time.Time, layout string) string {
	year, week := t.ISOWeek()
	weekday := (int(t.Weekday())+6)%7 + 1 // Monday is 1
	return fmt.Sprintf(layout, year, week, weekday)
}
