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

func TestAwaitLogsTheFirstErrorAndTheRecovery(t *testing.T) {
	for name, failures := range map[string]int{"at the third attempt": 2, "at the first attempt": 0} {
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
			failed, recovered := strings.Count(out.String(), `"error"`), strings.Count(out.String(), `"success"`)
			if want := min(failures, 1); failed != want || recovered != want {
				t.Errorf("logged %d failures and %d recoveries, want %d each:\n%s", failed, recovered, want, out.String())
			}
		})
	}
}
