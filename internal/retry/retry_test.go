package retry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ingestion/internal/retry"
)

var errAway = errors.New("away")

func TestPausesGrowToTheMaximum(t *testing.T) {
	b := retry.Policy{Initial: 100 * time.Millisecond, Max: time.Second}.Start()
	for i := range 100 {
		pause := b.Next()
		if pause > time.Second {
			t.Fatalf("pause %d is %v, above the maximum", i, pause)
		}
		if i == 0 && (pause < 50*time.Millisecond || pause > 150*time.Millisecond) {
			t.Errorf("the first pause is %v, want about 100ms", pause)
		}
		if i > 10 && pause < 300*time.Millisecond {
			t.Errorf("pause %d is %v, want it to have grown", i, pause)
		}
	}
	b.Reset()
	if pause := b.Next(); pause > 150*time.Millisecond {
		t.Errorf("after Reset the first pause is %v, want about 100ms", pause)
	}
}

func TestDoRepeatsForHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin, notified := time.Now(), 0
		err := retry.Policy{}.Do(t.Context(), func() error {
			if time.Since(begin) < 3*time.Hour {
				return errAway
			}
			return nil
		}, func(error, time.Duration) { notified++ })
		if err != nil || notified < 1000 {
			t.Errorf("err = %v after %d pauses, want success after hours of pauses of at most 2s", err, notified)
		}
	})
}

func TestDoEndsAtAPermanentError(t *testing.T) {
	attempts := 0
	err := retry.Policy{}.Do(t.Context(), func() error { attempts++; return retry.Permanent(errAway) }, nil)
	if err != errAway || attempts != 1 {
		t.Errorf("err = %v after %d attempts, want %v after 1", err, attempts, errAway)
	}
}

func TestDoReturnsTheLastErrorWhenTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begin := time.Now()
		if err := (retry.Policy{}).Do(ctx, func() error { return errAway }, nil); err != errAway {
			t.Errorf("err = %v, want %v", err, errAway)
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("took %v, want the context's minute", took)
		}
	})
}

func TestEndedPutsTheReasonFirst(t *testing.T) {
	for cause, want := range map[error]string{
		context.DeadlineExceeded: "away", context.Canceled: "away", errors.New("--duration has passed"): "--duration has passed: away",
	} {
		err := retry.Ended(cause, errAway)
		if err.Error() != want || !errors.Is(err, cause) || !errors.Is(err, errAway) {
			t.Errorf("after %v: %v", cause, err)
		}
	}
}

// TestTheEndOfTheContextHidesNoFailure: an attempt that only the context cut off
// says less than the failure before it.
func TestTheEndOfTheContextHidesNoFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	refused := errors.New("connection refused")
	attempts := 0
	err := retry.Policy{Initial: time.Millisecond, Max: time.Millisecond}.Do(ctx, func() error {
		if attempts++; attempts < 3 {
			return refused
		}
		cancel()
		return fmt.Errorf("dial: %w", ctx.Err())
	}, nil)
	if !errors.Is(err, refused) || attempts != 3 {
		t.Errorf("%v after %d attempts", err, attempts)
	}
}
