package file

import "slices"

// notes collects what to tell about a file that is read on.
type notes struct {
	pending []string
	about   []string // what was noted
}

// noteOnce adds a note unless there was one about the same.
func (n *notes) noteOnce(about, note string) {
	if !slices.Contains(n.about, about) {
		n.about = append(n.about, about)
		n.pending = append(n.pending, note)
	}
}

// take returns the notes that were not taken before.
func (n *notes) take() []string {
	taken := n.pending
	n.pending = nil
	return taken
}
