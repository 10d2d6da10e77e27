package streams

import (
	"strings"
	"time"
)

// Claimed and quarantined entries are buffered until Receive returns them.

// bufferLeases is for how many leases buffered entries are kept for a caller that
// does not call Receive, for example because it can't reach its database.
const bufferLeases = 10

func (s *Stream) noteReceive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastReceive = time.Now()
}

// rebuffer puts entries that were read back into the buffer.
func (s *Stream) rebuffer(batch []Delivery) {
	entries := make([]claimed, len(batch))
	for i, d := range batch {
		entries[i] = claimed{id: strings.Clone(d.ID), deliveries: d.Deliveries, attempts: noAttempts}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claimed = append(entries, s.claimed...)
}

// buffered lists the IDs of buffered entries.
func (s *Stream) buffered() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, 0, len(s.claimed)+len(s.quarantine))
	for _, c := range s.claimed {
		ids = append(ids, c.id)
	}
	for _, q := range s.quarantine {
		ids = append(ids, q.id)
	}
	return ids
}

// takeBuffered empties the buffer and returns its entries to be nacked. It returns
// none if Receive was called within the given time. No quarantined attempt has
// begun on them.
func (s *Stream) takeBuffered(silence time.Duration) []claimed {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.lastReceive) < silence {
		return nil
	}
	entries := s.claimed
	for _, q := range s.quarantine {
		entries = append(entries, claimed{id: q.id, deliveries: q.deliveries, attempts: noAttempts})
	}
	s.claimed, s.quarantine = nil, nil
	return entries
}
