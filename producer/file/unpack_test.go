package file_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"ingestion/producer/file"
)

// What follows the compressed data is no reason to fail, but is told.
func TestAfterTheCompressedData(t *testing.T) {
	const zeros = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	gzip, zstd := string(packed("{}\n{}\n")), string(zipped("{}\n{}\n"))
	from := func(text string) string { return fmt.Sprintf("from byte %d of the file on", len(text)) }
	for name, c := range map[string]struct {
		text, note string
	}{
		"nothing":                  {gzip, ""},
		"zeros":                    {gzip + zeros, "the zeros that follow the gzip data are ignored: 10 bytes " + from(gzip)},
		"one zero":                 {gzip + "\x00", "the zeros that follow the gzip data are ignored: 1 byte " + from(gzip)},
		"garbage":                  {gzip + "garbage", "what follows the gzip data is not gzip, and is ignored: 7 bytes " + from(gzip)},
		"zeros, then garbage":      {gzip + zeros + "x", "what follows the gzip data is not gzip, and is ignored: 11 bytes " + from(gzip)},
		"zeros after empty gzips":  {gzip + strings.Repeat(string(packed("")), 200) + zeros, "the zeros that follow the gzip data are ignored: 10 bytes from byte "},
		"zeros after zstd":         {zstd + zeros, "the zeros that follow the zstd data are ignored: 10 bytes " + from(zstd)},
		"nothing after zstd":       {zstd, ""},
		"many zeros after zstd":    {zstd + strings.Repeat(zeros, 9000), "the zeros that follow the zstd data are ignored: 90000 bytes " + from(zstd)},
		"many zeros after gzip":    {gzip + strings.Repeat(zeros, 9000), "the zeros that follow the gzip data are ignored: 90000 bytes " + from(gzip)},
		"two, then garbage":        {gzip + gzip + "garbage", "what follows the gzip data is not gzip, and is ignored: 7 bytes " + from(gzip+gzip)},
		"a byte of the next magic": {gzip + "\x1f!", "what follows the gzip data is not gzip, and is ignored: 2 bytes " + from(gzip)},
	} {
		got, _, err := readAll(strings.NewReader(c.text), file.Options{})
		if err != nil || len(got) < 2 {
			t.Errorf("%s: %q, %v", name, got, err)
			continue
		}
		slow, _, err := readAll(iotest.OneByteReader(strings.NewReader(c.text)), file.Options{})
		if err != nil || !cmp.Equal(got, slow) {
			t.Errorf("%s, byte by byte: %q, %v", name, slow, err)
		}
		notes := notesOf(t, []byte(c.text), file.Options{})
		if c.note == "" && len(notes) > 0 || c.note != "" && (len(notes) != 1 || !strings.HasPrefix(notes[0], c.note)) {
			t.Errorf("%s: %q", name, notes)
		}
	}
}

// Damage is told apart from a file that is merely incomplete, and from one that can't
// be read, and in words of its own.
func TestDamage(t *testing.T) {
	lines := strings.Repeat("{\"n\":1}\n", 500)
	gzip, zstd := string(packed(lines)), string(zipped(lines))
	flipped := func(text string, at int) string {
		return text[:at] + string(text[at]^0x55) + text[at+1:]
	}
	for name, c := range map[string]struct {
		text, says string
	}{
		"gzip checksum":    {flipped(gzip, len(gzip)-6), fmt.Sprintf("the gzip file is damaged: near byte %d, its checksum does not match its content", len(gzip))},
		"gzip data":        {flipped(gzip, 12), "the gzip file is damaged: near byte "},
		"gzip member":      {gzip + "\x1f\x8b\x00\x00\x00\x00\x00\x00\x00\x00", fmt.Sprintf("the gzip file is damaged: near byte %d, it can't be decompressed from there on", len(gzip)+10)},
		"zstd checksum":    {flipped(zstd, len(zstd)-2), "the zstd file is damaged: near byte "},
		"zstd data":        {flipped(zstd, len(zstd)/2), "the zstd file is damaged: near byte "},
		"zstd and garbage": {zstd + "garbage", "what follows the zstd data is not zstd"},
	} {
		_, _, err := readAll(strings.NewReader(c.text), file.Options{})
		var damage *file.Damage
		if !errors.As(err, &damage) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "invalid") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{"gzip": gzip[:len(gzip)-1], "zstd": zstd[:len(zstd)-1], "second gzip": gzip + "\x1f", "second header": gzip + gzip[:5]} {
		_, _, err := readAll(strings.NewReader(text), file.Options{})
		var damage *file.Damage
		if err == nil || errors.As(err, &damage) || !strings.Contains(err.Error(), "file is truncated") {
			t.Errorf("%s, truncated: %v", name, err)
		}
		broken := errors.New("the disk is gone")
		_, _, err = readAll(io.MultiReader(strings.NewReader(text), errReader{broken}), file.Options{})
		if !errors.Is(err, broken) || errors.As(err, &damage) {
			t.Errorf("%s, %v: %v", name, broken, err)
		}
	}
}
