package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	pathSpan = regexp.MustCompile("`(\\.?[a-z][\\w.-]*/[\\w./-]*)`")
	verb     = regexp.MustCompile(`%[+#]?[a-z]`)
)

// Pages that describe the tree name files and folders that exist.
func TestPathsExist(t *testing.T) {
	for _, name := range []string{"docs/architecture.md", "CONTRIBUTING.md"} {
		found := 0
		for number, line := range readPage(t, name).prose() {
			for _, match := range pathSpan.FindAllStringSubmatch(line, -1) {
				found++
				if _, err := os.Stat(filepath.Join(root, match[1])); err != nil {
					t.Errorf("%s:%d: %s does not exist", name, number, match[1])
				}
			}
		}
		if found < 10 {
			t.Errorf("%s: found only %d paths", name, found)
		}
	}
}

// The messages of docs/troubleshooting.md are those of the code.
func TestMessagesOccurInTheCode(t *testing.T) {
	code := productCode(t)
	found := 0
	for number, line := range readPage(t, "docs/troubleshooting.md").prose() {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| `") || len(cells) != 2 || strings.Contains(cells[0], "` reports") {
			continue
		}
		for _, span := range codeSpan.FindAllString(cells[0], -1) {
			found++
			message := strings.Trim(span, "`")
			if !pattern(message).MatchString(code) {
				t.Errorf("docs/troubleshooting.md:%d: no line of the code has the message %q", number, message)
			}
		}
	}
	if found < 15 {
		t.Errorf("found only %d messages", found)
	}
}

// productCode returns the Go code of the product, with … for the verbs of
// format strings.
func productCode(t *testing.T) string {
	t.Helper()
	var code strings.Builder
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name := entry.Name()
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "test" || name == "bench" || name == "bin"):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		code.WriteString(verb.ReplaceAllString(string(text), "…"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return code.String()
}

// pattern matches text, with … for anything within a line.
func pattern(text string) *regexp.Regexp {
	return regexp.MustCompile(strings.ReplaceAll(regexp.QuoteMeta(text), "…", ".*"))
}
