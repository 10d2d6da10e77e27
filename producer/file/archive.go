package file

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/text/encoding/unicode"
)

// zipEntry is what precedes a file in a zip archive (APPNOTE.TXT, 4.3.7).
type zipEntry struct {
	name      string
	encrypted bool
}

// zipEntries returns the first files of a zip archive, not folders, as far as they are in
// its beginning and follow each other.
func zipEntries(begin []byte) (entries []zipEntry) {
	const fixed = 30 // bytes before the name
	for len(begin) >= fixed && string(begin[:len(zipMagic)]) == zipMagic {
		number := func(at int) int { return int(binary.LittleEndian.Uint16(begin[at:])) }
		flags, name, extra := number(6), number(26), number(28)
		packed := int64(binary.LittleEndian.Uint32(begin[18:]))
		if fixed+name > len(begin) {
			break
		}
		if e := (zipEntry{string(begin[fixed : fixed+name]), flags&1 != 0}); e.name != "" && !strings.HasSuffix(e.name, "/") {
			entries = append(entries, e)
		}
		next := int64(fixed+name+extra) + packed
		if flags&8 != 0 || next > int64(len(begin)) { // the length follows the file
			break
		}
		begin = begin[next:]
	}
	return entries
}

// packageParts are how the names of the parts of an Office document begin.
var packageParts = []string{"[content_types].xml", "_rels/", "docprops/", "xl/", "customxml/", "word/", "ppt/"}

// isPackage reports whether a file is of an Office document, not in an archive.
func (e zipEntry) isPackage() bool {
	name := partName(e.name)
	for _, begin := range packageParts {
		if strings.HasPrefix(name, begin) {
			return true
		}
	}
	return false
}

// zipKind says what a zip archive is that has these files, and begins so.
func zipKind(entries []zipEntry, begin []byte) kind {
	archive := kind{is: "a zip archive", remedy: "unpack it first (unzip -p)"}
	if len(entries) == 0 {
		return archive
	}
	first := entries[0]
	switch {
	case first.encrypted:
		return kind{is: fmt.Sprintf("a zip archive with a password, with %q in it", first.name), remedy: "unpack it first (7z x)"}
	case first.name == "mimetype" && bytes.Contains(begin, []byte("opendocument.spreadsheet")):
		return kind{is: "an OpenDocument spreadsheet", remedy: "save it as .xlsx or CSV"}
	case first.name == "mimetype" && bytes.Contains(begin, []byte("opendocument.")):
		return kind{is: "an OpenDocument document", remedy: resave}
	case strings.HasSuffix(first.name, ".iwa"):
		return kind{is: "a document of Apple's Numbers or Pages", remedy: resave}
	}
	archive.is = fmt.Sprintf("a zip archive with %q in it", first.name)
	return archive
}

// packageKind says what an Office document is that has these parts, if it is no
// spreadsheet that can be read.
func (b *book) packageKind() (k kind, known bool) {
	const asBook = "save it as .xlsx or CSV"
	has := func(begin string) bool {
		for name := range b.parts {
			if strings.HasPrefix(name, begin) {
				return true
			}
		}
		return false
	}
	switch {
	case has("xl/workbook.bin"):
		return kind{is: "a binary Excel workbook (.xlsb)", remedy: asBook}, true
	case has("xl/"):
		return kind{}, false
	case has("word/"):
		return kind{is: "a Word document (.docx)", remedy: resave}, true
	case has("ppt/"):
		return kind{is: "a PowerPoint presentation (.pptx)", remedy: resave}, true
	}
	return kind{}, false
}

const oleMagic = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

// oleKind says what a file of the format before Office Open XML is, by the names in it.
func oleKind(begin []byte) kind {
	const asBook = "save it as .xlsx or CSV"
	has := func(name string) bool {
		wide, err := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder().Bytes([]byte(name))
		return err == nil && bytes.Contains(begin, wide)
	}
	switch {
	case has("EncryptedPackage"):
		return kind{is: "an Office document with a password", remedy: asBook + ", without a password"}
	case has("WordDocument"):
		return kind{is: "an old Word document (.doc)", remedy: resave}
	case has("Workbook"), has("Book"):
		return kind{is: "an old Excel workbook (.xls)", remedy: asBook}
	}
	return kind{is: "an old Excel workbook (.xls) or one with a password", remedy: asBook + ", without a password"}
}
