package letters

import (
	"cmp"
	"slices"
	"time"
)

// Group is letters that were refused for the same reason.
type Group struct {
	Event, Reason  string
	Count          int64
	Oldest, Newest time.Time // when they were written
}

// Groups counts letters by event and reason. The zero value is ready for use.
type Groups struct {
	groups map[groupKey]*Group
	others int64
}

type groupKey struct{ event, reason string }

// maxGroups bounds how many reasons are told apart.
const maxGroups = 1000

// Add counts a letter.
func (g *Groups) Add(l *Letter) {
	key, written := groupKey{l.Event, l.Reason}, l.Written()
	group := g.groups[key]
	switch {
	case group == nil && len(g.groups) == maxGroups:
		g.others++
		return
	case group == nil:
		if g.groups == nil {
			g.groups = map[groupKey]*Group{}
		}
		group = &Group{Event: l.Event, Reason: l.Reason, Oldest: written, Newest: written}
		g.groups[key] = group
	}
	group.Count++
	if written.Before(group.Oldest) {
		group.Oldest = written
	}
	if written.After(group.Newest) {
		group.Newest = written
	}
}

// Largest returns at most n groups, the largest first, and how many letters are in none of
// them.
func (g *Groups) Largest(n int) (largest []Group, others int64) {
	for _, group := range g.groups {
		largest = append(largest, *group)
	}
	slices.SortFunc(largest, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), b.Newest.Compare(a.Newest), cmp.Compare(a.Event, b.Event), cmp.Compare(a.Reason, b.Reason))
	})
	others = g.others
	for _, group := range largest[min(n, len(largest)):] {
		others += group.Count
	}
	return largest[:min(n, len(largest))], others
}
