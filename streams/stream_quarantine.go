package streams

import (
	"context"
	"fmt"
	"time"
)

const (
	// maxSuspects is how many suspects a worker keeps for itself. With more it
	// takes nothing else over.
	maxSuspects = 1000
	// longestTryPause bounds the pause before the next lone attempt.
	longestTryPause = 5 * time.Minute
)

// suspect is an entry that was delivered more often than is allowed, held
// without its body until it may be tried.
type suspect struct {
	claimed
	due time.Time
}

// tryPause grows with the attempts that killed their worker, so that one record
// does not take one worker down after the other: nothing before the first
// attempt, then the lease, doubled each time.
func tryPause(lease time.Duration, tries int64) time.Duration {
	if tries <= 0 {
		return 0
	}
	return min(lease<<min(tries-1, 20), longestTryPause)
}

// suspectFrom keeps a claimed entry aside. It may be there already, if this
// worker's own lease on it had run out.
func (s *Stream) suspectFrom(c claimed) {
	for i, old := range s.suspects {
		if old.id == c.id {
			s.suspects[i].claimed = c
			return
		}
	}
	pause := tryPause(s.opts.ClaimIdle, c.tries)
	if c.tries >= MaxTries {
		pause = 0 // there will be no other attempt
	}
	s.suspects = append(s.suspects, suspect{claimed: c, due: time.Now().Add(pause)})
}

func (s *Stream) reportSuspects(found []claimed) {
	if len(found) > 0 {
		s.opts.Log.Warn("warning", "stream", s.keys.Main, "count", len(found), "first", found[0].id, "last", found[len(found)-1].id,
			"reason", "delivered more than STREAM_MAX_DELIVERIES times: each is worked on alone, since it may kill its worker")
	}
}

// dueSuspect delivers the first suspect whose pause is over, without its body.
func (s *Stream) dueSuspect() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range s.suspects {
		if time.Now().Before(c.due) {
			continue
		}
		s.suspects = append(s.suspects[:i], s.suspects[i+1:]...)
		return []Delivery{{
			ID: c.id, ArrivedAt: arrival(c.id), Deliveries: c.deliveries, Redelivered: true,
			Suspect: true, Tries: c.tries, unread: true,
		}}
	}
	return nil
}

// Try counts a lone attempt and reads the entry. After an error it may have been
// counted: the delivery returned says so when it is handed back.
func (s *Stream) Try(ctx context.Context, d Delivery) (Delivery, bool, error) {
	attempt := d.Tries + 1
	begun := d
	begun.Tries, begun.tried = attempt, true
	reply, err := s.run(ctx, tryScript, s.keys.pending(),
		s.opts.Group, s.opts.Consumer, d.ID, attempt).Slice()
	if isNoGroup(err) {
		s.letGo(1)
		return d, false, nil
	}
	if err != nil {
		return begun, false, fmt.Errorf("reading the suspect %s of %s: %w", d.ID, s.keys.Main, err)
	}
	switch reply[0] {
	case "missing":
		s.reportMissing([]string{d.ID})
		fallthrough
	case "lost":
		s.letGo(1)
		return d, false, nil
	}
	read := []Delivery{delivery(d.ID, texts(reply[1]), d.Deliveries)}
	if err := s.recognise(ctx, read); err != nil {
		return begun, false, err
	}
	read[0].Redelivered, read[0].Suspect, read[0].Tries, read[0].tried = true, true, attempt, true
	return read[0], true, nil
}
