package inspect_test

import (
	"testing"

	"ingestion/internal/test/env"
)

func TestMain(m *testing.M) { env.Main(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
