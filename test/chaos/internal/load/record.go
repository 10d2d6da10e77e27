// Package load makes the records of a chaos run, each with its expected outcome,
// sends them and observes the streams. It shares no code with the service.
package load

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"time"
)

// Outcomes of bad records.
const (
	ParseError = "parse_error"
	Invalid    = "validation_failed"
)

// Record is a record to send, with its expected outcome.
type Record struct {
	Number    int
	Field     string // stream field that holds the body; "data", except in some bad records
	Body      string
	Fields    []string // all fields and values, if there are more than one
	Partition int
	Bad       string // outcome of a bad record; empty for a good one
	Kind      string // what is wrong with a bad one

	// The stored document of a good record.
	Key  Key
	Name string
}

// Key is the natural key of a record.
type Key struct {
	CustomerID, Email string
	CreatedAt         int64 // ms since 1970
}

// EntryID identifies an entry of a partition's stream.
type EntryID struct {
	Partition int
	ID        string
}

// The mix of the load: one in N records.
const (
	oneBad      = 40
	oneRepeated = 50
	oneHot      = 25
	oneAstray   = 100 // may go to another partition than its customer's home
	// HotCustomers exceed their limit.
	HotCustomers = 12
	// perCustomer is how many good records each other customer sends: fewer than
	// the limit of any run.
	perCustomer = 3
)

// Make returns n records; the same seed makes the same records. A repeated record
// goes to the partition of the first one: entries of two partitions may have the
// same ID, and if both held the same record, the service could not tell which of
// them is stored.
func Make(seed uint64, n, partitions int) []Record {
	rng := rand.New(rand.NewPCG(seed, 1))
	records := make([]Record, 0, n)
	var repeatable []int // recent good records not repeated yet
	for number := range n {
		var r Record
		switch {
		case rng.IntN(oneBad) == 0:
			r = bad(rng, number)
			r.Partition = Home(r.Key.CustomerID, partitions)
		case rng.IntN(oneRepeated) == 0 && len(repeatable) > 0:
			pick := rng.IntN(len(repeatable))
			r = repeat(rng, number, records[repeatable[pick]]) // same partition
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

// Home returns the partition to which a customer belongs.
func Home(customerID string, partitions int) int {
	if partitions <= 1 || customerID == "" {
		return 0
	}
	h := fnv.New32a()
	h.Write([]byte(customerID))
	return int(h.Sum32() % uint32(partitions))
}

// Hot returns the ID of a customer that exceeds its limit.
func Hot(k int) string { return fmt.Sprintf("hot-%d", k) }

// epoch is the creation time of the first record. Each record is a second younger
// than the one before, so that keys are unique.
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

// repeat returns a record again, spelled differently and perhaps with another name.
func repeat(rng *rand.Rand, number int, first Record) Record {
	r := first
	r.Number = number
	if rng.IntN(2) == 0 {
		r.Name = fmt.Sprintf("Åsa Berg %d", number)
	}
	// The field is ignored; it makes the body unique.
	r.Body = strings.Replace(spell(rng, r), "{", fmt.Sprintf(`{"again":%d,`, number), 1)
	return r
}

// spell writes the body in one of many equivalent ways.
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
