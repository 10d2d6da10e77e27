package e2e_test

import (
	"fmt"
	"math/rand/v2"
)

// The rate limit of a fixture. The window is so long that all records share
// one, even on a slow machine.
const (
	limit  = 5
	window = "86400"
)

// sent is a record sent to the service, with its possible outcomes.
type sent struct {
	body       string
	events     []string // its possible outcomes
	person     *person  // nil for a bad one
	customerID string   // empty if the service cannot know it
	faults     []string // fields that the reason must name
}

// fixture is a load with known outcomes: the possible ones of each record, and
// the total of each.
type fixture struct {
	records   []sent
	want      map[string]int
	conflicts int                 // duplicates with another name
	names     map[string][]string // by _id, the names with which it was sent
	people    map[string]*person  // by _id
}

// newFixture returns size records in random order: 2% bad, 1% repeated (half of
// them with another name), and a few customers over their limit.
func newFixture(seed uint64, size int) *fixture {
	f := &fixture{want: map[string]int{}, names: map[string][]string{}, people: map[string]*person{}}
	rng := rand.New(rand.NewPCG(seed, 1))
	for n := range size / 50 {
		f.add(badRecord(n))
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

// addCrowd adds a customer that exceeds its limit.
func (f *fixture) addCrowd(rng *rand.Rand, customerID string, n int) {
	for range n {
		p := newPerson(rng, customerID, len(f.records))
		f.add(sent{body: p.body(rng), events: []string{ingested, rateLimited}, person: &p, customerID: customerID})
	}
	f.want[ingested] += limit
	f.want[rateLimited] += n - limit
}

// addOthers adds customers within their limit until there are size records.
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

// addTwice adds a record and its repetition. If the two are processed at the
// same time, either may be the first.
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

// simple returns a load of n records that are all ingested.
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
