package streams

import (
	"context"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed stream_claim.lua
	claimSource string
	claimScript = redis.NewScript(needSource + dropSource + claimSource)
)

const (
	// maxClaimPage is how many entries one call claims at most. Redis looks at ten
	// times as many for that, which takes a millisecond or two.
	maxClaimPage = 200
	// scanTime is about how long one scan lasts, so that new entries do not wait for
	// the end of a long pending list.
	scanTime = 50 * time.Millisecond
	// maxScanPause limits how long the entries of a dead worker wait beyond their lease.
	maxScanPause = time.Second
	// emptyScanPause applies if nothing is pending: what is delivered meanwhile has
	// its whole lease left, unless it is nacked.
	emptyScanPause = 2 * time.Second
	// scanSpread keeps the workers from scanning in step.
	scanSpread = 50 * time.Millisecond
)

// reclaim returns entries of dead workers, if it is time to look for them. It
// claims IDs, which raises the delivery counts, and then reads bodies, a few MiB
// at a time. Claimed entries whose bodies are not read yet stay leased until
// the next call. Quarantined entries come last, each alone and without its body.
func (s *Stream) reclaim(ctx context.Context, max int) ([]Delivery, error) {
	s.noteReceive()
	if s.scanDue() {
		if err := s.scan(ctx, max); err != nil {
			return nil, err
		}
	}
	batch, err := s.fetch(ctx, max)
	if err != nil || len(batch) > 0 {
		return batch, err
	}
	return s.dueQuarantined(), nil
}

// scanDue reports whether it is time for a scan and there is room for its result.
func (s *Stream) scanDue() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.claimed) == 0 && len(s.quarantine) < maxQuarantined && !time.Now().Before(s.nextScan)
}

// nextReclaim is when reclaim next has something to return or to look for.
func (s *Stream) nextReclaim() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.claimed) > 0 {
		return time.Time{}
	}
	next := s.nextScan
	for _, q := range s.quarantine {
		if q.due.Before(next) {
			next = q.due
		}
	}
	return next
}

// scan continues the search for expired leases where the workers have left it.
// It stops at the end of the pending list, after the first page with a claimed
// entry, or after a while: the rest is for other workers, or the next scan.
func (s *Stream) scan(ctx context.Context, max int) error {
	for begin := time.Now(); time.Since(begin) < scanTime; {
		found, pause, err := s.claimPage(ctx, min(max, maxClaimPage))
		if err != nil {
			return err
		}
		if pause > 0 {
			s.nextScan = time.Now().Add(pause + rand.N(scanSpread))
		}
		if len(found) > 0 {
			s.opts.Log.Info("claimed", "stream", s.keys.Main, "count", len(found),
				"reason", "the lease of their worker has expired")
			if s.opts.Claimed != nil {
				s.opts.Claimed(len(found))
			}
			s.bufferClaimed(found)
		}
		if pause > 0 || len(found) > 0 {
			return nil
		}
	}
	return nil
}

// claimPage claims entries of one page of the pending list. A pause means that the
// list has ended: no worker is to scan for that long.
func (s *Stream) claimPage(ctx context.Context, count int) (found []claimed, pause time.Duration, err error) {
	pauseAtEnd, pauseIfEmpty := s.scanPauses()
	reply, err := s.run(ctx, claimScript, append(s.keys.dropKeys(), s.keys.Scan),
		s.opts.Group, s.opts.Consumer, s.opts.ClaimIdle.Milliseconds(), count, s.opts.MaxDeliveries,
		pauseAtEnd.Milliseconds(), pauseIfEmpty.Milliseconds()).Slice()
	if err != nil {
		return nil, 0, fmt.Errorf("scanning %s for expired leases: %w", s.keys.Main, err)
	}
	s.reportMissing(texts(reply[2]))
	return parseClaimed(reply[1]), time.Duration(integer(reply[0])) * time.Millisecond, nil
}

// scanPauses are the pauses after the end of the pending list, and if it is empty.
func (s *Stream) scanPauses() (atEnd, ifEmpty time.Duration) {
	longest := time.Duration(float64(maxScanPause) * s.stretch())
	bounded := func(d time.Duration) time.Duration {
		return max(jitter(min(s.opts.ClaimIdle/4, d)), time.Millisecond)
	}
	return bounded(longest), bounded(max(longest, emptyScanPause))
}

func parseClaimed(reply any) []claimed {
	list, _ := reply.([]any)
	out := make([]claimed, 0, len(list)/3)
	for i := 0; i+2 < len(list); i += 3 {
		out = append(out, claimed{id: text(list[i]), deliveries: integer(list[i+1]), attempts: integer(list[i+2])})
	}
	return out
}

// bufferClaimed keeps claimed entries, with quarantined ones apart.
func (s *Stream) bufferClaimed(found []claimed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var suspicious []claimed
	for _, c := range found {
		if c.attempts == noAttempts {
			s.claimed = append(s.claimed, c)
			continue
		}
		s.addToQuarantine(c)
		suspicious = append(suspicious, c)
	}
	s.reportQuarantined(suspicious)
}

// reportMissing logs pending entries that no longer exist.
func (s *Stream) reportMissing(ids []string) {
	if len(ids) == 0 {
		return
	}
	s.opts.Log.Error("entries_missing", "stream", s.keys.Main, "count", len(ids), "ids", firstOf(ids),
		"reason", "another client deleted entries from the stream while they were pending: they are lost unless a running worker still holds them or the producer sends them again")
}
