// Package customers generates the example records. It labels each line from the way
// it was generated, not by the code under test.
package customers

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"slices"

	"ingestion/record"
)

// Line is one line of customers.ndjson and its expected outcome.
type Line struct {
	Body []byte
	// Want is the outcome in order of the lines. In another order, other lines of
	// a customer over the limit are RateLimited, and of two lines with the same
	// record, the other may be the Duplicate; the counts are the same.
	Want record.Outcome
	// Conflict marks a duplicate with another name.
	Conflict bool
}

// Limit is the default rate limit, for which the labels hold.
const Limit = 5

const (
	seed         = 20240229
	regulars     = 370 // customers within the limit
	overLimits   = 14  // customers over the limit
	duplicates   = 64
	conflictEach = 8 // every eighth duplicate has another name
	csvRows      = 50
)

// Lines generates customers.ndjson, always the same.
func Lines() []Line {
	r := rand.New(rand.NewPCG(seed, 1))
	var first []Line // shuffled
	var originals []entry
	for n := range regulars {
		own := newCustomer(r, n).entries(r, 1+r.IntN(Limit))
		originals = append(originals, own...)
		for _, e := range own {
			first = append(first, Line{Body: e.write(r), Want: record.Ingested})
		}
	}
	first = append(first, edgeCases()...)
	first = append(first, overLimit(r)...)
	first = append(first, invalid()...)
	shuffle(r, first)
	return weave(r, first, repeats(r, originals))
}

// overLimit generates customers with more records than the limit.
func overLimit(r *rand.Rand) []Line {
	var lines []Line
	for n := range overLimits {
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

// repeats repeats some records, each spelled differently.
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

// weave inserts the repeats, shuffled, after the lines that they repeat.
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

// Files returns the example files by name.
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

// table generates customers.csv.
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
		panic(err) // a bytes.Buffer does not fail
	}
	return b.Bytes()
}

var cities = []string{"Lisboa", "Łódź", "Zürich", "São Paulo", "Kraków", "København", "Reykjavík", "Brașov", "Washington, D.C.", "L'Aquila", "Αθήνα", "Київ", "東京", "서울", "臺北", "القاهرة", "मुंबई", "Hà Nội"}

// one picks an element at random.
func one[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }
