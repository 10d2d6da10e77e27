package streams

import "time"

// unwantedLeases is for how many leases what was taken over is kept for a
// caller that does not receive, as one that can't reach its database.
const unwantedLeases = 10

// setWanted says that the caller receives.
func (s *Stream) setWanted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = time.Now()
}

// undelivered lists what was taken over and not yet delivered.
func (s *Stream) undelivered() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, 0, len(s.claimed)+len(s.suspects))
	for _, c := range s.claimed {
		ids = append(ids, c.id)
	}
	for _, c := range s.suspects {
		ids = append(ids, c.id)
	}
	return ids
}

// takeUndelivered is for giving back what was taken over and not yet delivered:
// it is not kept here any more. It takes nothing if the caller has received
// within the time given. No lone attempt at a suspect was begun.
func (s *Stream) takeUndelivered(silence time.Duration) []claimed {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.wanted) < silence {
		return nil
	}
	rest := s.claimed
	for _, c := range s.suspects {
		rest = append(rest, claimed{id: c.id, deliveries: c.deliveries, tries: -1})
	}
	s.claimed, s.suspects = nil, nil
	return rest
}
