package streams

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ledgerLegacy is the ledger's field for the last entry that the previous version
// may have put back on the stream. Its entries are known by their fields alone.
const ledgerLegacy = "legacy"

// resolveReturned sets the origin and the reserved slot of entries that the service
// has put back on the stream. They come from {K}:returns: the fields of the entry
// itself prove nothing, since a producer may have set them. It looks them up
// only for entries with such fields.
func (s *Stream) resolveReturned(ctx context.Context, batch []Delivery) error {
	var ids []string
	for i := range batch {
		if batch[i].marked {
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
		if d := &batch[i]; d.marked {
			d.resolve(text(returns.Val()[n]), legacy.Val())
			n++
		}
	}
	return nil
}

// resolve sets the origin and the slot from the value in {K}:returns or, for an
// entry that the previous version put back, from the entry's fields.
func (d *Delivery) resolve(returned, legacy string) {
	if origin, slot, known := strings.Cut(returned, " "); known {
		d.Origin, d.AdmitAt = origin, parseSlot(slot)
		if n := len(d.Fields) - 2; n >= 0 && d.Fields[n] == fieldOrigin {
			d.Fields = d.Fields[:n] // the service added it
		}
		return
	}
	if legacy == "" || before(legacy, d.ID) || !isEntryID(d.Origin) {
		d.Origin, d.AdmitAt = "", 0
	}
}
