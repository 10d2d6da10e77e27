package fold

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Noted is what a fold has noted about itself, and the collection that it is into.
type Noted struct {
	Into string
	State
}

// States returns what all folds into collections of a database have noted, the newest first.
// It changes nothing.
func States(ctx context.Context, db *mongo.Database) ([]Noted, error) {
	names, err := db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return nil, fmt.Errorf("listing the collections of %s: %w", db.Name(), err)
	}
	var notes []Noted
	for _, name := range names {
		into, ok := strings.CutSuffix(name, stateSuffix)
		if !ok || into == "" {
			continue
		}
		state, err := newNotebook(db.Collection(into)).read(ctx)
		if err != nil {
			return nil, err
		}
		if state != nil {
			notes = append(notes, Noted{Into: into, State: *state})
		}
	}
	slices.SortFunc(notes, func(a, b Noted) int { return b.StartedAt.Compare(a.StartedAt) })
	return notes, nil
}

// At is the arrival of what was settled last.
func (s *State) At() time.Time {
	last := int64(0)
	for _, p := range s.Partitions {
		last = max(last, arrival(p.Through))
	}
	return time.UnixMilli(last).UTC()
}

// Progress is how far the fold had come when it noted that.
func (s *State) Progress() Progress {
	p := Progress{Counts: s.Counts.clone(), At: s.At()}
	for i, part := range s.Partitions {
		from, to := time.UnixMilli(arrival(part.After)).UTC(), time.UnixMilli(arrival(part.End)).UTC()
		if i == 0 || from.Before(p.From) {
			p.From = from
		}
		if to.After(p.To) {
			p.To = to
		}
	}
	return p
}
