package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/consumer"
	"ingestion/internal/config"
	"ingestion/internal/retry"
	"ingestion/store"
)

// connectMongo returns the store of the configured collection. It waits until MongoDB
// answers and the collection is usable, for STARTUP_TIMEOUT_SEC at most.
func connectMongo(ctx context.Context, cfg *config.Config, log *slog.Logger, observer store.Observer) (*mongo.Client, *store.Store, error) {
	opts, err := mongoOptions(cfg, log)
	if err != nil {
		return nil, nil, err
	}
	client, s, err := newStore(ctx, cfg, opts, observer)
	if err != nil {
		return nil, nil, err
	}
	if err := awaitMongo(ctx, s, cfg); err != nil {
		return nil, nil, errors.Join(err, disconnect(ctx, client))
	}
	return client, s, nil
}

// mongoOptions are the options of a client. It warns in log if a file of theirs can't be
// read again.
func mongoOptions(cfg *config.Config, log *slog.Logger) (*options.ClientOptions, error) {
	opts, err := cfg.MongoOptions(func(err error) {
		log.Warn("warning", "status", "error", "server", "MongoDB", "reason",
			"MONGO_URI, MONGO_PASSWORD_FILE: "+err.Error()+"; new connections use its last content")
	})
	switch {
	case errors.Is(err, store.ErrUnresolved):
		return nil, &SetupError{fmt.Errorf("MONGO_URI: %w", err)}
	case err != nil:
		return nil, &config.Error{Faults: []string{"MONGO_URI, MONGO_PASSWORD_FILE: " + err.Error()}}
	}
	if opts.MaxPoolSize == nil {
		opts.SetMaxPoolSize(uint64(cfg.Concurrency + 8))
	}
	return opts, nil
}

// newStore returns the store of the configured collection. It connects on first use.
func newStore(ctx context.Context, cfg *config.Config, opts *options.ClientOptions, observer store.Observer) (*mongo.Client, *store.Store, error) {
	client, err := mongo.Connect(opts)
	if err != nil {
		return nil, nil, &config.Error{Faults: []string{"MONGO_URI: the driver can't use it: check the options"}}
	}
	s, err := store.New(client.Database(cfg.MongoDB).Collection(cfg.MongoCollection), store.Options{Observer: observer})
	if err != nil {
		return nil, nil, errors.Join(err, disconnect(ctx, client))
	}
	return client, s, nil
}

func awaitMongo(ctx context.Context, s *store.Store, cfg *config.Config) error {
	limit := cfg.StartupTimeout.Duration()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := s.Await(ctx)
	if err == nil && cfg.MongoIndexes {
		if err = s.EnsureIndexes(ctx); err != nil {
			err = fmt.Errorf("%w; create the index by hand, or set MONGO_INDEXES=off", err)
		}
	}
	return explainMongo(cfg, err)
}

// explainMongo names the variables in an error of the start.
func explainMongo(cfg *config.Config, err error) error {
	switch {
	case err == nil:
		return nil
	case store.Permanent(err):
		return &SetupError{fmt.Errorf("MONGO_URI: %s: %w", cfg.MongoURI, err)}
	case errors.Is(err, context.DeadlineExceeded):
		return noMongo(cfg, err)
	default:
		return err
	}
}

// noMongo returns the error of a wait that took too long, with the last failure if an
// attempt came to an end.
func noMongo(cfg *config.Config, err error) error {
	text := fmt.Sprintf("MONGO_URI: no MongoDB answers at %s (gave up after STARTUP_TIMEOUT_SEC, %v)", cfg.MongoURI, cfg.StartupTimeout.Duration())
	var last *store.Error
	if errors.As(err, &last) {
		return fmt.Errorf("%s: %w", text, last)
	}
	return errors.New(text)
}

func disconnect(ctx context.Context, client *mongo.Client) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	return client.Disconnect(ctx)
}

var mongoDown = consumer.Cause{Kind: consumer.MongoDown}

// storeObserver shuts the gate while MongoDB fails, and logs why: each reason once a minute,
// however often MongoDB recovers in between. The store calls one method at a time.
type storeObserver struct {
	log      *slog.Logger
	gate     *consumer.Gate
	throttle retry.Throttle
	open     bool              // a failure was logged, the recovery was not
	retried  func(store.Class) // counts retries; may be nil
}

// Waiting shuts the gate.
func (w *storeObserver) Waiting(err error, class store.Class, next time.Duration) {
	if w.retried != nil {
		w.retried(class)
	}
	reason := err.Error()
	switch class {
	case store.Transient, store.NotSent, store.LoginFailed, store.Operator:
		reason += "; connection string: MONGO_URI"
	}
	if w.throttle.Allow(reason) {
		w.open = true
		w.log.Warn("retrying", "status", "error", "server", "MongoDB", "reason", reason,
			"pause", fmt.Sprint(next.Round(time.Millisecond)))
	}
	w.gate.Shut(mongoDown, reason)
}

// Strike logs a strike against a record, which is postponed.
func (w *storeObserver) Strike(s store.Strike) {
	w.log.Warn("warning", "status", "error", "server", "MongoDB", "_id", s.ID, "reason", fmt.Sprintf(
		"MongoDB refuses this record with the unknown code %d but accepts others; the record is retried later, and rejected after %d such refusals (so far %d)",
		s.Code, s.Limit, s.Count))
}

// Recovered opens the gate.
func (w *storeObserver) Recovered() {
	w.gate.Open(mongoDown)
	if !w.open {
		return
	}
	w.open = false
	w.log.Info("retrying", "status", "success", "server", "MongoDB", "reason", "MongoDB answers again")
}
