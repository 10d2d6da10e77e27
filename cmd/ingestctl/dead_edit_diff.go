package main

import (
	"slices"

	"ingestion/internal/letters"
)

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

// difference prints what a new body changes: the members, or both bodies if one of them is
// not an object.
func (p *fieldPrinter) difference(l *letters.Letter, body []byte, reveal bool) {
	before, ok := letters.Members(l.Body())
	after, also := letters.Members(body)
	if !ok || !also {
		p.whole("-", shownMembers(before, reveal), ok, l.Data, reveal)
		p.whole("+", shownMembers(after, reveal), also, string(body), reveal)
		return
	}
	for _, name := range l.Changed(body) {
		old, now := shownMembers(letters.Named(before, name), reveal), shownMembers(letters.Named(after, name), reveal)
		p.members("-", old, "")
		note := ""
		if slices.EqualFunc(old, now, letters.Member.Same) {
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
