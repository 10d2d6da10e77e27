package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestAWaitAtTheStartEndsInTheLog has a server that answers at the third try.
func TestAWaitAtTheStartEndsInTheLog(t *testing.T) {
	for name, failures := range map[string]int{"answers later": 2, "answers at once": 0} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			left := failures
			err := await(t.Context(), time.Minute, slog.New(slog.NewJSONHandler(&out, nil)), "Redis", func(context.Context) error {
				if left--; left >= 0 {
					return errors.New("busy")
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			begun, ended := strings.Count(out.String(), `"error"`), strings.Count(out.String(), `"success"`)
			if want := min(failures, 1); begun != want || ended != want {
				t.Errorf("told %d times and ended %d times, want %d each:\n%s", begun, ended, want, out.String())
			}
		})
	}
}
