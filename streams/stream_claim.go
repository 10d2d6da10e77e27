package streams

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

const (
	// claimPage is how many entries one call takes over at most. Redis looks at ten
	// times as many for that, which takes it a millisecond or two.
	claimPage = 200
	// fetchBytes bounds the bodies that one call brings.
	fetchBytes = replyBytes
	// scanTime is how long one look lasts, about, so that new entries do not wait
	// for the end of a long pending list.
	scanTime = 50 * time.Millisecond
	// longestScanPause keeps the entries of a dead worker from waiting much
	// longer than their lease.
	longestScanPause = time.Second
	// emptyScanPause is for when nothing is pending: what is delivered meanwhile
	// has a whole lease before it, unless it is handed back.
	emptyScanPause = 2 * time.Second
	// scanSpread keeps the workers from looking in step.
	scanSpread = 50 * time.Millisecond
)

// takeOver returns entries of dead workers, if their time has come: it claims
// IDs, which raises the delivery counts, and then reads bodies, some MiB at a
// time. What is claimed and not yet read stays leased until the next call.
// Suspects come last, each alone and unread.
func (s *Stream) takeOver(ctx context.Context, max int) ([]Delivery, error) {
	s.setWanted()
	if s.mayScan() {
		if err := s.scan(ctx, max); err != nil {
			return nil, err
		}
	}
	batch, err := s.fetch(ctx, max)
	if err != nil || len(batch) > 0 {
		return batch, err
	}
	return s.dueSuspect(), nil
}

// mayScan says that there is room for what a scan finds, and that it is time.
func (s *Stream) mayScan() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.claimed) == 0 && len(s.suspects) < maxSuspects && !time.Now().Before(s.nextScan)
}

// scan goes on with looking for entries with a lapsed lease, from where the
// workers have got to the end of the pending list, and stops at the first page
// that has some, or after a while: what comes after is left for others, or for
// the next look.
func (s *Stream) scan(ctx context.Context, max int) error {
	for begun := time.Now(); time.Since(begun) < scanTime; {
		found, wait, err := s.claimPage(ctx, min(max, claimPage))
		if err != nil {
			return err
		}
		if wait > 0 {
			s.nextScan = time.Now().Add(wait + rand.N(scanSpread))
		}
		if len(found) > 0 {
			s.opts.Log.Info("claimed", "stream", s.keys.Main, "count", len(found),
				"reason", "the lease of their worker has run out")
			s.keep(found)
		}
		if wait > 0 || len(found) > 0 {
			return nil
		}
	}
	return nil
}

func (s *Stream) claimPage(ctx context.Context, count int) (found []claimed, wait time.Duration, err error) {
	pause, longer := s.scanPauses()
	reply, err := s.run(ctx, claimScript, append(s.keys.pending(), s.keys.Scan),
		s.opts.Group, s.opts.Consumer, s.opts.ClaimIdle.Milliseconds(), count, s.maxDeliveries(), pause.Milliseconds(), longer.Milliseconds()).Slice()
	if err != nil {
		return nil, 0, fmt.Errorf("looking for lapsed leases on %s: %w", s.keys.Main, err)
	}
	ms, _ := reply[0].(int64)
	s.reportMissing(texts(reply[2]))
	return parseClaimed(reply[1]), time.Duration(ms) * time.Millisecond, nil
}

// keep sorts what was claimed.
func (s *Stream) keep(found []claimed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var suspected []claimed
	for _, c := range found {
		if c.tries < 0 {
			s.claimed = append(s.claimed, c)
			continue
		}
		s.suspectFrom(c)
		suspected = append(suspected, c)
	}
	s.reportSuspects(suspected)
}

func (s *Stream) fetch(ctx context.Context, max int) ([]Delivery, error) {
	s.mu.Lock()
	want := s.claimed[:min(max, len(s.claimed))]
	s.mu.Unlock()
	if len(want) == 0 {
		return nil, nil
	}
	args := []any{s.opts.Group, s.opts.Consumer, fetchBytes}
	counts := make(map[string]int64, len(want))
	for _, c := range want {
		args = append(args, c.id)
		counts[c.id] = c.deliveries
	}
	reply, err := s.run(ctx, fetchScript, s.keys.pending(), args...).Slice()
	if err != nil {
		return nil, fmt.Errorf("reading claimed entries of %s: %w", s.keys.Main, err)
	}
	batch := parseEntries(reply[0], counts)
	missing, lost := texts(reply[1]), texts(reply[2])
	s.reportMissing(missing)
	if err := s.recognise(ctx, batch); err != nil {
		return nil, err
	}
	if !s.fetched(want[0].id, len(batch)+len(missing)+len(lost)) {
		return nil, nil
	}
	return batch, nil
}

// fetched removes the first n of what was claimed, unless all of it was given
// back meanwhile.
func (s *Stream) fetched(first string, n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.claimed) < max(n, 1) || s.claimed[0].id != first {
		return false
	}
	s.claimed = s.claimed[n:]
	return true
}

func (s *Stream) reportMissing(ids []string) {
	if len(ids) == 0 {
		return
	}
	s.opts.Log.Error("entries_missing", "stream", s.keys.Main, "count", len(ids), "ids", someOf(ids),
		"reason", "somebody else deleted entries from the stream while they were pending: they are lost unless a worker that lives still holds them, or the producer sends them again")
}

// someOf names the first IDs of a list that need not be all of a range.
func someOf(ids []string) string {
	const most = 10
	if len(ids) <= most {
		return strings.Join(ids, " ")
	}
	return strings.Join(ids[:most], " ") + " …"
}

func parseClaimed(reply any) []claimed {
	list, _ := reply.([]any)
	out := make([]claimed, 0, len(list)/3)
	for i := 0; i+2 < len(list); i += 3 {
		deliveries, _ := list[i+1].(int64)
		tries, _ := list[i+2].(int64)
		out = append(out, claimed{id: text(list[i]), deliveries: deliveries, tries: tries})
	}
	return out
}

func parseEntries(reply any, counts map[string]int64) []Delivery {
	list, _ := reply.([]any)
	out := make([]Delivery, 0, len(list))
	for _, item := range list {
		pair, _ := item.([]any)
		if len(pair) != 2 {
			continue
		}
		id := text(pair[0])
		d := delivery(id, texts(pair[1]), counts[id])
		d.Redelivered = true
		out = append(out, d)
	}
	return out
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func texts(v any) []string {
	list, _ := v.([]any)
	out := make([]string, len(list))
	for i, item := range list {
		out[i] = text(item)
	}
	return out
}
