package fold

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ingestion/archive"
	"ingestion/record"
)

// The fields of a note of outcomes: an outcome, or one of these. streams/outcomes.lua says
// what they have.
const (
	noteBegun    = "begun"
	noteReturned = "returned"
)

// decisions is what the workers decided about the entries of one partition, as they noted
// it for the archive. It takes 24 bytes for each entry that was not ingested, and some 100
// for each that was put back.
type decisions struct {
	begun    string // only entries after this ID have a note for certain; "" if none has
	list     []decision
	returned map[string]putBack
	origins  map[string]struct{} // of those in returned
}

// decision is the outcome of an entry. The zero outcome is one of a list, to which the entry
// was moved.
type decision struct {
	ms, seq uint64
	outcome record.Outcome
}

func (d decision) compare(o decision) int {
	return cmp.Or(cmp.Compare(d.ms, o.ms), cmp.Compare(d.seq, o.seq))
}

// Notes reads the notes of outcomes that are not archived yet.
type Notes interface {
	Notes(ctx context.Context) ([]archive.Entry, error)
}

// readDecisions reads the notes of one partition: those that are not archived, and then
// those in the archive, which has by then whatever was trimmed.
func readDecisions(ctx context.Context, log *archive.Log, notes Notes) (*decisions, error) {
	d := &decisions{returned: map[string]putBack{}, origins: map[string]struct{}{}}
	latest, err := notes.Notes(ctx)
	if err != nil {
		return nil, err
	}
	if log != nil {
		if err := d.read(ctx, log); err != nil {
			return nil, fmt.Errorf("reading the archive of %s: %w", log.Key(), err)
		}
	}
	for _, e := range latest {
		d.add(e)
	}
	d.sort()
	return d, nil
}

// read takes in the notes that are still in the archive.
func (d *decisions) read(ctx context.Context, log *archive.Log) error {
	begin, err := log.Begin(ctx)
	if errors.Is(err, archive.ErrEmpty) {
		return nil
	}
	if err != nil {
		return err
	}
	if begin.Number > 1 { // entries that came after the first note that is left were noted after it
		d.begun = begin.First
	}
	for e, err := range log.Entries(ctx, begin.First, "") {
		if err != nil {
			return err
		}
		d.add(e)
	}
	return nil
}

// add takes in a note. What can't be read is left out: then the entry is judged again.
func (d *decisions) add(e archive.Entry) {
	for i := 0; i+1 < len(e.Fields); i += 2 {
		ids := strings.Fields(e.Fields[i+1])
		switch name := e.Fields[i]; {
		case name == noteBegun && len(ids) == 1:
			d.begin(e.ID, ids[0])
		case name == noteReturned && len(ids) == 3:
			slot, _ := strconv.ParseInt(ids[2], 10, 64)
			origin := strings.Clone(ids[1])
			d.returned[strings.Clone(ids[0])] = putBack{origin: origin, slot: slot}
			if slot > 0 {
				d.origins[origin] = struct{}{}
			}
		default:
			d.addAll(outcomeOf(name), ids)
		}
	}
}

// begin takes in that notes began, at an ID, after that of an entry. If they began anew, Redis
// may have lost all it knew of the stream, and only what came later is certain.
func (d *decisions) begin(at, after string) {
	if d.begun == "" {
		d.begun = after
		return
	}
	d.begun = later(after, at)
}

func (d *decisions) addAll(outcome record.Outcome, ids []string) {
	for _, id := range ids {
		ms, seq, _ := archive.SplitID(id)
		d.list = append(d.list, decision{ms, seq, outcome})
	}
}

func outcomeOf(name string) record.Outcome {
	for _, o := range record.Outcomes() {
		if o.String() == name {
			return o
		}
	}
	return 0
}

// sort makes the list ready to be searched. Of several notes of an entry the last one
// counts: it may have been delivered again after a failover.
func (d *decisions) sort() {
	slices.SortStableFunc(d.list, decision.compare)
	slices.Reverse(d.list)
	d.list = slices.CompactFunc(d.list, func(a, b decision) bool { return a.compare(b) == 0 })
	slices.Reverse(d.list)
}

// known reports whether it is certain that the outcome of an entry was noted, once it had
// one.
func (d *decisions) known(id string) bool {
	return d.begun != "" && archive.CompareIDs(id, d.begun) > 0
}

// outcome returns what was decided about an entry whose outcome is known. Without a note it
// was ingested, or has no outcome yet.
func (d *decisions) outcome(id string) (o record.Outcome, noted bool) {
	ms, seq, _ := archive.SplitID(id)
	i, noted := slices.BinarySearchFunc(d.list, decision{ms: ms, seq: seq}, decision.compare)
	if !noted {
		return record.Ingested, false
	}
	return d.list[i].outcome, true
}

// cameBack reports whether a deferred record was put back on the stream. Then the entry with
// which it came back counts.
func (d *decisions) cameBack(id string) bool {
	_, ok := d.origins[id]
	return ok
}

// stands reports whether a decision stands whatever the rules are now. Whether a body is a
// valid record is decided again.
func stands(o record.Outcome) bool { return o != record.Malformed && o != record.Invalid }
