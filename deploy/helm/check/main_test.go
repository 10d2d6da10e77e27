package check

import (
	"io"
	"log"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	log.SetOutput(io.Discard) // Helm says each time that it follows a link
	os.Exit(m.Run())
}
