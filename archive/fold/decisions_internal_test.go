package fold

import (
	"context"
	"fmt"
	"testing"

	"ingestion/archive"
	"ingestion/record"
)

// latest are notes that are not archived.
type latest []archive.Entry

func (l latest) Notes(context.Context) ([]archive.Entry, error) { return l, nil }

func note(i int, pairs ...string) archive.Entry { return archive.Entry{ID: id(i), Fields: pairs} }

func TestDecisionsAreReadFromArchiveAndStream(t *testing.T) {
	log, tail := archive.Open(memory(t), "{k}:outcomes"), archive.Manifest{}
	for i, e := range []archive.Entry{
		note(0, "begun", "5-3"),
		note(1, "duplicate", "6-0 8-0 6-2"),
		note(2, "rate_limited", "7-0"),
		note(3, "of another version", "9-9"),
	} {
		segment := archive.NewSegment()
		must(t, segment.Add(&e))
		var err error
		tail, err = log.Append(t.Context(), tail, segment, archive.Note{Archiver: fmt.Sprint(i)})
		must(t, err)
	}
	d, err := readDecisions(t.Context(), log, latest{
		note(2, "rate_limited", "7-0"), // archived meanwhile
		note(4, "deferred", "7-0", "moved", "10-0"),
		note(5, "returned", "11-0 7-0 1234"),
		note(6, "returned", "12-0 6-0 0"),
	})
	must(t, err)
	for id, want := range map[string]record.Outcome{
		"6-0": record.Duplicate, "6-2": record.Duplicate, "8-0": record.Duplicate, "7-0": record.Deferred, "10-0": 0, "9-9": 0,
	} {
		if got, noted := d.outcome(id); !noted || got != want {
			t.Errorf("%s: %v, %v, want %v", id, got, noted, want)
		}
	}
	if got, noted := d.outcome("6-1"); noted || got != record.Ingested {
		t.Errorf("without a note: %v, %v", got, noted)
	}
	if d.known("5-3") || !d.known("5-4") {
		t.Error("known before the notes begin, or not after")
	}
	if d.returned["11-0"] != (putBack{"7-0", 1234}) || d.returned["12-0"] != (putBack{"6-0", 0}) {
		t.Errorf("returned: %v", d.returned)
	}
	if !d.cameBack("7-0") || d.cameBack("6-0") {
		t.Error("only the deferred record came back and counts there")
	}
}

// Where nothing was noted, or notes began anew, entries are judged again.
func TestWithoutNotesNothingIsKnown(t *testing.T) {
	d, err := readDecisions(t.Context(), archive.Open(memory(t), "{k}:outcomes"), latest{})
	must(t, err)
	if d.known("1-0") {
		t.Error("known")
	}
	d, err = readDecisions(t.Context(), nil, latest{note(0, "begun", "1-0"), note(1, "begun", "9-0")})
	must(t, err)
	if d.known("9-0") || d.known(id(1)) || !d.known(following(id(1))) {
		t.Error("the second beginning does not count, or what Redis may have lost is known")
	}
}
