package streams

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// layer is one line of the list of groups in doc.go: file patterns, comma-separated.
var layer = regexp.MustCompile(`(?m)^//\t(\S+(?:, ?\S+)*,?)(?:  |$)`)

// TestGroupsUseOnlyThoseAboveThem checks doc.go's list of groups: a file refers to
// functions, types, constants and variables of its own group and of those above it.
func TestGroupsUseOnlyThoseAboveThem(t *testing.T) {
	groupOf := groupsInDoc(t)
	files := map[string]*ast.File{}
	declaredIn := map[string]string{}
	names, err := filepath.Glob("*.go")
	must(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") || name == "doc.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		must(t, err)
		files[name] = file
		for object := range file.Scope.Objects {
			declaredIn[object] = name
		}
	}
	for name, file := range files {
		group, ok := groupOf(name)
		if !ok {
			t.Errorf("%s is in no group of doc.go", name)
		}
		for _, ident := range file.Unresolved {
			if ident.Name == "Stream" { // its methods are in several groups
				continue
			}
			if other, ours := declaredIn[ident.Name]; ours {
				if at, _ := groupOf(other); at > group {
					t.Errorf("%s uses %s of %s, which is in a group below its own", name, ident.Name, other)
				}
			}
		}
	}
}

// groupsInDoc returns the position of a file's group in the list.
func groupsInDoc(t *testing.T) func(file string) (group int, ok bool) {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	must(t, err)
	type pattern struct {
		glob  string
		group int
	}
	var patterns []pattern
	group := 0
	for _, line := range layer.FindAllStringSubmatch(string(doc), -1) {
		for glob := range strings.SplitSeq(strings.TrimSuffix(line[1], ","), ",") {
			patterns = append(patterns, pattern{strings.TrimSpace(glob), group})
		}
		if !strings.HasSuffix(line[1], ",") {
			group++
		}
	}
	return func(file string) (int, bool) {
		for _, p := range patterns {
			if matched, _ := filepath.Match(p.glob, file); matched {
				return p.group, true
			}
		}
		return 0, false
	}
}
