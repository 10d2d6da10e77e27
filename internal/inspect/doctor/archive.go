package doctor

import (
	"context"
	"fmt"
	"time"

	"ingestion/streams"
)

// archiverAway is how old an entry may become that nobody archives: an archiver may be
// starting again.
const archiverAway = time.Minute

func archiveServed(ctx context.Context, e *exam, f *findings) error {
	now, err := e.redis.Time(ctx).Result()
	if err != nil {
		return err
	}
	for _, key := range e.keys() {
		groups, err := e.redis.XInfoGroups(ctx, key).Result()
		if isMissing(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, g := range groups {
			if g.Name != streams.ArchiveGroup {
				continue
			}
			served, err := e.redis.Exists(ctx, streams.KeysOf(key).Archiver).Result()
			if err != nil {
				return err
			}
			oldest, err := e.oldestHeld(ctx, key, g)
			if err != nil {
				return err
			}
			age := now.Sub(streams.ArrivalOf(oldest))
			if served > 0 || oldest == "" || age < archiverAway {
				continue
			}
			f.add(Error, fmt.Sprintf("no archiver serves the group %q of %s, which has not finished %s, the oldest of which arrived %v ago", g.Name, key, heldBy(g), age.Round(time.Second)),
				"nothing that is not archived is deleted, so the stream grows until Redis is full",
				"start an archiver, or, if nothing is to be archived any more, run: ingestctl archive detach")
		}
	}
	return nil
}
