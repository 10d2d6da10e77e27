package e2e_test

import (
	"os"
	"strconv"
	"testing"
	"time"

	"ingestion/internal/test/env"
)

func TestMain(m *testing.M) { env.Main(m) }

const (
	soon = 20 * time.Second  // for a single event
	late = 300 * time.Second // for a whole load on a slow machine
)

// setting returns a number from the environment, or a default.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s must be a number: %v", name, err)
	}
	return n
}
