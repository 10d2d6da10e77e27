package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"ingestion/internal/test/env"
)

func TestMain(m *testing.M) { env.Main(m) }

// root is the repository's root.
const root = "../.."

// page is one Markdown file.
type page struct {
	name  string // path below root
	lines []string
}

// block is a fenced code block.
type block struct {
	language string // the whole info string, such as "sh background"
	line     int    // of the opening fence, from 1
	text     string // without the fences
	follows  bool   // nothing but blank lines separates it from the block before
}

func newPage(name, text string) page { return page{name, strings.Split(text, "\n")} }

// pages reads every Markdown file of the repository.
func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "bin"):
			return fs.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".md":
			return nil
		}
		all = append(all, readPage(t, path[len(root)+1:]))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("found only %d pages", len(all))
	}
	return all
}

func readPage(t *testing.T, name string) page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return newPage(filepath.ToSlash(name), string(text))
}

const fence = "```"

// blocks returns the fenced code blocks in order.
func (p page) blocks() []block {
	var all []block
	prose, open := true, -1 // prose since the last block; line of the open fence
	for i, line := range p.lines {
		switch {
		case open < 0 && strings.HasPrefix(line, fence):
			open = i
		case open >= 0 && line == fence:
			all = append(all, block{p.lines[open][len(fence):], open + 1, strings.Join(p.lines[open+1:i], "\n"), !prose})
			open, prose = -1, false
		case open < 0 && strings.TrimSpace(line) != "":
			prose = true
		}
	}
	return all
}

var codeSpan = regexp.MustCompile("`[^`]+`")

// prose returns the lines by number, from 1, that are not in a code block.
func (p page) prose() map[int]string {
	lines := map[int]string{}
	inside := false
	for i, line := range p.lines {
		if strings.HasPrefix(line, fence) {
			inside = !inside
		} else if !inside {
			lines[i+1] = line
		}
	}
	return lines
}

// anchors returns what GitHub lets a link to this page end in, after the #.
func (p page) anchors() map[string]bool {
	all := map[string]bool{}
	prose := p.prose()
	for i := range p.lines {
		hashes, title, isHeading := strings.Cut(prose[i+1], " ")
		if !isHeading || hashes == "" || strings.Trim(hashes, "#") != "" {
			continue
		}
		anchor := slug(title)
		for n := 1; all[anchor]; n++ {
			anchor = fmt.Sprintf("%s-%d", slug(title), n)
		}
		all[anchor] = true
	}
	return all
}

// slug is GitHub's anchor of a heading.
func slug(title string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
			return unicode.ToLower(r)
		default:
			return -1
		}
	}, strings.TrimSpace(title))
}
