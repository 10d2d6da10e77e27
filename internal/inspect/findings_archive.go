package inspect

import (
	"fmt"
	"time"

	"ingestion/internal/plural"
)

const (
	// archiverAway is how old an entry may become that nobody archives, before that is an
	// error: an archiver may be starting again.
	archiverAway = time.Minute
	// archiveBehind is how old an entry may become that is not archived yet.
	archiveBehind = 15 * time.Minute
)

// unarchived reports an archive that keeps entries from being trimmed.
func (j *judge) unarchived() {
	p, more, ok := j.among(func(p Partition) int64 {
		age, waits := p.Age(p.Archive.Oldest)
		return weigh(waits && !p.Archive.Served) * max(1, int64(age))
	})
	if ok {
		f := Finding{
			Severity: Warning, Code: "archive_unserved", Subject: p.Key, More: more,
			Text: fmt.Sprintf("no archiver serves the archive, for which %s, the oldest for %s: nothing after it is trimmed, so the stream grows", waiting(p.Archive.Lag), Age(time.Duration(p.weight))),
			Do:   "Start an archiver, or give the archive up", Command: "ingestctl archive detach",
		}
		if time.Duration(p.weight) > archiverAway {
			f.Severity = Error
		}
		j.add(f)
	}
	p, more, ok = j.among(func(p Partition) int64 {
		age, _ := p.Age(p.Archive.Oldest)
		return weigh(p.Archive.Served && age > archiveBehind) * int64(age)
	})
	if ok {
		j.add(Finding{
			Severity: Warning, Code: "archive_behind", Subject: p.Key, More: more,
			Text: fmt.Sprintf("%s to be archived, the oldest for %s: nothing after it is trimmed", waiting(p.Archive.Lag), Age(time.Duration(p.weight))),
			Do:   "See whether the archiver's bucket fails", Command: "archiver healthcheck --ready",
		})
	}
}

func waiting(entries int64) string {
	if entries < 0 {
		return "an unknown number of entries wait"
	}
	return plural.Counted(entries, "entry waits", "entries wait")
}
