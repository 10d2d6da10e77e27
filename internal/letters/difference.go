package letters

import (
	"bytes"
	"slices"
)

// Body returns the body of a letter; nil if its entry had not exactly one.
func (l *Letter) Body() []byte {
	if l.Fields != nil {
		return nil
	}
	return []byte(l.Data)
}

// Changed returns the names of the members that a new body changes, adds or removes; none
// if one of the bodies is not an object.
func (l *Letter) Changed(body []byte) []string {
	changed := []string{}
	before, ok := Members(l.Body())
	after, also := Members(body)
	if !ok || !also {
		return changed
	}
	for _, m := range append(before, after...) {
		if !slices.Contains(changed, m.Name) && !slices.EqualFunc(Named(before, m.Name), Named(after, m.Name), Member.Same) {
			changed = append(changed, m.Name)
		}
	}
	return changed
}

// Named returns the members with a name: several if it occurs twice.
func Named(members []Member, name string) (found []Member) {
	for _, m := range members {
		if m.Name == name {
			found = append(found, m)
		}
	}
	return found
}

// Same reports whether two members have the same value, byte for byte.
func (m Member) Same(other Member) bool { return bytes.Equal(m.Value, other.Value) }
