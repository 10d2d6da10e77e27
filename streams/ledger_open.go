package streams

import (
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/plural"
	"ingestion/record"
)

var (
	//go:embed ledger_open.lua
	openSource string
	openScript = redis.NewScript(needSource + inspectSource + openSource)
)

// Open creates the consumer group if it does not exist. A group that existed and
// has vanished is created again from the trimming watermark, with an error in the
// log.
func (s *Stream) Open(ctx context.Context) error {
	if err := s.openLedger(ctx, nil); err != nil {
		return err
	}
	s.groupKnown = true
	return nil
}

// rewind describes that entries which are already counted are delivered again.
type rewind struct {
	epoch   int64  // the epoch in which they were counted
	surplus int64  // entries minus outcomes in that epoch: 0 or negative
	kind    string // "group", or kindStream if that is known
	known   string // the last entry that was certainly delivered, or ""
}

// openLedger opens the ledger, creates the group if needed and, given a rewind,
// begins a new epoch.
func (s *Stream) openLedger(ctx context.Context, r *rewind) error {
	args := []any{s.opts.Group}
	if r != nil {
		args = append(args, r.epoch, r.surplus, r.kind, r.known)
		args = append(args, endNames()...)
	}
	keys := []string{s.keys.Main, s.keys.Ledger, s.keys.Delayed, s.keys.Dead, s.keys.Gone, s.keys.Returns}
	reply, err := s.run(ctx, openScript, keys, args...).Slice()
	if err != nil {
		return fmt.Errorf("opening group %s of %s: %w", s.opts.Group, s.keys.Main, err)
	}
	if reply[0] == "other" {
		return &OwnerError{Key: s.keys.Main, Group: s.opts.Group, Owner: fmt.Sprint(reply[1])}
	}
	epoch := integer(reply[1])
	previous := s.enterEpoch(text(reply[3]), text(reply[2]))
	switch reply[0] {
	case "made":
		if previous != "" || epoch > 1 {
			s.reportRecreated(epoch, text(reply[4]), integer(reply[5]) == 1)
		}
	case "rewound":
		s.reportRewound(epoch, text(reply[4]), text(reply[5]))
	case "unknown":
		s.opts.Log.Warn("warning", "status", "error", "stream", s.keys.Main, "group", s.opts.Group,
			"reason", "the group has been read, but the ledger has no account of it: the ledger was deleted, or other clients read through this group; the account stays unknown until the group is created again")
	}
	return nil
}

// endNames are the ledger's fields that count how entries end, in the order used for
// scripts: as moved, or with an outcome.
func endNames() []any {
	names := []any{fieldMoved}
	for _, outcome := range record.Outcomes() {
		names = append(names, outcome.String())
	}
	return names
}

// reportRecreated logs what is at stake: after a flush or a failover only the
// workers know.
func (s *Stream) reportRecreated(epoch int64, start string, streamExists bool) {
	what := "the consumer group had vanished"
	if !streamExists {
		what = "the stream had vanished with its consumer group: its entries are lost unless the producers send them again"
	}
	held, lag := s.held.Load(), s.lag.Load()
	unread := "an unknown number of entries was"
	if lag >= 0 {
		unread = "about " + plural.Of(lag, "entry was", "entries were")
	}
	attrs := []any{"status", "error", "stream", s.keys.Main, "group", s.opts.Group, "epoch", epoch, "held", held,
		"reason", fmt.Sprintf("%s; this worker held %s and %s unread when last seen; the group was created again and reads after %s", what, plural.Of(held, "entry", "entries"), unread, start)}
	if lag >= 0 {
		attrs = append(attrs, "lag", lag)
	}
	s.opts.Log.Error("group_recreated", attrs...)
}

// reportRewound logs why entries are delivered again, and between which IDs
// entries are lost.
func (s *Stream) reportRewound(epoch int64, kind, lost string) {
	attrs := []any{"status", "error", "stream", s.keys.Main, "group", s.opts.Group, "epoch", epoch, "held", s.held.Load()}
	reason := "the consumer group was set back, by XGROUP SETID or by a failover to a replica that lagged behind: entries are delivered again and counted in a new epoch of the ledger"
	if kind == kindStream {
		reason = "Redis has gone back to an earlier state, as in a failover to a replica that lagged behind: later entries are lost unless the producers send them again; the counts continue in a new epoch of the ledger"
	}
	if after, upTo, ok := strings.Cut(lost, " "); ok {
		attrs = append(attrs, "after", after, "before", upTo)
	}
	s.opts.Log.Error("group_recreated", append(attrs, "reason", reason)...)
}
