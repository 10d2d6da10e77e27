package file_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"ingestion/producer/file"
	"ingestion/record"
)

// decoded returns the text that some bytes are in an encoding, by means other than the
// reader's. Bytes that are no character become U+FFFD.
func decoded(encoding string, data []byte) string {
	var text strings.Builder
	switch encoding {
	case "latin1":
		for _, b := range data {
			text.WriteRune(rune(b))
		}
	case "windows-1252":
		for _, b := range data {
			text.WriteRune(charmap.Windows1252.DecodeByte(b))
		}
	default:
		order := map[string]binary.ByteOrder{"utf-16le": binary.LittleEndian, "utf-16be": binary.BigEndian}[encoding]
		var units []uint16
		for ; len(data) > 1; data = data[2:] {
			units = append(units, order.Uint16(data))
		}
		text.WriteString(string(utf16.Decode(units)))
		if len(data) > 0 {
			text.WriteRune(utf8.RuneError)
		}
	}
	return strings.TrimPrefix(text.String(), "\ufeff")
}

// noCharacter reports whether a line has a byte that no text in the encoding has.
func noCharacter(encoding, line string) bool {
	return strings.ContainsFunc(line, func(r rune) bool {
		return encoding == "latin1" && r >= 0x80 && r < 0xa0 || encoding != "latin1" && r == utf8.RuneError
	})
}

func FuzzEncodings(f *testing.F) {
	encodings := []string{"latin1", "windows-1252", "utf-16le", "utf-16be"}
	for i := range encodings {
		for _, seed := range []string{"{}\n\xe9\x80\n", "\x81\r\n \r{", "{\x00}\x00\n\x00\x00\xd8\n\x00{", "\x00{\xd8\x3d\xde\x00\x00\n\x00\r\xdc\x00", "\ufeff{}", "\xff\xfe{\x00"} {
			f.Add([]byte(seed), uint8(i))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		encoding := encodings[int(which)%len(encodings)]
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) || bytes.HasPrefix(data, []byte{0x28, 0xb5, 0x2f, 0xfd}) || bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) ||
			bytes.HasPrefix(data, []byte{0xff, 0xfe}) || bytes.HasPrefix(data, []byte{0xfe, 0xff}) {
			return // compressed, or marked as another encoding
		}
		if which%4 < 2 && len(data) > 3 && (data[0] == 0) != (data[1] == 0) && (data[0] == 0) == (data[2] == 0) && (data[1] == 0) == (data[3] == 0) {
			return // UTF-16
		}
		var want tally
		var bodies []string
		for _, line := range split(decoded(encoding, data)) {
			line = strings.TrimRight(line, "\r\n")
			switch {
			case strings.Trim(line, " \t\v\f") == "":
				want.blank++
			case noCharacter(encoding, line):
				want.reported++
			default:
				want.records++
				bodies = append(bodies, line)
			}
		}
		o := file.Options{Format: file.NDJSON, Encoding: encoding}
		for way, r := range ways(data) {
			got, lines, err := tallyAll(t, r, o)
			if err != nil || got != want {
				t.Fatalf("%q in %s, %s: %+v (%v), want %+v", data, encoding, way, got, err, want)
			}
			for i, line := range lines {
				if string(line.Body) != bodies[i] {
					t.Fatalf("%q, want %q", line.Body, bodies[i])
				}
			}
		}
	})
}

// FuzzSample reads lines with a mapper that wants the fields of a record. A file is
// refused as a whole, or read as if there were no sample. It is not refused if the
// worker would accept one of its first records, unless commas are at the ends of lines.
func FuzzSample(f *testing.F) {
	for _, seed := range []string{good, foreign + "\n" + good, good + ",\n" + good, "x\n\n" + good, `{"data":[` + good + `]}`, `{"customerId":"1","name":"A"}` + "\r" + `{"email":"e","createdAt":"t"}`, "\xe9\n" + good} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = "\n" + text
		o := file.Options{Format: file.NDJSON, Encoding: "utf-8"}
		want, _, err := readAll(strings.NewReader(text), o)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := readStrictly(strings.NewReader(text), o)
		var refused *file.Refusal
		switch {
		case err == nil:
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Fatalf("%q is read as %q, want %q", text, got, want)
			}
		case !errors.As(err, &refused):
			t.Fatal(err)
		case len(got) > 0:
			t.Fatalf("%q: %d records, then %v", text, len(got), err)
		default:
			for _, line := range want[:min(len(want), 100)] {
				if strings.HasSuffix(strings.TrimSpace(line), ",") {
					return
				}
				_, body, _ := strings.Cut(line, " ")
				if _, bad := new(record.Decoder).Decode([]byte(body)); bad == nil {
					t.Fatalf("%q is refused: %v", text, err)
				}
			}
		}
	})
}

// ways are readers of the same bytes.
func ways(data []byte) map[string]io.Reader {
	return map[string]io.Reader{"plain": bytes.NewReader(data), "byte by byte": iotest.OneByteReader(bytes.NewReader(data))}
}
