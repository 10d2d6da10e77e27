package file

import (
	"bytes"
	"path"
	"strings"
)

// kind is what a file is that can't be read, and what to do about it.
type kind struct {
	magic  string // the first bytes of the file
	is     string
	remedy string
}

const (
	zipMagic = "PK\x03\x04"

	unpack = "decompress it first"
	resave = "export it as CSV, NDJSON or xlsx"
)

var kinds = []kind{
	{"BZh", "compressed with bzip2", unpack + " (bunzip2)"},
	{"\xfd7zXZ\x00", "compressed with xz", unpack + " (unxz)"},
	{"\x04\x22\x4d\x18", "compressed with lz4", unpack + " (unlz4)"},
	{"\x1f\x9d", "compressed with compress", unpack + " (uncompress)"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first (7z x)"},
	{"Rar!\x1a\x07", "a RAR archive", "unpack it first (unrar)"},
	{"PK\x05\x06", "an empty zip archive", resave},
	{"PAR1", "Parquet", resave},
	{"Obj\x01", "Avro", resave},
	{"ORC", "ORC", resave},
	{"ARROW1", "Arrow", resave},
	{"SQLite format 3\x00", "an SQLite database", resave},
	{"%PDF-", "a PDF", resave},
	{"{\\rtf", "a Rich Text document", resave},
	{"\x89PNG", "an image", resave},
	{"\xff\xd8\xff", "an image", resave},
	{"\x7fELF", "a program", resave},
}

// refuseKind refuses a file whose first bytes are those of no text.
func refuseKind(in *opened) error {
	head := in.head() // has the whole magic, in which no line ends
	switch {
	case bytes.HasPrefix(head, []byte(zipMagic)):
		begin := in.begin(openBuffer)
		return zipKind(zipEntries(begin), begin).certain()
	case bytes.HasPrefix(head, []byte(oleMagic)):
		return oleKind(in.begin(openBuffer)).certain()
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return kind{is: "a tar archive", remedy: "unpack it first (tar -xO)"}.refusal()
	}
	for _, k := range kinds {
		if bytes.HasPrefix(head, []byte(k.magic)) && k.confirmed(in) {
			return k.refusal()
		}
	}
	return nil
}

// refuseText refuses a text whose first line that is not blank is of no format.
func refuseText(t *text) error {
	line, _ := firstLine(t)
	switch lower := bytes.ToLower(line[:min(len(line), 512)]); {
	case bytes.HasPrefix(lower, []byte("<!doctype html")), bytes.HasPrefix(lower, []byte("<html")):
		return kind{is: "a web page (HTML), perhaps a login page instead of the export", remedy: "download the export itself"}.refusal()
	case bytes.HasPrefix(lower, []byte("<")):
		return kind{is: "XML", remedy: resave}.refusal()
	case bytes.HasPrefix(lower, []byte("begin:vcard")):
		return kind{is: "a vCard file", remedy: resave}.refusal()
	case bytes.IndexByte(line, 0) >= 0:
		return kind{is: "binary data", remedy: resave}.refusal()
	}
	return nil
}

func firstEnd(text []byte) int {
	if i := bytes.IndexAny(text, "\r\n"); i >= 0 {
		return i
	}
	return len(text)
}

// confirmed reports whether the bytes after a short magic, which could be text, are
// those of the kind.
func (k kind) confirmed(in *opened) bool {
	switch k.magic {
	case "BZh":
		return bytes.HasSuffix(in.begin(10), []byte("1AY&SY"))
	case "ORC", "PAR1", "ARROW1":
		return bytes.ContainsFunc(in.begin(32), func(r rune) bool { return r < ' ' && r != '\t' && r != '\r' && r != '\n' })
	}
	return true
}

// certain is the refusal of a file that can be nothing else.
func (k kind) certain() error {
	return &Refusal{Reason: "the file is " + k.is + ", neither NDJSON nor CSV: " + k.remedy}
}

func (k kind) refusal() error {
	return &Refusal{Reason: "the file is " + k.is + ", neither NDJSON nor CSV: " + k.remedy, Hint: HintFormat}
}

// isXLSX reports whether a file is a spreadsheet of Office Open XML, or another document
// of it: a zip archive that begins with a part of one, or that is named so.
func isXLSX(in *opened, name string) bool {
	if string(in.begin(len(zipMagic))) != zipMagic {
		return false
	}
	if ending := strings.ToLower(path.Ext(name)); ending == ".xlsx" || ending == ".xlsm" {
		return true
	}
	entries := zipEntries(in.begin(openBuffer))
	return len(entries) > 0 && !entries[0].encrypted && entries[0].isPackage()
}
