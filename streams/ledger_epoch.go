package streams

import (
	"cmp"
	"context"
	"errors"
	"strings"
)

// The ledger counts in epochs. A new one begins when entries that were counted are
// delivered again: the group vanished or was set back, or the stream went back.

// epochState is what a worker knows of the ledger's current epoch.
type epochState struct {
	id       string // unique even after a flush, unlike the epoch's number
	again    string // entries up to this ID may have been settled in an earlier epoch
	lastRead string // greatest ID of an entry read in this epoch
	late     bool   // a read that began before this epoch may still return
	back     string // entries up to this ID are delivered again, for which no epoch has begun yet
	doubt    string // lastRead when Redis last failed: that entry may be lost
	seen     named  // the result of the last loss detection in this epoch
}

// enterEpoch notes the current epoch and returns the ID of the previous one. What was
// known of a previous epoch is dropped.
func (s *Stream) enterEpoch(id, again string) (previous string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	previous = s.epoch.id
	if id != previous {
		s.epoch = epochState{id: id, again: again, late: previous != ""}
	}
	return previous
}

func (s *Stream) currentEpoch() epochState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.epoch
}

// noteFailure remembers what was read before Redis failed: another server may
// answer next, which does not know of it.
func (s *Stream) noteFailure() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch.doubt == "" {
		s.epoch.doubt = s.epoch.lastRead
	}
}

// markRedelivered marks entries that any worker may have processed before. Reading an
// entry up to the last one read proves that the group was set back.
func (s *Stream) markRedelivered(ctx context.Context, batch []Delivery) {
	if len(batch) == 0 {
		return
	}
	known, setBack := s.noteRead(batch)
	unsure := false
	if setBack {
		unsure = s.checkRewind(ctx, known) != nil
		known, _ = s.noteRead(batch)
	}
	again := known.again
	if before(again, known.back) {
		again = known.back
	}
	for i := range batch {
		batch[i].Redelivered = unsure || again != "" && !before(again, batch[i].ID)
	}
}

// noteRead remembers what was read and returns what is known now, and whether this
// batch is the first to show that the group was set back. A late read is not
// remembered: its entries may be delivered again in this epoch.
func (s *Stream) noteRead(batch []Delivery) (known epochState, setBack bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &s.epoch
	if e.back == "" && e.lastRead != "" && !before(e.lastRead, batch[0].ID) {
		e.back, setBack = e.lastRead, true
	}
	if last := batch[len(batch)-1].ID; !e.late && before(e.lastRead, last) {
		e.lastRead = strings.Clone(last)
	}
	e.late = false
	return *e, setBack
}

// ended reports whether a new epoch has to begin, given the result of a loss
// detection. Without an account, none does.
func (e epochState) ended(found named) bool {
	rewound, counted := found["rewound"].(string)
	return counted && (rewound != "" || e.back != "" && e.id == found.text("epoch_id"))
}

// readerCalls is how many calls a reader makes to count the undelivered entries: some
// 100 ms for 40,000 of them. If there are more, Maintain counts them and begins the epoch.
const readerCalls = 20

// errCounting means that entries are being counted, and the epoch begins after that.
var errCounting = errors.New("the undelivered entries are being counted")

// checkRewind finds out why an entry was read that lies before the last one read.
func (s *Stream) checkRewind(ctx context.Context, known epochState) error {
	if !s.detecting.TryLock() {
		return errCounting
	}
	defer s.detecting.Unlock()
	found, err := s.look(ctx, known)
	if err == nil && known.ended(found) {
		err = s.beginEpoch(ctx, found, known, readerCalls)
	}
	return err
}

// beginEpoch ends the current epoch, since entries of it are delivered again. How many
// of them were counted follows from the account, whatever workers do meanwhile, unless
// more entries are missing that were not counted as such: those pass to the new epoch.
// most limits the calls to count the undelivered ones; 0: no limit.
func (s *Stream) beginEpoch(ctx context.Context, found named, known epochState, most int) error {
	epoch := found.integer("epoch")
	r := accountReader{client: s.opts.Client, keys: s.keys, group: s.opts.Group, epoch: epoch, most: most}
	a, err := r.readSteadily(ctx)
	if err != nil {
		return err
	}
	if a.Epoch != epoch || !a.settlement().Known {
		return nil
	}
	return s.openLedger(ctx, &rewind{
		epoch:   epoch,
		surplus: min(a.settlement().Difference(), 0),
		kind:    cmp.Or(found.text("rewound"), "group"),
		known:   known.delivered(),
	})
}

// delivered is the last entry that was certainly delivered, to any worker.
func (e epochState) delivered() string {
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
func (e epochState) latest() string {
	return cmp.Or(e.doubt, e.back, e.lastRead)
}
