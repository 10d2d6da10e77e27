package file

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/html/charset"
)

// book is a workbook of Office Open XML (ECMA-376), a zip archive of XML parts. It is
// read here and not by a library for spreadsheets, because those show cells as text:
// whether a formula has a value, and what a date is to the millisecond, is lost.
type book struct {
	parts    map[string]*zip.File // by their names in lower case
	sheets   []bookSheet
	strings  []string // that cells refer to
	formats  []format // of the styles that cells refer to
	date1904 bool
	stale    bool // formulas are to be calculated again
}

type bookSheet struct {
	Name  string `xml:"name,attr"`
	State string `xml:"state,attr"`
	ID    string `xml:"id,attr"` // of the relationship to its part
	part  string
}

// maxUnzipped limits the size of a part, in bytes.
const maxUnzipped = 4 << 30

func openBook(content []byte) (*book, error) {
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		return nil, err
	}
	b := &book{parts: map[string]*zip.File{}}
	for _, part := range archive.File {
		b.parts[partName(part.Name)] = part
	}
	if err := b.refuseKind(archive.File, content[:min(len(content), openBuffer)]); err != nil {
		return nil, err
	}
	for _, part := range archive.File {
		if err := checkSum(part); err != nil {
			return nil, fmt.Errorf("%s: %w", part.Name, err)
		}
	}
	return b, b.readParts()
}

// refuseKind refuses an archive that begins so and is no spreadsheet, or has a password.
func (b *book) refuseKind(files []*zip.File, begin []byte) error {
	if k, known := b.packageKind(); known {
		return k.certain()
	}
	var entries []zipEntry
	for _, file := range files {
		if !strings.HasSuffix(file.Name, "/") {
			entries = append(entries, zipEntry{file.Name, file.Flags&1 != 0})
		}
	}
	if len(entries) > 0 && (entries[0].encrypted || b.parts["_rels/.rels"] == nil) {
		return zipKind(entries, begin).certain()
	}
	return nil
}

// checkSum reads a part, whose sum the archive checks at its end.
func checkSum(part *zip.File) error {
	r, err := part.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	if n, err := io.Copy(io.Discard, io.LimitReader(r, maxUnzipped+1)); err != nil || n <= maxUnzipped {
		return err
	}
	return fmt.Errorf("it has more than %d bytes", maxUnzipped)
}

// partName returns the key of a part: its name is without regard to case, and some
// programs write backslashes.
func partName(name string) string {
	return strings.ToLower(strings.TrimPrefix(strings.ReplaceAll(name, `\`, "/"), "/"))
}

// readParts reads what the cells of all sheets need.
func (b *book) readParts() error {
	root, err := b.relationships("")
	if err != nil {
		return err
	}
	main := root.ofType("officeDocument")
	var workbook struct {
		Properties struct {
			Date1904 bool `xml:"date1904,attr"`
		} `xml:"workbookPr"`
		Calculation struct {
			OnLoad bool `xml:"fullCalcOnLoad,attr"`
		} `xml:"calcPr"`
		Sheets []bookSheet `xml:"sheets>sheet"`
	}
	if err := b.decode(main, &workbook); err != nil {
		return err
	}
	related, err := b.relationships(main)
	if err != nil {
		return err
	}
	b.date1904, b.stale, b.sheets = workbook.Properties.Date1904, workbook.Calculation.OnLoad, workbook.Sheets
	for i, sheet := range b.sheets {
		b.sheets[i].part = related.withID(sheet.ID)
	}
	if part := related.ofType("styles"); part != "" {
		if err := b.readStyles(part); err != nil {
			return err
		}
	}
	if part := related.ofType("sharedStrings"); part != "" {
		return b.readStrings(part)
	}
	return nil
}

type relationships []struct {
	ID     string `xml:"Id,attr"`
	Type   string `xml:"Type,attr"`
	Target string `xml:"Target,attr"`
}

// relationships returns those of a part, or of the archive, with their targets as the
// names of parts.
func (b *book) relationships(part string) (relationships, error) {
	folder := path.Dir(part)
	var all struct {
		Relationships relationships `xml:"Relationship"`
	}
	if err := b.decode(path.Join(folder, "_rels", path.Base("/"+part)+".rels"), &all); err != nil {
		return nil, err
	}
	for i, r := range all.Relationships {
		if target := strings.ReplaceAll(r.Target, `\`, "/"); path.IsAbs(target) {
			all.Relationships[i].Target = partName(target)
		} else {
			all.Relationships[i].Target = partName(path.Join(folder, target))
		}
	}
	return all.Relationships, nil
}

// ofType returns the part of a type, whose name ends so, or "".
func (all relationships) ofType(name string) string {
	for _, r := range all {
		if path.Base(r.Type) == name {
			return r.Target
		}
	}
	return ""
}

func (all relationships) withID(id string) string {
	for _, r := range all {
		if r.ID == id {
			return r.Target
		}
	}
	return ""
}

// part opens a part.
func (b *book) part(name string) (io.ReadCloser, *xml.Decoder, error) {
	part := b.parts[partName(name)]
	if part == nil {
		return nil, nil, fmt.Errorf("the part %q is missing", name)
	}
	r, err := part.Open()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	d := xml.NewDecoder(r)
	d.CharsetReader = charset.NewReaderLabel
	return r, d, nil
}

func (b *book) decode(name string, to any) error {
	r, d, err := b.part(name)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := d.Decode(to); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// richText is a text whose parts may have fonts.
type richText struct {
	Text string `xml:"t"`
	Runs []struct {
		Text string `xml:"t"`
	} `xml:"r"`
}

func (t richText) String() string {
	text := t.Text
	for _, run := range t.Runs {
		text += run.Text
	}
	return unescape(text)
}

func (b *book) readStrings(part string) error {
	var table struct {
		Items []richText `xml:"si"`
	}
	if err := b.decode(part, &table); err != nil {
		return err
	}
	b.strings = make([]string, len(table.Items))
	for i, item := range table.Items {
		b.strings[i] = item.String()
	}
	return nil
}

// open begins to read the rows of a sheet.
func (b *book) open(sheet bookSheet) (*sheetRows, error) {
	r, d, err := b.part(sheet.part)
	if err != nil {
		return nil, &Refusal{Reason: fmt.Sprintf("the sheet %q can't be read: %v", sheet.Name, err), Err: err}
	}
	return &sheetRows{book: b, part: r, xml: d}, nil
}

// choose returns the sheet with this name, or without a name the only one that is
// visible and has rows.
func (b *book) choose(name string) (bookSheet, error) {
	if name != "" {
		if i := slices.IndexFunc(b.sheets, func(s bookSheet) bool { return strings.EqualFold(s.Name, name) }); i >= 0 {
			return b.sheets[i], nil
		}
		return bookSheet{}, &Refusal{Reason: fmt.Sprintf("the spreadsheet has no sheet %q, but %s", name, quoteAll(b.sheets)), Hint: HintSheet}
	}
	var filled, hidden []bookSheet
	for _, sheet := range b.sheets {
		switch has, err := b.hasRows(sheet); {
		case sheet.State != "" && sheet.State != "visible":
			if err == nil && has {
				hidden = append(hidden, sheet)
			}
		case err != nil:
			return sheet, err
		case has:
			filled = append(filled, sheet)
		}
	}
	switch len(filled) {
	case 0:
		if len(hidden) > 0 {
			return bookSheet{}, &Refusal{Reason: fmt.Sprintf("all sheets of the spreadsheet that have rows are hidden, choose one: %s", quoteAll(hidden)), Hint: HintSheet}
		}
		return bookSheet{}, &Refusal{Reason: fmt.Sprintf("the sheets of the spreadsheet are empty: %s", quoteAll(b.sheets)), Hint: HintSheet}
	case 1:
		return filled[0], nil
	}
	return bookSheet{}, &Refusal{Reason: fmt.Sprintf("the spreadsheet has several sheets, choose one: %s", quoteAll(filled)), Hint: HintSheet}
}

func (b *book) hasRows(sheet bookSheet) (bool, error) {
	rows, err := b.open(sheet)
	if err != nil {
		return false, err
	}
	defer rows.part.Close()
	_, err = rows.next()
	if err == io.EOF {
		return false, nil
	}
	return true, nil // choosing it says what is wrong
}

func quoteAll(sheets []bookSheet) string {
	quoted := make([]string, len(sheets))
	for i, sheet := range sheets {
		quoted[i] = strconv.Quote(sheet.Name)
	}
	return strings.Join(quoted, ", ")
}
