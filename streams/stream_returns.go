package streams

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ledgerLegacy is the ledger's field for the last entry that the version before
// this one may have put on the stream: what that one put back is known by its
// fields alone.
const ledgerLegacy = "legacy"

// recognise gives the entries that we put back their origins and places. They
// come from our own record of what was put back, by entry ID: fields of that kind
// have no power by themselves, since a producer may have put them there. The
// record is looked at only where an entry has such fields.
func (s *Stream) recognise(ctx context.Context, batch []Delivery) error {
	var ids []string
	for i := range batch {
		if batch[i].claims {
			ids = append(ids, batch[i].ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	pipe := s.opts.Client.Pipeline()
	returns, legacy := pipe.HMGet(ctx, s.keys.Returns, ids...), pipe.HGet(ctx, s.keys.Ledger, ledgerLegacy)
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return fmt.Errorf("looking up what was put back on %s: %w", s.keys.Main, err)
	}
	n := 0
	for i := range batch {
		if d := &batch[i]; d.claims {
			d.resolve(text(returns.Val()[n]), legacy.Val())
			n++
		}
	}
	return nil
}

// resolve takes the origin and the place from our record of the entry, or from
// the fields of one that the version before put back.
func (d *Delivery) resolve(returned, legacy string) {
	if origin, place, known := strings.Cut(returned, " "); known {
		d.Origin, d.AdmitAt = origin, admission(place)
		if n := len(d.Fields) - 2; n >= 0 && d.Fields[n] == fieldOrigin {
			d.Fields = d.Fields[:n] // by us, and none of the entry's own
		}
		return
	}
	if legacy == "" || before(legacy, d.ID) || !isEntryID(d.Origin) {
		d.Origin, d.AdmitAt = "", 0
	}
}

// keepUnread keeps what was read for the next look for entries to take over.
func (s *Stream) keepUnread(batch []Delivery) {
	kept := make([]claimed, len(batch))
	for i, d := range batch {
		kept[i] = claimed{id: strings.Clone(d.ID), deliveries: d.Deliveries, tries: -1}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claimed = append(kept, s.claimed...)
}

// isEntryID says that text is written as Redis writes an entry's ID.
func isEntryID(text string) bool {
	ms, seq, ok := strings.Cut(text, "-")
	digits := func(s string) bool { return s != "" && len(s) <= 20 && strings.Trim(s, "0123456789") == "" }
	return ok && digits(ms) && digits(seq)
}
