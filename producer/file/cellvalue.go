package file

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"unicode/utf16"

	"ingestion/producer/mapping"
)

// value is what a cell has.
type value struct {
	text  string
	fault string // why it is not what was meant
	note  string // what to know about it
	once  bool   // the note is about all cells
}

const openAndSave = "open the file in a spreadsheet program and save it"

// read returns the value of a cell (ECMA-376, 18.3.1.4 and 18.18.11).
func (b *book) read(c *xmlCell) (v value) {
	stored := ""
	if c.Value != nil {
		stored = *c.Value
	}
	switch blankText := c.Type == "str" && c.Value != nil; {
	case c.Type == "inlineStr":
		v.text = c.Inline.String()
	case stored == "" && c.Formula != nil && !blankText:
		return value{fault: "the cell has a formula that was never calculated: " + openAndSave}
	case stored == "":
		return value{}
	case c.Type == "s":
		v = b.shared(stored)
	case c.Type == "str":
		v.text = unescape(stored)
	case c.Type == "b":
		v.text = boolean(stored)
	case c.Type == "e":
		return value{text: stored, fault: "the cell has the error " + stored}
	case c.Type == "d": // ISO 8601
		v.text = stored
	default:
		v = b.number(stored, c.Style)
	}
	if v.fault == "" {
		v.fault = mapping.SpreadsheetFault(v.text)
	}
	if c.Formula != nil && b.stale {
		v.note, v.once = "the values of formulas may be wrong, since the workbook asks to be calculated again: "+openAndSave, true
	}
	return v
}

func boolean(stored string) string {
	switch stored {
	case "0", "false":
		return "FALSE"
	case "1", "true":
		return "TRUE"
	}
	return stored
}

func (b *book) shared(index string) value {
	if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < len(b.strings) {
		return value{text: b.strings[i]}
	}
	return value{fault: "the workbook lacks the text of the cell, which has the number " + index}
}

func (b *book) number(stored string, style int) value {
	n, err := strconv.ParseFloat(stored, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return value{text: stored, fault: strconv.Quote(stored) + " in the cell is no number"}
	}
	f := general
	if style >= 0 && style < len(b.formats) {
		f = b.formats[style]
	}
	if f.date {
		return isoDate(n, b.date1904)
	}
	text := decimal(n)
	if shown, ok := f.padded(text); ok {
		return value{text: shown}
	}
	v := value{text: text}
	if !f.shows(text) {
		v.note = fmt.Sprintf("numbers in the format %s are read as they are stored, which is not what the sheet shows", f.code)
	}
	return v
}

// decimal returns a number with the 15 digits that spreadsheets keep. From 16 digits
// before the point on, it has an exponent.
func decimal(n float64) string {
	text := strconv.FormatFloat(n, 'G', 15, 64)
	if math.Abs(n) < 1e15 {
		if kept, err := strconv.ParseFloat(text, 64); err == nil {
			return strconv.FormatFloat(kept, 'f', -1, 64)
		}
	}
	return text
}

var escaped = regexp.MustCompile(`_x([0-9A-Fa-f]{4})_`)

// unescape returns the characters that XML can't have, which are written like _x000D_
// (ECMA-376, 22.9.2.19).
func unescape(text string) string {
	return escaped.ReplaceAllStringFunc(text, func(code string) string {
		n, err := strconv.ParseUint(code[2:6], 16, 16)
		if err != nil || utf16.IsSurrogate(rune(n)) {
			return code
		}
		return string(rune(n))
	})
}
