package fold

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// State is what a fold notes about itself in the database, in the collection <into>.rebuild.
type State struct {
	ID         string      `bson:"_id"`
	Run        string      `bson:"run"`     // the fold
	Process    string      `bson:"process"` // the process that goes on with it
	Rules      Rules       `bson:"rules"`
	From       string      `bson:"from"` // as it was asked for
	To         string      `bson:"to"`
	Archive    string      `bson:"archive"` // of the same name, see Options
	Partitions []Partition `bson:"partitions"`
	Counts     Counts      `bson:"counts"`
	StartedAt  time.Time   `bson:"startedAt"`
	UpdatedAt  time.Time   `bson:"updatedAt"`
	FinishedAt *time.Time  `bson:"finishedAt,omitempty"`
}

// Rules are the settings that decide what becomes of an entry. They can't change in the
// middle of a fold.
type Rules struct {
	Limit          int           `bson:"limit"`
	Window         time.Duration `bson:"window"`
	Reserve        bool          `bson:"reserve"`
	MaxDelay       time.Duration `bson:"maxDelay"`
	MaxRecordBytes int           `bson:"maxRecordBytes"`
	// Homes is how many of the streams are partitions, in which customers are at home; 0: all.
	Homes int `bson:"homes,omitempty"`
	// JudgeAgain lets the limiter decide about records of which a worker has noted what it
	// decided.
	JudgeAgain bool `bson:"judgeAgain"`
}

func (r *Rules) homes(streams int) int { return cmp.Or(r.Homes, streams) }

// Partition is the part of a fold that comes from one partition.
type Partition struct {
	Key     string `bson:"key"`
	After   string `bson:"after"`   // the fold begins after this ID
	End     string `bson:"end"`     // and ends with this one
	Through string `bson:"through"` // all entries through this ID are settled
}

const (
	stateID     = "rebuild"
	stateSuffix = ".rebuild"
)

// notebook is the collection with the state of a fold.
type notebook struct{ coll *mongo.Collection }

func newNotebook(into *mongo.Collection) *notebook {
	durable := writeconcern.Majority()
	return &notebook{into.Database().Collection(into.Name()+stateSuffix, options.Collection().SetWriteConcern(durable))}
}

func (n *notebook) wrap(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s the state of the rebuild in %s: %w", doing, n.coll.Name(), err)
}

// read returns the state, or nil if there is none.
func (n *notebook) read(ctx context.Context) (*State, error) {
	var s State
	err := n.coll.FindOne(ctx, bson.D{{Key: "_id", Value: stateID}}).Decode(&s)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	return &s, n.wrap(err, "reading")
}

// create writes a new state.
func (n *notebook) create(ctx context.Context, s *State) error {
	_, err := n.coll.ReplaceOne(ctx, bson.D{{Key: "_id", Value: stateID}}, s, options.Replace().SetUpsert(true))
	return n.wrap(err, "writing")
}

// take notes that this process goes on with the fold.
func (n *notebook) take(ctx context.Context, s *State) error {
	s.Process = rand.Text()
	_, err := n.coll.UpdateOne(ctx, bson.D{{Key: "_id", Value: stateID}, {Key: "run", Value: s.Run}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "process", Value: s.Process}}}})
	return n.wrap(err, "writing")
}

// ErrTaken means that another process goes on with the fold.
var ErrTaken = errors.New("another process goes on with this rebuild")

// save writes the state, unless another process has taken over.
func (n *notebook) save(ctx context.Context, s *State) error {
	s.UpdatedAt = time.Now().UTC()
	r, err := n.coll.ReplaceOne(ctx, bson.D{{Key: "_id", Value: stateID}, {Key: "process", Value: s.Process}}, s)
	if err == nil && r.MatchedCount == 0 {
		return ErrTaken
	}
	return n.wrap(err, "writing")
}
