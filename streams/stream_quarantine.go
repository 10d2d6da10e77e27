package streams

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// An entry that was delivered more often than allowed may kill its worker. It is
// quarantined: kept aside without its body, and attempted alone, with a pause
// before each attempt. An attempt is counted before the body is read and
// uncounted if it ends cleanly. After MaxAttempts the caller poisons the entry.

var (
	//go:embed stream_quarantine.lua
	attemptSource string
	attemptScript = redis.NewScript(needSource + dropSource + attemptSource)
)

const (
	// maxQuarantined is how many quarantined entries a worker buffers. With that many
	// it claims nothing else.
	maxQuarantined = 1000
	// maxAttemptPause limits the pause before the next attempt.
	maxAttemptPause = 5 * time.Minute
)

// quarantined is an entry in quarantine, attempted when it is due.
type quarantined struct {
	claimed
	due time.Time
}

// attemptPause grows with the attempts that killed their worker, so that one record
// does not kill all workers in quick succession: none before the first attempt,
// then the lease, doubled each time.
func attemptPause(lease time.Duration, attempts int64) time.Duration {
	if attempts <= 0 {
		return 0
	}
	return min(lease<<min(attempts-1, 20), maxAttemptPause)
}

// addToQuarantine keeps a claimed entry aside. The entry may already be there, if
// this worker's own lease on it had expired. The caller holds s.mu.
func (s *Stream) addToQuarantine(c claimed) {
	for i, old := range s.quarantine {
		if old.id == c.id {
			s.quarantine[i].claimed = c
			return
		}
	}
	pause := attemptPause(s.opts.ClaimIdle, c.attempts)
	if c.attempts >= MaxAttempts {
		pause = 0 // there will be no further attempt
	}
	s.quarantine = append(s.quarantine, quarantined{claimed: c, due: time.Now().Add(pause)})
}

func (s *Stream) reportQuarantined(found []claimed) {
	if len(found) > 0 {
		s.opts.Log.Warn("warning", "stream", s.keys.Main, "count", len(found), "first", found[0].id, "last", found[len(found)-1].id,
			"reason", fmt.Sprintf("delivered more than %d times: quarantined, each is processed alone, since it may kill its worker", s.opts.MaxDeliveries))
	}
}

// dueQuarantined returns the first quarantined entry that is due, without its body.
func (s *Stream) dueQuarantined() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, q := range s.quarantine {
		if time.Now().Before(q.due) {
			continue
		}
		s.quarantine = append(s.quarantine[:i], s.quarantine[i+1:]...)
		return []Delivery{{
			ID: q.id, ArrivedAt: arrival(q.id), Deliveries: q.deliveries, Redelivered: true,
			Quarantined: true, Attempts: q.attempts, unread: true,
		}}
	}
	return nil
}

// BeginAttempt counts an attempt and reads the entry. After an error it may have
// been counted: the returned delivery says so to Nack.
func (s *Stream) BeginAttempt(ctx context.Context, d Delivery) (Delivery, bool, error) {
	begun := d
	begun.Attempts, begun.attempting = d.Attempts+1, true
	reply, err := s.run(ctx, attemptScript, s.keys.dropKeys(),
		s.opts.Group, s.opts.Consumer, d.ID, begun.Attempts).Slice()
	if isNoGroup(err) {
		s.release(1)
		return d, false, nil
	}
	if err != nil {
		return begun, false, fmt.Errorf("reading the quarantined entry %s of %s: %w", d.ID, s.keys.Main, err)
	}
	switch reply[0] {
	case "missing":
		s.reportMissing([]string{d.ID})
		fallthrough
	case "lost":
		s.release(1)
		return d, false, nil
	}
	read := []Delivery{newDelivery(d.ID, texts(reply[1]), d.Deliveries)}
	if err := s.resolveReturned(ctx, read); err != nil {
		return begun, false, err
	}
	read[0].Redelivered, read[0].Quarantined = true, true
	read[0].Attempts, read[0].attempting = begun.Attempts, true
	return read[0], true, nil
}
