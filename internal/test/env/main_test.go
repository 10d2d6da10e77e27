package testenv_test

import (
	"testing"

	"ingestion/internal/test/env"
)

func TestMain(m *testing.M) { testenv.Main(m) }
