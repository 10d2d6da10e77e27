package e2e_test

import (
	"fmt"
	"math/rand/v2"
)

// The rate limit of a fixture. The window is so long that all its records
// share one, however slow the machine is.
const (
	limit  = 5
	window = "86400"
)

// sent is one record fed to the service, with what may become of it.
type sent struct {
	body       string
	events     []string // the outcomes that are right for this one
	person     *person  // nil for a bad one
	customerID string   // as far as the service can know it
	faults     []string // the fields that the reason has to name
}

// fixture is a load whose outcomes are known: for each record which may come,
// and over all how many of each.
type fixture struct {
	records   []sent
	want      map[string]int
	conflicts int                 // duplicates with another name
	names     map[string][]string // by _id: the names under which it was sent
	people    map[string]*person  // by _id
}

// newFixture makes size records: 2% bad, 1% repeated (half of those under
// another name), a few customers over their limit, all in random order.
func newFixture(seed uint64, size int) *fixture {
	f := &fixture{want: map[string]int{}, names: map[string][]string{}, people: map[string]*person{}}
	rng := rand.New(rand.NewPCG(seed, 1))
	for n := range size / 50 {
		f.add(spoil(n))
		f.want[f.records[n].events[0]]++
	}
	for c := range 1 + size/2000 {
		f.addCrowd(rng, fmt.Sprintf("hot-%d", c), limit+1+c)
	}
	f.addOthers(rng, size)
	rng.Shuffle(len(f.records), func(i, j int) { f.records[i], f.records[j] = f.records[j], f.records[i] })
	return f
}

func (f *fixture) add(s sent) {
	f.records = append(f.records, s)
	if s.person == nil {
		return
	}
	id := s.person.identity()
	f.people[id] = s.person
	f.names[id] = append(f.names[id], s.person.name)
}

// addCrowd adds a customer with more records than its window takes.
func (f *fixture) addCrowd(rng *rand.Rand, customerID string, n int) {
	for range n {
		p := newPerson(rng, customerID, len(f.records))
		f.add(sent{body: p.body(rng), events: []string{ingested, rateLimited}, person: &p, customerID: customerID})
	}
	f.want[ingested] += limit
	f.want[rateLimited] += n - limit
}

// addOthers fills up to size with customers that keep within their limit.
func (f *fixture) addOthers(rng *rand.Rand, size int) {
	repeated := size / 100
	for customer := 0; len(f.records) < size; customer++ {
		id := pick(rng, []string{"customer-%d", "%d", "клиент-%d", "客户 %d"})
		for range 1 + rng.IntN(limit) {
			if len(f.records) == size {
				break
			}
			p := newPerson(rng, fmt.Sprintf(id, customer), len(f.records))
			f.want[ingested]++
			if repeated == 0 || len(f.records)+2 > size {
				f.add(sent{body: p.body(rng), events: []string{ingested}, person: &p, customerID: p.customerID})
				continue
			}
			repeated--
			f.addTwice(rng, p, repeated%2 == 0)
		}
	}
}

// addTwice adds a record and its repetition. Which of the two is the first is
// the service's choice where they are worked on at the same time.
func (f *fixture) addTwice(rng *rand.Rand, p person, renamed bool) {
	again := p
	if renamed {
		again.name += " (new)"
		f.conflicts++
	}
	for _, p := range []person{p, again} {
		f.add(sent{body: p.body(rng), events: []string{ingested, duplicate}, person: &p, customerID: p.customerID})
	}
	f.want[duplicate]++
}

func (f *fixture) bodies() []string {
	bodies := make([]string, len(f.records))
	for i, r := range f.records {
		bodies[i] = r.body
	}
	return bodies
}

// simple is a load of n records that all are ingested.
func simple(seed uint64, n int) *fixture {
	f := &fixture{want: map[string]int{}, names: map[string][]string{}, people: map[string]*person{}}
	rng := rand.New(rand.NewPCG(seed, 2))
	for i := range n {
		p := newPerson(rng, fmt.Sprintf("customer-%d", i/limit), i)
		f.add(sent{body: p.body(rng), events: []string{ingested}, person: &p, customerID: p.customerID})
	}
	f.want[ingested] = n
	return f
}
