// Package customers makes the example records. It labels each line by how it
// makes it, without asking the code that judges records.
package customers

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"

	"ingestion/record"
)

// Line is one line of customers.ndjson and what becomes of it.
type Line struct {
	Body []byte
	// Want is the outcome. Of a customer over the limit some lines, no matter
	// which, are Ingested and the others RateLimited; of two lines of the same
	// record either may be the Duplicate.
	Want record.Outcome
	// Conflict marks a duplicate that has another name.
	Conflict bool
}

// Limit is the default RATE_LIMIT_LIMIT, for which the labels hold.
const Limit = 5

const (
	seed         = 20240229
	regulars     = 370 // customers within the limit
	crowded      = 14  // customers over it
	duplicates   = 64
	conflictEach = 8 // every eighth duplicate has another name
	csvRows      = 50
)

// Lines makes customers.ndjson, always the same.
func Lines() []Line {
	r := rand.New(rand.NewPCG(seed, 1))
	var first []Line // in any order among each other
	var originals []entry
	for n := range regulars {
		own := newCustomer(r, n).entries(r, 1+r.IntN(Limit))
		originals = append(originals, own...)
		for _, e := range own {
			first = append(first, Line{Body: e.write(r), Want: record.Ingested})
		}
	}
	first = append(first, curiosities()...)
	first = append(first, overLimit(r)...)
	first = append(first, spoilt()...)
	shuffle(r, first)
	return weave(r, first, repeats(r, originals))
}

// overLimit makes customers with more records than the limit.
func overLimit(r *rand.Rand) []Line {
	var lines []Line
	for n := range crowded {
		for i, e := range newCustomer(r, regulars+n).entries(r, Limit+1+r.IntN(6)) {
			want := record.Ingested
			if i >= Limit {
				want = record.RateLimited
			}
			lines = append(lines, Line{Body: e.write(r), Want: want})
		}
	}
	return lines
}

// repeats writes some records once more, each in another spelling.
func repeats(r *rand.Rand, originals []entry) []Line {
	shuffle(r, originals)
	var lines []Line
	for i, e := range originals[:duplicates] {
		conflict := i%conflictEach == 0
		if conflict {
			e.name += " (II)"
		}
		lines = append(lines, Line{Body: e.respelt(r).write(r), Want: record.Duplicate, Conflict: conflict})
	}
	return lines
}

// weave puts the repeats into the second half, after all that they repeat.
func weave(r *rand.Rand, first, repeats []Line) []Line {
	lines := slices.Clone(first)
	for _, line := range repeats {
		at := len(first) + r.IntN(len(lines)-len(first)+1)
		lines = slices.Insert(lines, at, line)
	}
	return lines
}

func shuffle[T any](r *rand.Rand, all []T) {
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
}

// Files are the example files by name.
func Files() map[string][]byte {
	lines := Lines()
	var bodies bytes.Buffer
	for _, line := range lines {
		bodies.Write(line.Body)
		bodies.WriteByte('\n')
	}
	return map[string][]byte{
		"customers.ndjson":        bodies.Bytes(),
		"customers.expected.json": expected(lines),
		"customers.csv":           table(),
	}
}

func expected(lines []Line) []byte {
	count := map[record.Outcome]int{}
	conflicts := 0
	for _, line := range lines {
		count[line.Want]++
		if line.Conflict {
			conflicts++
		}
	}
	return fmt.Appendf(nil, `{
  "lines": %d,
  "ingested": %d,
  "duplicate": %d,
  "conflict": %d,
  "parse_error": %d,
  "validation_failed": %d,
  "rate_limited": %d
}
`, len(lines), count[record.Ingested], count[record.Duplicate], conflicts,
		count[record.Malformed], count[record.Invalid], count[record.RateLimited])
}

// table makes customers.csv.
func table() []byte {
	r := rand.New(rand.NewPCG(seed, 2))
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"customerId", "name", "email", "createdAt", "city"}}
	for n := range csvRows {
		e := newCustomer(r, 5000+n).entries(r, 1)[0]
		rows = append(rows, []string{e.customerID, e.name, e.email, e.createdAt, one(r, cities)})
	}
	if err := w.WriteAll(rows); err != nil {
		panic(err) // a buffer takes all
	}
	return b.Bytes()
}

var cities = []string{"Lisboa", "Łódź", "Zürich", "São Paulo", "Kraków", "København", "Reykjavík", "Brașov", "Washington, D.C.", "L'Aquila", "Αθήνα", "Київ", "東京", "서울", "臺北", "القاهرة", "मुंबई", "Hà Nội"}

func one[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
