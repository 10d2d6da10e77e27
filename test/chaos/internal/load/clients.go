package load

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// The fields that the service adds to an entry which it puts back, or once did.
// A producer that sets them means nothing by it.
const (
	originField  = "ingestion:origin"
	admitAtField = "ingestion:admitAt"
	oldOrigin    = "origin"
	oldAdmitAt   = "admitAt"
)

// Plain makes good records for strangers to send, numbered from a number on.
func Plain(seed uint64, from, n, partitions int) []Record {
	rng := rand.New(rand.NewPCG(seed, 3))
	records := make([]Record, n)
	for i := range records {
		records[i] = stranger(rng, from+i, fmt.Sprintf("stranger %d", i/perCustomer), partitions)
	}
	return records
}

// Odd makes records whose entries have more fields than a record needs, or others.
func Odd(seed uint64, from, n, partitions int) []Record {
	rng := rand.New(rand.NewPCG(seed, 4))
	records := make([]Record, n)
	for i := range records {
		customer := fmt.Sprintf("odd %d", i/perCustomer)
		if rng.IntN(2) == 0 {
			customer = Hot(rng.IntN(HotCustomers))
		}
		records[i] = odd(rng, stranger(rng, from+i, customer, partitions))
	}
	return records
}

// stranger is a good record, created at another time than those of the load.
func stranger(rng *rand.Rand, number int, customer string, partitions int) Record {
	created := epoch.AddDate(-10, 0, 0).Add(time.Duration(number) * time.Second)
	r := Record{
		Number: number, Field: "data", Partition: Home(customer, partitions),
		Key: Key{customer, fmt.Sprintf("s%d@%s", number, domains[rng.IntN(len(domains))]), created.UnixMilli()}, Name: fmt.Sprintf("Åsa Fremd %d", number),
	}
	r.Body = spell(rng, r)
	return r
}

func odd(rng *rand.Rand, r Record) Record {
	const longAgo = "1000000000000"
	data := []string{"data", r.Body}
	bad := func(kind string, fields ...string) Record {
		return Record{Number: r.Number, Field: fields[0], Body: fields[1], Fields: fields, Partition: r.Partition, Bad: ParseError, Kind: kind}
	}
	switch rng.IntN(8) {
	case 0:
		r.Fields = append(data, oldOrigin, "web") // as many others
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
		return bad("two fields data", append(data, "data", fmt.Sprintf("%s ", r.Body))...)
	case 7:
		return bad("bytes, and no field data", "blob", fmt.Sprintf("%d\xff\xfe\x00\xc3(\"\\\r\n", r.Number), "more\xff", "")
	}
	return r
}

// All is what the record's entry has: fields and values.
func (r *Record) All() []string {
	if r.Fields != nil {
		return r.Fields
	}
	return []string{r.Field, r.Body}
}

// forges says that the producer set a field to a value, which so has no meaning.
func (r *Record) forges(field, value string) bool {
	for i := 0; i+1 < len(r.Fields); i += 2 {
		if r.Fields[i] == field && r.Fields[i+1] == value {
			return true
		}
	}
	return false
}
