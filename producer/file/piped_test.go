package file_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ingestion/producer/file"
)

// pieces returns a text in pieces of any length.
type pieces struct {
	t    *rapid.T
	text string
}

func (p *pieces) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(b, p.text[:rapid.IntRange(1, len(p.text)).Draw(p.t, "read")])
	p.text = p.text[n:]
	return n, nil
}

// A pipe shows less of a file than a file does. Whoever continues where reading it has
// ended reads all the rest, and no record that begins on an earlier line.
func TestContinuingAPipe(t *testing.T) {
	space := rapid.StringMatching(`[ \n]{0,2}`)
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		comma, end := ",", "]"
		if rapid.Bool().Draw(t, "array") {
			text.WriteString("[" + space.Draw(t, "space"))
		} else {
			comma, end = "", ""
		}
		for i := range rapid.IntRange(1, 5).Draw(t, "values") {
			if i > 0 {
				text.WriteString(comma + space.Draw(t, "space"))
			}
			text.WriteString(strings.ReplaceAll(`{_"a"_:_1_}`, "_", space.Draw(t, "space")) + space.Draw(t, "space"))
		}
		text.WriteString(end + space.Draw(t, "space"))
		all := readJSON(t, text.String(), 0)
		r, err := file.NewReader(&pieces{t, text.String()}, lenient(file.Options{Format: file.JSON}))
		must0(t, err)
		for i := range all {
			line, err := r.Next()
			must0(t, err)
			rest := readJSON(t, text.String(), line.After)
			begins := slices.IndexFunc(all, func(l file.Line) bool { return l.Number >= line.After })
			if begins < 0 {
				begins = len(all)
			}
			if begins > i+1 || len(rest) != len(all)-begins {
				t.Fatalf("%q: after record %d, from line %d: %d of %d records", text.String(), i+1, line.After, len(rest), len(all))
			}
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	})
}
