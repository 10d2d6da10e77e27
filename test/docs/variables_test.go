package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var variableRow = regexp.MustCompile("(?m)^\\| `([A-Z][A-Z_]+)` \\|")

// The layers below cmd name no environment variable, since they do not know how
// their options are set.
func TestLayersNameNoVariables(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]bool{}
	for _, row := range variableRow.FindAllStringSubmatch(string(page), -1) {
		variables[row[1]] = true
	}
	if len(variables) < 30 {
		t.Fatalf("found only %d variables", len(variables))
	}
	word := regexp.MustCompile(`\b[A-Z]+(?:_[A-Z]+)+\b`)
	for _, layer := range []string{"record", "streams", "limiter", "store", "consumer"} {
		files, err := filepath.Glob(filepath.Join(root, layer, "*.*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", layer, len(files), err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range word.FindAllString(string(text), -1) {
				if variables[name] {
					t.Errorf("%s names %s", file, name)
				}
			}
		}
	}
}
