package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ingestion/internal/test/proc"
)

// The linker ignores the name of a variable that does not exist, so a program is built
// with the one of the images.
func TestBuildsWithoutVersionControlAreStamped(t *testing.T) {
	flag := regexp.MustCompile(`-X '([a-z/]+\.[a-z]+)=`)
	var variable string
	for _, file := range []string{"cmd/image.sh", "Makefile", "deploy/release/build.go"} {
		text, err := os.ReadFile(filepath.Join("..", "..", file))
		if err != nil {
			t.Fatal(err)
		}
		found := flag.FindStringSubmatch(string(text))
		if found == nil || variable != "" && found[1] != variable {
			t.Fatalf("%s stamps %q, want %q", file, found, variable)
		}
		variable = found[1]
	}
	program := filepath.Join(t.TempDir(), "ingestctl")
	if err := proc.GoBuild(t.Context(), program, "ingestion/cmd/ingestctl", "-buildvcs=false", "-ldflags=-X '"+variable+"=v9.8.7-rc.1'"); err != nil {
		t.Fatal(err)
	}
	output, err := exec.CommandContext(t.Context(), program, "--version").Output()
	if err != nil || !strings.HasPrefix(string(output), "ingestctl v9.8.7-rc.1 go1.") {
		t.Errorf("--version prints %q (%v)", output, err)
	}
}
