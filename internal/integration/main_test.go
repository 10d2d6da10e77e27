package integration_test

import (
	"testing"

	"ingestion/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }
