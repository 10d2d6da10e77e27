package file

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// encodings are the values of Options.Encoding without case, hyphens and
// underscores. UTF-8 needs no conversion.
var encodings = map[string]encoding.Encoding{
	"":            nil,
	"utf8":        nil,
	"utf16":       unicode.UTF16(unicode.LittleEndian, unicode.UseBOM),
	"utf16le":     unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
	"utf16be":     unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"latin1":      charmap.ISO8859_1,
	"iso88591":    charmap.ISO8859_1,
	"windows1252": charmap.Windows1252,
	"cp1252":      charmap.Windows1252,
}

var spelling = strings.NewReplacer("-", "", "_", "", " ", "")

// spelled returns the key of an encoding.
func spelled(name string) string { return spelling.Replace(strings.ToLower(name)) }

// CheckEncoding returns an error if name is not valid for Options.Encoding.
func CheckEncoding(name string) error {
	if _, ok := encodings[spelled(name)]; !ok {
		return fmt.Errorf("unknown encoding %q: want utf-8, utf-16, utf-16le, utf-16be, latin1 or windows-1252", name)
	}
	return nil
}

var (
	markUTF8    = []byte{0xef, 0xbb, 0xbf}
	markUTF16LE = []byte{0xff, 0xfe}
	markUTF16BE = []byte{0xfe, 0xff}
	markUTF32LE = []byte{0xff, 0xfe, 0, 0}
)

// decode converts the content to UTF-8 and skips a byte order mark. Without an
// encoding it follows the byte order mark, and that of UTF-8 in any case.
func (o *opened) decode(name string) error {
	if err := CheckEncoding(name); err != nil {
		return &Refusal{Reason: err.Error(), Hint: HintOtherEncoding}
	}
	key := spelled(name)
	head := o.begin(minHead)
	order := markedOrder(head)
	switch {
	case bytes.HasPrefix(head, markUTF8):
		if encodings[key] != nil {
			o.noteOnce("encoding", fmt.Sprintf("the file begins with the byte order mark of UTF-8, and is not read as %s", name))
		}
		o.skipped = int64(len(markUTF8))
		_, err := o.Discard(len(markUTF8))
		return err
	case bytes.HasPrefix(head, markUTF32LE):
		return &Refusal{Reason: "the file is UTF-32; save it as UTF-8"}
	case order != "" && key != "" && key != "utf16" && key != "utf16"+order:
		return &Refusal{Reason: fmt.Sprintf("the file begins with the byte order mark of UTF-16%s, so it is not %s", strings.ToUpper(order), name), Hint: HintNoEncoding}
	case order != "":
		key = "utf16"
	case key == "utf16" && guessUTF16(head) != "":
		key = guessUTF16(head)
	case key != "utf8" && !strings.HasPrefix(key, "utf16") && guessUTF16(head) != "":
		return &Refusal{Reason: "the file is UTF-16 without a byte order mark", Hint: HintUTF16}
	}
	if from := encodings[key]; from != nil {
		o.from = from
		o.Reader, o.changed = bufio.NewReaderSize(from.NewDecoder().Reader(o.Reader), openBuffer), true
		return o.skipMark()
	}
	return nil
}

// markedOrder returns the byte order by the mark of UTF-16: "le", "be" or "".
func markedOrder(head []byte) string {
	switch {
	case bytes.HasPrefix(head, markUTF16LE):
		return "le"
	case bytes.HasPrefix(head, markUTF16BE):
		return "be"
	}
	return ""
}

// guessUTF16 returns the byte order of UTF-16 by the zeros of its ASCII characters,
// or "" if there are none.
func guessUTF16(head []byte) string {
	switch {
	case len(head) < 4:
		return ""
	case head[0] != 0 && head[1] == 0 && head[2] != 0 && head[3] == 0:
		return "utf16le"
	case head[0] == 0 && head[1] != 0 && head[2] == 0 && head[3] != 0:
		return "utf16be"
	}
	return ""
}

// skipMark skips a byte order mark that is converted.
func (o *opened) skipMark() error {
	mark, err := o.Peek(len(markUTF8))
	if bytes.Equal(mark, markUTF8) {
		_, err = o.Discard(len(markUTF8))
	}
	if err == io.EOF {
		err = nil
	}
	return err
}

// invalid returns the position of the first byte in a record that is no character of
// the file's encoding, or -1. The converters leave U+FFFD for it, except that of
// Latin-1, in which every byte is a character. But its control characters from 0x80 on
// stand in no text: the file is windows-1252, which has letters and signs there.
func (o *opened) invalid(raw []byte) int {
	switch o.from {
	case nil:
		return firstInvalid(raw)
	case charmap.ISO8859_1:
		return bytes.IndexFunc(raw, func(r rune) bool { return r >= 0x80 && r <= 0x9f })
	default:
		return bytes.Index(raw, []byte("\ufffd"))
	}
}

// firstInvalid returns the position of the first byte that is not UTF-8, or -1.
func firstInvalid(raw []byte) int {
	if utf8.Valid(raw) {
		return -1
	}
	for i := 0; ; {
		r, n := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && n < 2 {
			return i
		}
		i += n
	}
}

// undecoded returns a record in which what is no character of the file's encoding is no
// UTF-8 either: it must not be taken for what was meant when the record is read again.
func (o *opened) undecoded(raw []byte) []byte {
	if o.from == nil {
		return raw
	}
	kept := make([]byte, 0, len(raw))
	for {
		i := o.invalid(raw)
		if i < 0 {
			return append(kept, raw...)
		}
		kept = append(kept, raw[:i]...)
		r, n := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError {
			r = 0xff // which byte it was is unknown
		}
		kept, raw = append(kept, byte(r)), raw[n:]
	}
}

// encodingFault is the fault of a record that is invalid at position i.
func (o *opened) encodingFault(raw []byte, i int) *RowError {
	var reason string
	switch o.from {
	case nil:
		reason = fmt.Sprintf("the byte 0x%02X is not valid UTF-8", raw[i])
		if o.skipped > 0 {
			return &RowError{Reason: reason + ", though the file begins with its byte order mark"}
		}
		return &RowError{Reason: reason, Hint: HintEncoding}
	case charmap.ISO8859_1:
		control, _ := utf8.DecodeRune(raw[i:])
		likely := "windows-1252"
		if o.misread(raw) >= 0 {
			likely = "UTF-8"
		}
		reason = fmt.Sprintf("the byte 0x%02X is a control character in Latin-1; the file may be %s", control, likely)
	case charmap.Windows1252:
		reason = "a byte is no character of windows-1252"
	default:
		reason = "a character is not valid UTF-16"
	}
	return &RowError{Reason: reason, Hint: HintOtherEncoding}
}

// misread returns the position of the first character of a record that is not ASCII,
// if the bytes that it was converted from are UTF-8, or else -1.
func (o *opened) misread(raw []byte) int {
	if o.from != charmap.ISO8859_1 && o.from != charmap.Windows1252 {
		return -1
	}
	i := bytes.IndexFunc(raw, func(r rune) bool { return r >= utf8.RuneSelf })
	if i < 0 {
		return -1
	}
	if stored, err := o.from.NewEncoder().Bytes(raw); err != nil || !utf8.Valid(stored) {
		return -1
	}
	return i
}

// noteMisread notes where a record is that was probably UTF-8 before it was converted.
// Text in another encoding is hardly ever valid UTF-8 by chance.
func (o *opened) noteMisread(raw []byte, place func(i int) RowError) {
	if i := o.misread(raw); i >= 0 {
		at := place(i)
		at.Reason = fmt.Sprintf("the file seems to be UTF-8, not %v: if letters come out wrong, read it with the encoding utf-8", o.from)
		o.noteOnce("encoding", at.Error())
	}
}
