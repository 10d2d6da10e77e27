package mapping

import (
	"fmt"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// MembersError says which fields have no value in any of the first objects of a file.
type MembersError struct {
	Objects int      // how many there are
	Members []string // names of their members
	Faults  []Fault
}

func (e *MembersError) Error() string {
	if len(e.Members) == 0 {
		return faultText(e.Faults) + e.objects() + " no members"
	}
	return faultText(e.Faults) + e.objects() + " the members " + quoteAll(e.Members)
}

func (e *MembersError) objects() string {
	if e.Objects == 1 {
		return "the first object has"
	}
	return fmt.Sprintf("the first %d objects have", e.Objects)
}

// Sample finds out from the first objects of a file whether the fields of a record
// are in them. One that only some objects have is.
type Sample struct {
	mapping *Mapping
	objects int
	names   nameSet
	named   map[string]bool // the members that expressions name, as paths
	fields  [len(fieldNames)]sighting
	notes   []string
}

// sighting is what the objects have for a field.
type sighting struct {
	found   bool
	other   jsontext.Kind // of a value that is no value of the field; 0 if there is none
	inside  nameSet       // of values that are objects
	missing []*missing    // named by the field's own expression
}

// missing is a member that no object has.
type missing struct {
	at      path
	written string  // in the expression
	depth   int     // number of steps that lead to a value
	beside  nameSet // what that value has instead of the next step
}

// nameSet has names in the order in which they were added, up to a limit.
type nameSet []string

func (s *nameSet) add(members []memberValue) {
	const most = 200
	for _, m := range members {
		if len(*s) < most && !slices.Contains(*s, m.name) {
			*s = append(*s, m.name)
		}
	}
}

// Sample returns a sample that has no objects.
func (m *Mapping) Sample() *Sample {
	s := &Sample{mapping: m, named: map[string]bool{}}
	for i, rule := range m.fields {
		if rule.given == nil {
			continue
		}
		for _, p := range rule.given.parts {
			if at, ok := p.member(nil); ok {
				s.named[at.String()] = true
				s.fields[i].missing = append(s.fields[i].missing, &missing{at: at, written: p.String()})
			}
		}
	}
	return s
}

// Add adds an object. It reports whether there is a value for each field, and each
// member that an expression names has been found. A body that is not one JSON object
// is ignored.
func (s *Sample) Add(body []byte) (complete bool) {
	members, ok := parseMembers(body)
	if !ok {
		return false
	}
	s.objects++
	s.names.add(members)
	complete = true
	for i := range s.fields {
		f := &s.fields[i]
		f.look(members, i, s.mapping.expression(i, members))
		complete = complete && f.found && len(f.missing) == 0
	}
	return complete
}

// look looks for the value of a field.
func (f *sighting) look(members []memberValue, field int, e Expression) {
	f.missing = slices.DeleteFunc(f.missing, func(m *missing) bool { return m.isIn(members) })
	if len(e.parts) == 0 { // the field remains as it is
		v, _, _ := lookup(members, path{{name: fieldNames[field], index: -1}})
		f.see(v, v.Kind() == '"')
		return
	}
	constant := true
	for _, p := range e.parts {
		if at, ok := p.member(members); ok {
			constant = false
			if v, _, depth := lookup(members, at); depth == len(at) {
				f.see(v, v.Kind() == '"' || v.Kind() == '0')
			}
		}
	}
	f.found = f.found || constant && field == createdAt
}

func (f *sighting) see(v jsontext.Value, good bool) {
	if good {
		f.found = true
	} else if v != nil {
		f.other = v.Kind()
		if f.other == '{' {
			members, _ := parseMembers(v)
			f.inside.add(members)
		}
	}
}

// isIn reports whether an object has the member. If not, it remembers what the object
// has instead.
func (m *missing) isIn(members []memberValue) bool {
	v, _, depth := lookup(members, m.at)
	if depth > m.depth {
		m.depth, m.beside = depth, nil
	}
	if depth == m.depth && v.Kind() == '{' {
		inside, _ := parseMembers(v)
		m.beside.add(inside)
	}
	return depth == len(m.at)
}

// Check returns a *MembersError if none of the objects has a value for one of the
// fields, or if a member that an expression names is missing in all and resembles
// another.
func (s *Sample) Check() error {
	s.notes = nil
	var faults []Fault
	for i := range s.fields {
		faults = append(faults, s.check(i)...)
		s.noteGlued(i)
	}
	s.noteZone()
	if s.objects == 0 || len(faults) == 0 {
		return nil
	}
	return &MembersError{Objects: s.objects, Members: s.names, Faults: faults}
}

// noteGlued notes that members are joined without a text between them.
func (s *Sample) noteGlued(field int) {
	if s.mapping.fields[field].given == nil {
		return
	}
	var before *part
	for _, p := range s.mapping.fields[field].given.parts {
		if _, ok := p.member(nil); !ok {
			before = nil
			continue
		}
		if before != nil {
			s.notes = append(s.notes, gluedNote(field, before.String(), p.String()))
		}
		before = &p
	}
}

// noteZone notes in which zone createdAt is, if another may be meant.
func (s *Sample) noteZone() {
	rule, clock := s.mapping.fields[createdAt], s.mapping.clock
	given := clock != nil && clock.given
	utc := rule.given != nil && rule.given.inUTC()
	switch p := s.mapping.preset; {
	case utc && given && clock.zone != time.UTC:
		s.notes = append(s.notes, fmt.Sprintf("member %s is read as UTC, as its name says, and not in the time zone %s", rule.given, clock.zone))
	case p != nil && p.local != "" && !given && !utc:
		s.notes = append(s.notes, p.local)
	}
}

// Notes says what Check has accepted though it may be a mistake.
func (s *Sample) Notes() []string { return slices.Clone(s.notes) }

func (s *Sample) check(field int) (faults []Fault) {
	name, f := fieldNames[field], &s.fields[field]
	for _, m := range f.missing {
		reason, similar := m.explain(s.names, s.named)
		if f.found && len(similar) == 0 {
			s.notes = append(s.notes, name+": "+reason)
			continue
		}
		faults = append(faults, Fault{Field: name, Reason: reason, Near: similar})
	}
	if f.found || len(faults) > 0 {
		return faults
	}
	rule := s.mapping.fields[field]
	switch {
	case f.other != 0:
		reason := unfit(field, f.other)
		if len(f.inside) > 0 {
			reason += "; it has " + quoteAll(f.inside)
		}
		return []Fault{{Field: name, Reason: reason}}
	case rule.given != nil:
		return []Fault{{Field: name, Reason: constantReason(*rule.given)}}
	}
	return []Fault{{Field: name, Reason: rule.lacks("member"), Near: nearAny(rule.wanted(field), s.names)}}
}

// unfit says why a value of this kind is not that of a field.
func unfit(field int, k jsontext.Kind) string {
	switch {
	case k == 'n':
		return "the member is null"
	case k == '0' && field == createdAt:
		return "the member is a number, not a string; its time format has to be given"
	case k == '0':
		return "the member is a number, not a string; a member that is mapped becomes a string"
	}
	return fmt.Sprintf("the member is %s, not a string", kindName(k))
}

// explain says what is missing, and what is there instead that resembles it and that
// no expression names. The names are those of the members of all objects.
func (m *missing) explain(names nameSet, named map[string]bool) (reason string, similar []string) {
	reason = "there is no member " + m.written
	next, before := m.at[m.depth], m.at[:m.depth:m.depth]
	if m.depth > 0 {
		names = m.beside
		if len(names) > 0 {
			reason += fmt.Sprintf("; %s has %s", before, quoteAll(names))
		}
	}
	if next.index >= 0 {
		return reason, nil
	}
	for _, name := range near(next.name, names) {
		switch at := append(before, step{name: name, index: -1}).String(); {
		case named[at]:
		case m.written[0] == '$':
			similar = append(similar, at)
		default:
			similar = append(similar, name)
		}
	}
	return reason, similar
}
