package streams

import (
	"context"
	"strings"
)

// The ledger counts in epochs. A new one begins when entries that were counted are
// delivered again: the group vanished or was set back, or the stream went back.

// era is what a worker knows of the ledger's current epoch.
type era struct {
	name     string // tells epochs apart, even after a flush
	again    string // entries up to this ID may have been settled in an earlier epoch
	lastRead string // ID of the last entry read in this epoch
	doubt    string // lastRead when Redis last failed: that entry may be lost
	seen     named  // the result of the last loss detection in this epoch
}

// enterEra notes the current epoch and returns the name of the previous one.
// Knowledge of that one does not apply to this one.
func (s *Stream) enterEra(name, again string) (previous string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	previous = s.era.name
	if name != previous {
		s.era = era{name: name, again: again}
	}
	return previous
}

func (s *Stream) currentEra() era {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.era
}

// noteFailure remembers what was read before Redis failed: another server may
// answer next, which does not know of it.
func (s *Stream) noteFailure() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.era.doubt == "" {
		s.era.doubt = s.era.lastRead
	}
}

// markRedelivered marks entries that any worker may have processed in an earlier
// epoch. Reading an entry before the last one read shows that an epoch has ended.
func (s *Stream) markRedelivered(ctx context.Context, batch []Delivery) {
	if len(batch) == 0 {
		return
	}
	known := s.noteRead(batch)
	unsure := false
	if known.lastRead != "" && !before(known.lastRead, batch[0].ID) {
		unsure = s.checkRewind(ctx, known) != nil
		known = s.noteRead(batch)
	}
	for i := range batch {
		batch[i].Redelivered = unsure || known.again != "" && !before(known.again, batch[i].ID)
	}
}

// noteRead remembers the last entry read and returns the era as it was before.
func (s *Stream) noteRead(batch []Delivery) era {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.era
	s.era.lastRead = strings.Clone(batch[len(batch)-1].ID)
	return known
}

// beginEpoch ends the current epoch if entries of it are delivered again. Their
// number follows from the account, whatever workers do meanwhile.
func (s *Stream) beginEpoch(ctx context.Context, found named, known era) error {
	a, err := ReadAccount(ctx, s.opts.Client, s.keys.Main, s.opts.Group)
	if err != nil {
		return err
	}
	epoch := found.integer("epoch")
	if a.Epoch != epoch || !a.settlement().Known {
		return nil
	}
	return s.openLedger(ctx, &rewind{
		epoch: epoch, surplus: min(a.settlement().Difference(), 0), kind: found.text("rewound"), known: known.delivered(),
	})
}

// delivered is the last entry that was certainly delivered, to any worker.
func (e era) delivered() string {
	last := e.seen.text("delivered")
	if before(e.seen.text("last"), last) {
		last = "" // no such entry existed: the group was set to that ID
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
