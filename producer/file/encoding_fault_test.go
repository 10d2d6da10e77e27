package file_test

import (
	"errors"
	"strings"
	"testing"

	"ingestion/producer/file"
)

// The option that helps is not the one that was given.
func TestHintsAboutEncodings(t *testing.T) {
	const bad = "1,\x81,e,t\n"
	for name, c := range map[string]struct {
		text, encoding string
		reason         string
		hint           file.Hint
	}{
		"no UTF-8":        {header + bad, "", "the byte 0x81 is not valid UTF-8", file.HintEncoding},
		"marked as UTF-8": {"\ufeff" + header + bad, "windows-1252", "the byte 0x81 is not valid UTF-8, though the file begins with its byte order mark", file.NoHint},
		"windows-1252":    {header + bad, "windows-1252", "a byte is no character of windows-1252", file.HintOtherEncoding},
		"Latin-1":         {header + bad, "latin1", "the byte 0x81 is a control character in Latin-1; the file may be windows-1252", file.HintOtherEncoding},
		"UTF-16":          {"\xff\xfe" + spread(header+"1,") + "\x00\xd8" + spread(",e,t\n"), "", "a character is not valid UTF-16", file.HintOtherEncoding},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := file.NewReader(strings.NewReader(c.text), file.Options{Encoding: c.encoding})
			must(t, err)
			line, err := r.Next()
			must(t, err)
			var fault *file.RowError
			if !errors.As(line.Err, &fault) || fault.Reason != c.reason || fault.Hint != c.hint {
				t.Errorf("%#v", line.Err)
			}
		})
	}
}

// spread returns ASCII as UTF-16LE.
func spread(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.Write([]byte{c, 0})
	}
	return b.String()
}
