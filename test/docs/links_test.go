package docs_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// linkTarget matches the target of a link or an image.
var linkTarget = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksResolve(t *testing.T) {
	links := 0
	for _, p := range pages(t) {
		n, faults := checkLinks(p)
		links += n
		for _, fault := range faults {
			t.Error(fault)
		}
	}
	if links < 50 {
		t.Errorf("found only %d links", links)
	}
}

// checkLinks counts the relative links of a page and returns what is wrong
// with them.
func checkLinks(p page) (links int, faults []string) {
	for number, line := range p.prose() {
		for _, match := range linkTarget.FindAllStringSubmatch(codeSpan.ReplaceAllString(line, ""), -1) {
			target := match[1]
			if strings.Contains(target, "://") {
				continue
			}
			links++
			if fault := checkTarget(p, target); fault != "" {
				faults = append(faults, fmt.Sprintf("%s:%d: %s: %s", p.name, number, target, fault))
			}
		}
	}
	return links, faults
}

func checkTarget(from page, target string) string {
	file, anchor, hasAnchor := strings.Cut(target, "#")
	to := from
	if file != "" {
		name := path.Join(path.Dir(from.name), file)
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			return "no such file"
		}
		if !hasAnchor {
			return ""
		}
		text, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return err.Error()
		}
		to = newPage(name, string(text))
	}
	if !to.anchors()[anchor] {
		return "no such heading"
	}
	return ""
}

// languages are those that a code block may have; CONTRIBUTING.md explains them.
var languages = []string{"sh", "sh background", "console", "text", "log", "json", "yaml", "python"}

func TestCodeBlocksHaveALanguage(t *testing.T) {
	for _, p := range pages(t) {
		for _, fault := range checkLanguages(p) {
			t.Error(fault)
		}
	}
}

var listItem = regexp.MustCompile(`^\s*([-*]|\d+\.) `)

func checkLanguages(p page) (faults []string) {
	for _, b := range p.blocks() {
		if !slices.Contains(languages, b.language) {
			faults = append(faults, fmt.Sprintf("%s:%d: the code block has the language %q, want one of %q", p.name, b.line, b.language, languages))
		}
	}
	if p.name == "docs/validation.md" { // record/validation_test.go reads and runs its indented examples
		return faults
	}
	inList, prose := false, p.prose()
	for i := range p.lines {
		line, isProse := prose[i+1]
		switch {
		case !isProse || strings.TrimSpace(line) == "":
		case listItem.MatchString(line):
			inList = true
		case strings.HasPrefix(line, "    ") && !inList:
			faults = append(faults, fmt.Sprintf("%s:%d: an indented code block: fence it", p.name, i+1))
		case !strings.HasPrefix(line, " "):
			inList = false
		}
	}
	return faults
}

// Guards against checkers that find nothing.
func TestCheckersFindFaults(t *testing.T) {
	p := newPage("docs/sample.md", strings.ReplaceAll(`# A title, with "marks"
[right](#a-title-with-marks) [right](index.md) [wrong](#nowhere) [wrong](missing.md) [wrong](index.md#nowhere)
'[code](ignored.md)'

    make demo

- an item

    its second paragraph

'''bash
[code](ignored.md)
'''
`, "'", "`"))
	links, faults := checkLinks(p)
	if links != 5 || len(faults) != 3 {
		t.Errorf("%d links, want 5, and 3 faults: %q", links, faults)
	}
	if faults := checkLanguages(p); len(faults) != 2 {
		t.Errorf("want 2 faults: %q", faults)
	}
}
