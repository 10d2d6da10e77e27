// Package load makes the records of a chaos run and knows what each has to
// become, by rules of its own; it sends them and witnesses what the stream holds.
package load

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"
)

// The outcomes that a bad record may have.
const (
	ParseError = "parse_error"
	Invalid    = "validation_failed"
)

// Record is one record to be sent, with what is right for it.
type Record struct {
	Number    int
	Field     string // stream field that holds the body; "data" but for one kind of bad record
	Body      string
	Fields    []string // all fields and values, where there are more
	Partition int
	Bad       string // the outcome of a bad record; empty for a good one
	Kind      string // what is wrong with a bad one

	// What is stored of a good one.
	Key  Key
	Name string
}

// Key is the natural key of a record.
type Key struct {
	CustomerID, Email string
	CreatedAt         int64 // ms since 1970
}

// EntryID names an entry of a partition's stream.
type EntryID struct {
	Partition int
	ID        string
}

// How the load is mixed: one in so many records.
const (
	oneBad      = 40
	oneRepeated = 50
	oneHot      = 25
	oneAstray   = 100 // sent to another partition than its customer's home
	// HotCustomers send more than their limit.
	HotCustomers = 12
	// perCustomer good records, and no more, come from each other customer: less
	// than any limit that a run may have.
	perCustomer = 3
)

// Make makes n records; the same seed makes the same. A repeated record goes to
// the partition of the first: entries of two partitions may have the same ID, and
// of two that hold the same record the service can't tell then which one is stored.
func Make(seed uint64, n, partitions int) []Record {
	rng := rand.New(rand.NewPCG(seed, 1))
	records := make([]Record, 0, n)
	var repeatable []int // latest good records that nothing repeats yet
	for number := range n {
		var r Record
		switch {
		case rng.IntN(oneBad) == 0:
			r = spoil(rng, number)
			r.Partition = Home(r.Key.CustomerID, partitions)
		case rng.IntN(oneRepeated) == 0 && len(repeatable) > 0:
			pick := rng.IntN(len(repeatable))
			r = repeat(rng, number, records[repeatable[pick]]) // goes where that went, too
			repeatable = append(repeatable[:pick], repeatable[pick+1:]...)
		default:
			r = good(rng, number)
			r.Partition = Home(r.Key.CustomerID, partitions)
			if rng.IntN(oneAstray) == 0 {
				r.Partition = rng.IntN(partitions)
			}
			if repeatable = append(repeatable, number); len(repeatable) > 500 {
				repeatable = repeatable[1:]
			}
		}
		records = append(records, r)
	}
	return records
}

// Home is the partition to which a customer belongs.
func Home(customerID string, partitions int) int {
	if partitions <= 1 || customerID == "" {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(customerID))
	return int(h.Sum32() % uint32(partitions))
}

// Hot is the name of a customer that sends more than its limit.
func Hot(k int) string { return fmt.Sprintf("hot-%d", k) }

// epoch is when the first record was created; each is a second younger than the
// one before, so that no two have the same key.
var epoch = time.Date(2019, 5, 6, 7, 8, 9, 123e6, time.UTC)

var domains = []string{"kontor.de", "mail-host.org", "werft.net", "sub.lager.co.uk"}

func good(rng *rand.Rand, number int) Record {
	customer := fmt.Sprintf("customer %d", number/perCustomer)
	if rng.IntN(oneHot) == 0 {
		customer = Hot(rng.IntN(HotCustomers))
	}
	created := epoch.Add(time.Duration(number) * time.Second)
	r := Record{
		Number: number, Field: "data",
		Key:  Key{customer, fmt.Sprintf("r%d@%s", number, domains[rng.IntN(len(domains))]), created.UnixMilli()},
		Name: fmt.Sprintf("Åsa Öberg %d", number),
	}
	r.Body = spell(rng, r)
	return r
}

// repeat is a record again, in other words and perhaps with another name.
func repeat(rng *rand.Rand, number int, first Record) Record {
	r := first
	r.Number = number
	if rng.IntN(2) == 0 {
		r.Name = fmt.Sprintf("Åsa Berg %d", number)
	}
	// A field that is ignored, so that no two bodies are the same.
	r.Body = strings.Replace(spell(rng, r), "{", fmt.Sprintf(`{"again":%d,`, number), 1)
	return r
}

// spell writes the body, in one of many ways that mean the same.
func spell(rng *rand.Rand, r Record) string {
	user, domain, _ := strings.Cut(r.Key.Email, "@")
	if rng.IntN(4) == 0 {
		domain = strings.ToUpper(domain)
	}
	customer := r.Key.CustomerID
	if rng.IntN(8) == 0 {
		customer = "  " + customer + " "
	}
	created := time.UnixMilli(r.Key.CreatedAt).UTC()
	spelled := []string{
		created.Format("2006-01-02T15:04:05.000Z"),
		created.Format("2006-01-02 15:04:05.000"),
		created.In(time.FixedZone("", -(3*3600 + 30*60))).Format("2006-01-02T15:04:05.000000-07:00"),
		created.Format("20060102T150405,000Z"),
	}[rng.IntN(4)]
	return fmt.Sprintf(`{"customerId":%q,"name":%q,"email":"%s@%s","createdAt":%q}`, customer, r.Name, user, domain, spelled)
}
