package app_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"ingestion/cmd/internal/app"
)

func TestReportOfAnInterruption(t *testing.T) {
	var out bytes.Buffer
	app.Report(&out, "ingestctl dead list", fmt.Errorf("reading dead letters of s: %w", context.Canceled))
	if got, want := out.String(), "ingestctl dead list: reading dead letters of s: interrupted\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
