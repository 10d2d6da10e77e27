package fold

import (
	"context"

	"ingestion/archive"
)

// entry is one entry with the partition that it comes from.
type entry struct {
	archive.Entry
	partition int
}

// merger returns the entries of several partitions in the order of their IDs, so that the
// result does not depend on how fast each of them is read.
type merger struct {
	partitions []*partition
	heads      []*archive.Entry // the next entry of each; nil: not read yet, or none is left
	ended      []bool
}

func newMerger(partitions []*partition) *merger {
	return &merger{partitions: partitions, heads: make([]*archive.Entry, len(partitions)), ended: make([]bool, len(partitions))}
}

// next returns the next entry, or false after the last one. After an error it may be
// called again.
func (m *merger) next(ctx context.Context) (entry, bool, error) {
	first := -1
	for i, p := range m.partitions {
		if m.heads[i] == nil && !m.ended[i] {
			e, ok, err := p.next(ctx)
			if err != nil {
				return entry{}, false, err
			}
			if ok {
				m.heads[i] = &e
			}
			m.ended[i] = !ok
		}
		if m.heads[i] != nil && (first < 0 || archive.CompareIDs(m.heads[i].ID, m.heads[first].ID) < 0) {
			first = i
		}
	}
	if first < 0 {
		return entry{}, false, nil
	}
	e := *m.heads[first]
	m.heads[first] = nil
	return entry{e, first}, true, nil
}

func (m *merger) stop() {
	for _, p := range m.partitions {
		p.stop()
	}
}
