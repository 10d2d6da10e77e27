package streams

import (
	"context"
	"fmt"
	"strings"

	"ingestion/record"
)

// era is what a worker knows of the epoch that the ledger is in.
type era struct {
	name     string // by which it is known from others, also after a flush
	again    string // up to this ID entries may have been settled before
	lastRead string // ID of the entry that was read last, in this one
	doubt    string // ID of that entry when Redis last failed: it may have been lost
	saw      census // what the last census found, in this one
}

// rewind says that entries come again which were counted before.
type rewind struct {
	epoch int64  // that they were counted in
	ends  int64  // how many fewer entries than ends it has: 0, or negative
	kind  string // wentBack if that is known
	known string // the last entry that is known to have been delivered, or ''
}

// wentBack says that the stream went back with all that belongs to it, as when a
// replica that lagged behind takes over, not only the group's place in it.
const wentBack = "stream"

// Open makes the consumer group where it does not exist. A group that existed
// and has vanished is made again from the trimming watermark, loudly.
func (s *Stream) Open(ctx context.Context) error {
	if err := s.openLedger(ctx, nil); err != nil {
		return err
	}
	s.groupKnown = true
	return nil
}

// openLedger runs the script that opens the ledger and begins its epochs.
func (s *Stream) openLedger(ctx context.Context, r *rewind) error {
	args := []any{s.opts.Group}
	if r != nil {
		args = append(args, r.epoch, r.ends, r.kind, r.known)
		args = append(args, outcomeNames()...)
	}
	keys := []string{s.keys.Main, s.keys.Ledger, s.keys.Delayed, s.keys.Dead, s.keys.Gone, s.keys.Returns}
	reply, err := s.run(ctx, openScript, keys, args...).Slice()
	if err != nil {
		return fmt.Errorf("opening group %s of %s: %w", s.opts.Group, s.keys.Main, err)
	}
	if reply[0] == "other" {
		return &OwnerError{Key: s.keys.Main, Group: s.opts.Group, Owner: fmt.Sprint(reply[1])}
	}
	epoch, _ := reply[1].(int64)
	before := s.enter(text(reply[3]), text(reply[2]))
	switch reply[0] {
	case "made":
		if before != "" || epoch > 1 {
			s.reportRecreated(epoch, text(reply[4]), reply[5] == int64(1))
		}
	case "rewound":
		s.reportRewound(epoch, text(reply[4]), text(reply[5]))
	case "unknown":
		s.opts.Log.Warn("warning", "status", "error", "stream", s.keys.Main, "group", s.opts.Group,
			"reason", "the group has been read, and the ledger holds no account of it: it was deleted, or others have read through this group; the account stays unknown until the group is made again")
	}
	return nil
}

func outcomeNames() []any {
	var names []any
	for _, outcome := range record.Outcomes() {
		names = append(names, outcome.String())
	}
	return names
}

// enter takes note of the era and returns the one known before: what was seen in
// that one tells nothing of this one.
func (s *Stream) enter(name, again string) (before string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.era.name
	if name != before {
		s.era = era{name: name, again: again}
	}
	return before
}

func (s *Stream) eraNow() era {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.era
}

// noteFailure keeps what was read before Redis failed: another server may answer
// from now on, which does not know of it.
func (s *Stream) noteFailure() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.era.doubt == "" {
		s.era.doubt = s.era.lastRead
	}
}

// markRereads marks what may have been worked on in an earlier epoch, by
// whomever: going back in the stream tells of one.
func (s *Stream) markRereads(ctx context.Context, batch []Delivery) {
	if len(batch) == 0 {
		return
	}
	now := s.noteRead(batch)
	unsure := false
	if now.lastRead != "" && !before(now.lastRead, batch[0].ID) {
		unsure = s.lookBack(ctx, now) != nil
		now = s.noteRead(batch)
	}
	for i := range batch {
		batch[i].Redelivered = unsure || now.again != "" && !before(now.again, batch[i].ID)
	}
}

// noteRead keeps how far has been read, and returns what was known before.
func (s *Stream) noteRead(batch []Delivery) era {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.era
	s.era.lastRead = strings.Clone(batch[len(batch)-1].ID)
	return known
}

// beginAnew ends the epoch if it has entries that come again. The account says
// how many these are, whenever it is read: no step of a worker changes that.
func (s *Stream) beginAnew(ctx context.Context, found census, known era) error {
	a, err := ReadAccount(ctx, s.opts.Client, s.keys.Main, s.opts.Group)
	if err != nil {
		return err
	}
	epoch := found.number("epoch")
	if a.Epoch != epoch || !a.settlement().Known {
		return nil
	}
	r := rewind{epoch: epoch, ends: min(a.settlement().Difference(), 0), kind: found.text("rewound"), known: known.delivered()}
	return s.openLedger(ctx, &r)
}

// delivered is the last entry that is known to have been delivered, to whomever.
func (e era) delivered() string {
	last := e.saw.text("delivered")
	if before(e.saw.text("last"), last) {
		last = "" // there was no such entry: the group was set so
	}
	if before(last, e.latest()) {
		last = e.latest()
	}
	return last
}

// latest is the last entry that this worker has read and that may be lost.
func (e era) latest() string {
	if e.doubt != "" {
		return e.doubt
	}
	return e.lastRead
}

// reportRecreated says what is at stake: after a flush or a failover nobody
// else knows any more.
func (s *Stream) reportRecreated(epoch int64, start string, streamExists bool) {
	what := "the consumer group had vanished"
	if !streamExists {
		what = "the stream had vanished with its consumer group: what was on it is lost unless the producers send it again"
	}
	held, lag := s.held.Load(), s.lag.Load()
	unread := "an unknown number of entries was"
	if lag >= 0 {
		unread = fmt.Sprintf("about %d entries were", lag)
	}
	attrs := []any{"status", "error", "stream", s.keys.Main, "group", s.opts.Group, "epoch", epoch, "held", held,
		"reason", fmt.Sprintf("%s; this worker held %d entries and %s not read yet, when last seen; the group was made again and reads after %s", what, held, unread, start)}
	if lag >= 0 {
		attrs = append(attrs, "lag", lag)
	}
	s.opts.Log.Error("group_recreated", attrs...)
}

// reportRewound says why entries come again, and which have gone for good.
func (s *Stream) reportRewound(epoch int64, kind, lost string) {
	attrs := []any{"status", "error", "stream", s.keys.Main, "group", s.opts.Group, "epoch", epoch, "held", s.held.Load()}
	reason := "the consumer group was set back (XGROUP SETID): entries come again that were settled; they are counted anew, in a new epoch of the ledger"
	if kind == wentBack {
		reason = "Redis has gone back to an earlier state, as in a failover to a replica that lagged behind: what it had taken since is lost unless the producers send it again; the counts go on in a new epoch of the ledger"
	}
	if after, upTo, ok := strings.Cut(lost, " "); ok {
		attrs = append(attrs, "after", after, "before", upTo)
	}
	s.opts.Log.Error("group_recreated", append(attrs, "reason", reason)...)
}
