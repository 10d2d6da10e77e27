package letters_test

import (
	"testing"

	"ingestion/internal/test/env"
)

func TestMain(m *testing.M) { env.Main(m) }
