package main

import (
	"bytes"
	"slices"

	"ingestion/internal/letters"
)

// bodyOf is the body of a letter; nil if its entry had not exactly one.
func bodyOf(l *letters.Letter) []byte {
	if l.Fields != nil {
		return nil
	}
	return []byte(l.Data)
}

// changedFields returns the names of the members that a new body changes, adds or removes;
// none if one of the bodies is not an object.
func changedFields(l *letters.Letter, body []byte) []string {
	changed := []string{}
	before, ok := letters.Members(bodyOf(l))
	after, also := letters.Members(body)
	if !ok || !also {
		return changed
	}
	for _, m := range append(before, after...) {
		if !slices.Contains(changed, m.Name) && !slices.EqualFunc(membersNamed(before, m.Name), membersNamed(after, m.Name), sameValue) {
			changed = append(changed, m.Name)
		}
	}
	return changed
}

// named returns the members with a name: several if it occurs twice.
func membersNamed(members []letters.Member, name string) (found []letters.Member) {
	for _, m := range members {
		if m.Name == name {
			found = append(found, m)
		}
	}
	return found
}

// shownMembers returns members in full or masked.
func shownMembers(members []letters.Member, reveal bool) []letters.Member {
	shown := slices.Clone(members)
	for i, m := range shown {
		if !reveal {
			shown[i] = m.Masked()
		}
	}
	return shown
}

func sameValue(a, b letters.Member) bool { return bytes.Equal(a.Value, b.Value) }

// difference prints what a new body changes: the members, or both bodies if one of them is
// not an object.
func (p *fieldPrinter) difference(l *letters.Letter, body []byte, reveal bool) {
	before, ok := letters.Members(bodyOf(l))
	after, also := letters.Members(body)
	if !ok || !also {
		p.whole("-", shownMembers(before, reveal), ok, l.Data, reveal)
		p.whole("+", shownMembers(after, reveal), also, string(body), reveal)
		return
	}
	for _, name := range changedFields(l, body) {
		old, now := shownMembers(membersNamed(before, name), reveal), shownMembers(membersNamed(after, name), reveal)
		p.members("-", old, "")
		note := ""
		if slices.EqualFunc(old, now, sameValue) {
			note = "  (differs where it is masked)"
		}
		p.members("+", now, note)
	}
}

func (p *fieldPrinter) members(sign string, members []letters.Member, note string) {
	for _, m := range members {
		p.line("%s %s: %s%s", sign, escapedBody(m.Name), escapedBody(string(m.Value)), note)
	}
}

func (p *fieldPrinter) whole(sign string, members []letters.Member, isObject bool, body string, reveal bool) {
	switch {
	case isObject:
		p.members(sign, members, "")
	case reveal:
		p.line("%s %s", sign, escapedBody(body))
	default:
		p.line("%s not a JSON object: --reveal shows it", sign)
	}
}
