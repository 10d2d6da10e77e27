package store

import (
	"context"
	"errors"
	"fmt"
)

// Check finds out once, within the time limit of a call, whether the collection
// can be reached and read. The error is an *Error that names the variable to
// look at; Permanent says of it that waiting can't help.
func (s *Store) Check(ctx context.Context) error {
	t := s.pace.current()
	// A look-up needs a primary, a login and the right to read; a ping passes
	// without the last two.
	_, err := s.command(ctx, t.timeout, appendFind(nil, s.coll.Name(), []string{""}, false, 0))
	if err != nil {
		return newError(classifyLookup(err), err, t.timeout)
	}
	s.recovered()
	return nil
}

// Await waits at start-up until Check passes. It returns at once where waiting
// can't help, wrong credentials above all, and when ctx ends; the error says
// then what it waited for and wraps ctx's error.
func (s *Store) Await(ctx context.Context) error {
	return s.persist(ctx, "reach MongoDB", Permanent, s.Check)
}

// Permanent says that err, as returned by this package, is not mended by time:
// wrong credentials, missing rights or a configuration that can't work.
func Permanent(err error) bool {
	var failure *Error
	return errors.As(err, &failure) && (failure.Class == Operator || failure.Class == Configuration)
}

// persist repeats do with backoff until it succeeds, fails for good or ctx ends.
func (s *Store) persist(ctx context.Context, what string, forGood func(error) bool, do func(context.Context) error) error {
	pause := s.newBackOff()
	for {
		err := do(ctx)
		if err == nil {
			return nil
		}
		var failure *Error
		if !errors.As(err, &failure) || forGood(err) {
			return fmt.Errorf("store: %s: %w", what, err)
		}
		if ctx.Err() != nil || s.wait(ctx, pause.NextBackOff(), failure) != nil {
			return fmt.Errorf("store: %s: %w", what, s.ended(ctx, failure))
		}
	}
}
