package load

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Fields that the service adds to an entry that it puts back, in this and in an
// older version. Set by a producer they must have no effect.
const (
	originField  = "ingestion:origin"
	admitAtField = "ingestion:admitAt"
	oldOrigin    = "origin"
	oldAdmitAt   = "admitAt"
)

// Ordinary returns n good records for other clients to send. They are numbered
// starting at from.
func Ordinary(seed uint64, from, n, partitions int) []Record {
	rng := rand.New(rand.NewPCG(seed, 3))
	records := make([]Record, n)
	for i := range records {
		records[i] = early(rng, from+i, fmt.Sprintf("other %d", i/perCustomer), partitions)
	}
	return records
}

// Forged returns n records whose entries have further fields, some of them fields
// of the service, or lack the data field.
func Forged(seed uint64, from, n, partitions int) []Record {
	rng := rand.New(rand.NewPCG(seed, 4))
	records := make([]Record, n)
	for i := range records {
		customer := fmt.Sprintf("forged %d", i/perCustomer)
		if rng.IntN(2) == 0 {
			customer = Hot(rng.IntN(HotCustomers))
		}
		records[i] = forge(rng, early(rng, from+i, customer, partitions))
	}
	return records
}

// early returns a good record with a creation time before those of the load.
func early(rng *rand.Rand, number int, customer string, partitions int) Record {
	created := epoch.AddDate(-10, 0, 0).Add(time.Duration(number) * time.Second)
	r := Record{
		Number: number, Field: "data", Partition: Home(customer, partitions),
		Key: Key{customer, fmt.Sprintf("s%d@%s", number, domains[rng.IntN(len(domains))]), created.UnixMilli()}, Name: fmt.Sprintf("Åsa Fremd %d", number),
	}
	r.Body = spell(rng, r)
	return r
}

// forge gives the record's entry further fields, or other ones.
func forge(rng *rand.Rand, r Record) Record {
	const longAgo = "1000000000000"
	data := []string{"data", r.Body}
	bad := func(kind string, fields ...string) Record {
		return Record{Number: r.Number, Field: fields[0], Body: fields[1], Fields: fields, Partition: r.Partition, Bad: ParseError, Kind: kind}
	}
	switch rng.IntN(8) {
	case 0:
		r.Fields = append(data, oldOrigin, "web") // as other producers may name a field
	case 1:
		r.Fields = append(data, oldAdmitAt, longAgo)
	case 2:
		r.Fields = append([]string{originField, "1-1"}, data...)
	case 3:
		r.Fields = append(data, admitAtField, longAgo)
	case 4:
		r.Fields = append([]string{originField, "web", admitAtField, longAgo}, data...)
	case 5:
		r.Fields = append([]string{"source", "shop", "source", "web", "Data", "{}"}, data...)
	case 6:
		return bad("two data fields", append(data, "data", fmt.Sprintf("%s ", r.Body))...)
	case 7:
		return bad("binary fields, no data field", "blob", fmt.Sprintf("%d\xff\xfe\x00\xc3(\"\\\r\n", r.Number), "more\xff", "")
	}
	return r
}

// All returns the fields and values of the record's entry.
func (r *Record) All() []string {
	if r.Fields != nil {
		return r.Fields
	}
	return []string{r.Field, r.Body}
}

// forges reports whether the producer set a field to this value, which therefore
// does not come from the service.
func (r *Record) forges(field, value string) bool {
	for i := 0; i+1 < len(r.Fields); i += 2 {
		if r.Fields[i] == field && r.Fields[i+1] == value {
			return true
		}
	}
	return false
}
