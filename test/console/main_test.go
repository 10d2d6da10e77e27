package console_test

import (
	"flag"
	"testing"
	"time"

	"ingestion/internal/test/browser"
	"ingestion/internal/test/env"
)

var update = flag.Bool("update", false, "write the pictures of docs/console.md")

const soon = 60 * time.Second // generous, for a busy machine

func TestMain(m *testing.M) { env.Main(browser.Stopping(m)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
