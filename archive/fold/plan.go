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

	"ingestion/archive"
)

// Refusal says why a fold can't begin, or can't go on, and what to do. Nothing was changed.
type Refusal struct{ Reason string }

// Error returns the reason.
func (r *Refusal) Error() string { return r.Reason }

func refuse(format string, args ...any) error { return &Refusal{fmt.Sprintf(format, args...)} }

// Plan is what a fold will do.
type Plan struct {
	State
	Resumes bool // it goes on with a fold that was stopped
}

// plan decides what is to be done. It changes nothing.
func (r *Rebuild) plan(ctx context.Context) (*Plan, error) {
	if r.opts.Into.Name() == r.opts.Live.Name() {
		return nil, refuse("%s is the live collection: name another one", r.opts.Into.Name())
	}
	state, err := r.notes.read(ctx)
	if err != nil {
		return nil, err
	}
	empty, err := isEmpty(ctx, r.opts.Into)
	if err != nil {
		return nil, err
	}
	switch {
	case state == nil && !empty:
		return nil, refuse("%s has documents, and is no rebuild: name another collection, or drop it", r.opts.Into.Name())
	case state == nil, r.opts.Restart, state.FinishedAt != nil && empty:
		return r.fresh(ctx)
	case state.FinishedAt != nil:
		return nil, refuse("%s is a finished rebuild: name another collection, or begin again with --restart", r.opts.Into.Name())
	}
	return r.resume(ctx, state, empty)
}

// resume checks that a fold can be continued.
func (r *Rebuild) resume(ctx context.Context, s *State, empty bool) (*Plan, error) {
	again := "; begin again with --restart"
	if err := r.sameAs(s); err != nil {
		return nil, refuse("the rebuild into %s was begun otherwise: %v; set it as before, or begin again with --restart", r.opts.Into.Name(), err)
	}
	if empty && s.Counts.Outcomes["ingested"] > 0 {
		return nil, refuse("the documents of the unfinished rebuild into %s are gone%s", r.opts.Into.Name(), again)
	}
	if r.opts.Rules.Limit > 0 {
		there, err := r.windows.there(ctx, s.Run)
		if err != nil {
			return nil, err
		}
		if !there {
			return nil, refuse("the rebuild into %s was stopped too long ago: the customers' windows are no longer in Redis%s", r.opts.Into.Name(), again)
		}
	}
	return &Plan{State: *s, Resumes: true}, nil
}

// sameAs returns an error that names what has changed since the fold began.
func (r *Rebuild) sameAs(s *State) error {
	was := func(name string, before, now any) error {
		if before == now {
			return nil
		}
		return fmt.Errorf("%s was %v and is %v", name, before, now)
	}
	a, b := s.Rules, r.opts.Rules
	err := errors.Join(
		was("RATE_LIMIT_LIMIT", a.Limit, b.Limit),
		was("RATE_LIMIT_WINDOW_SEC", a.Window, b.Window),
		was("RATE_LIMIT_POLICY=defer", a.Reserve, b.Reserve),
		was("RATE_LIMIT_MAX_DELAY_SEC", a.MaxDelay, b.MaxDelay),
		was("MAX_RECORD_BYTES", a.MaxRecordBytes, b.MaxRecordBytes),
		was("STREAM_PARTITIONS", a.homes(len(s.Partitions)), b.homes(len(r.opts.Keys))),
		was("--judge-again", a.JudgeAgain, b.JudgeAgain),
		was("--from", s.From, r.opts.From.Text),
		was("--to", s.To, r.opts.To.Text),
		was("the archive", cmp.Or(s.Archive, "none"), cmp.Or(r.opts.Archive, "none")),
		was("the number of streams", len(s.Partitions), len(r.opts.Keys)),
	)
	for i, p := range s.Partitions {
		if err == nil {
			err = was("the stream", p.Key, r.opts.Keys[i])
		}
	}
	return err
}

// fresh plans a fold from the beginning.
func (r *Rebuild) fresh(ctx context.Context) (*Plan, error) {
	p := &Plan{State: State{
		ID: stateID, Run: rand.Text(), Rules: r.opts.Rules, From: r.opts.From.Text, To: r.opts.To.Text, Archive: r.opts.Archive,
		StartedAt: time.Now().UTC(), Counts: Counts{Outcomes: map[string]int64{}},
	}}
	empty := r.opts.Bucket != nil
	for i, key := range r.opts.Keys {
		part, archived, err := r.extent(ctx, i, key)
		if err != nil {
			return nil, err
		}
		empty = empty && !archived
		p.Partitions = append(p.Partitions, part)
	}
	if empty {
		return nil, refuse("the archive has nothing of %s: look at its URL and at STREAM_KEY and STREAM_PARTITIONS, or name no archive", r.opts.Keys[0])
	}
	return p, nil
}

// extent is what there is of a partition, within what was asked for, and whether the
// archive has some of it.
func (r *Rebuild) extent(ctx context.Context, i int, key string) (part Partition, archived bool, err error) {
	b, err := r.streams[i].bounds(ctx)
	if err != nil {
		return part, false, err
	}
	part = Partition{Key: key, After: later(b.before, b.trimmed), End: b.last}
	if r.logs[i] == nil {
		return r.bounded(part), false, nil
	}
	tail, begin, err := chain(ctx, r.logs[i])
	switch {
	case errors.Is(err, archive.ErrEmpty):
		return r.bounded(part), false, nil
	case err != nil:
		return part, false, fmt.Errorf("reading the archive of %s: %w", key, err)
	case archive.CompareIDs(tail, b.trimmed) >= 0:
		part.After, part.End = earlier(begin, part.After), later(part.End, tail)
	case r.opts.From.ID == "" || archive.CompareIDs(r.opts.From.ID, b.trimmed) <= 0:
		return part, false, refuse("the archive of %s ends with %s, and on the stream all entries through %s were trimmed: what is between is gone; begin after it with --from %s",
			key, tail, b.trimmed, following(b.trimmed))
	}
	return r.bounded(part), true, nil
}

// bounded is a partition within --from and --to.
func (r *Rebuild) bounded(p Partition) Partition {
	if from := r.opts.From.ID; from != "" {
		p.After = later(p.After, preceding(from))
	}
	if to := r.opts.To.ID; to != "" {
		p.End = earlier(p.End, to)
	}
	p.End = later(p.End, p.After)
	p.Through = p.After
	return p
}

// chain returns the last ID of a log, and the ID after which its entries are still there.
func chain(ctx context.Context, log *archive.Log) (tail, begin string, err error) {
	last, err := log.Tail(ctx)
	if err != nil {
		return "", "", err
	}
	first, err := log.Begin(ctx)
	if err != nil {
		return "", "", err
	}
	if begin = preceding(first.First); first.Number == 1 && archive.IsID(first.After) {
		begin = first.After
	}
	return last.Last, begin, nil
}

func isEmpty(ctx context.Context, coll *mongo.Collection) (bool, error) {
	err := coll.FindOne(ctx, bson.D{}).Err()
	if err == nil || errors.Is(err, mongo.ErrNoDocuments) {
		return err != nil, nil
	}
	return false, fmt.Errorf("reading %s: %w", coll.Name(), err)
}
