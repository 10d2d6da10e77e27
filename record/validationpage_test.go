package record_test

import (
	"crypto/sha256"
	"encoding/hex"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// identityExample is a record of the page, the command that gives its _id, and
// what that prints.
var identityExample = regexp.MustCompile(`(?m)^    (\{.*\})\n    (printf '%s' '(.*)' \| sha256sum)\n    (.*)  -$`)

// Each _id on the page is what its command prints and what the decoder gives.
func TestIdentitiesOfThePage(t *testing.T) {
	examples := identityExample.FindAllStringSubmatch(readValidationPage(t), -1)
	if len(examples) < 7 {
		t.Errorf("only %d examples were read", len(examples))
	}
	for _, e := range examples {
		body, command, joined, id := e[1], e[2], e[3], e[4]
		if got := mustDecode(t, body).ID; got != id {
			t.Errorf("%s: _id %s, the page says %s", body, got, id)
		}
		if sum := sha256.Sum256([]byte(joined)); hex.EncodeToString(sum[:]) != id {
			t.Errorf("%s: its SHA-256 is %x, the page says %s", joined, sum, id)
		}
		if _, err := exec.LookPath("sha256sum"); err != nil {
			continue
		}
		out, err := exec.Command("sh", "-c", command).CombinedOutput()
		if err != nil || string(out) != id+"  -\n" {
			t.Errorf("%s: %v, printed %s", command, err, out)
		}
	}
}

// noReasons are texts in the code that are parts of a reason's frame.
var noReasons = map[string]bool{"Invalid JSON: ": true, "%s (at byte %d)": true}

// The page has an example for every reason that the code can give: each text
// with words in it, comments aside, is part of one.
func TestEveryReasonIsOnThePage(t *testing.T) {
	var reasons strings.Builder
	for _, r := range validationRows(t) {
		reasons.WriteString(r.cells[len(r.cells)-1] + "\n")
	}
	found := 0
	for _, text := range textsOfTheCode(t) {
		if noReasons[text] || !strings.Contains(strings.TrimSpace(text), " ") {
			continue
		}
		found++
		if !strings.Contains(reasons.String(), text) {
			t.Errorf("no example is refused for %q", text)
		}
	}
	if found < 45 {
		t.Errorf("only %d reasons were found in the code", found)
	}
}

func textsOfTheCode(t *testing.T) (texts []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, source, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					texts = append(texts, text)
				}
			}
			return true
		})
	}
	return texts
}
