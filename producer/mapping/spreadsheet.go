package mapping

import (
	"regexp"
	"slices"
	"strings"
)

// cellErrors are the values of formulas without a result (ECMA-376, 18.17.3), and those
// that later versions of Excel have added.
var cellErrors = []string{
	"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!",
	"#BLOCKED!", "#BUSY!", "#CALC!", "#CONNECT!", "#FIELD!", "#GETTING_DATA", "#PYTHON!", "#SPILL!", "#UNKNOWN!",
}

// Spreadsheets keep 15 digits of a number. In a narrow column, or of 12 digits and more,
// they show and export fewer.
var (
	rounded = regexp.MustCompile(`^-?\d([.,]\d+)?E\+\d{2,3}$`)
	tooLong = regexp.MustCompile(`E\+(1[5-9]|[2-9]\d|\d{3})$`)
)

// SpreadsheetFault says how a spreadsheet has damaged a text, or nothing: it is the error
// of a formula, or a rounded number.
func SpreadsheetFault(text string) string {
	switch {
	case strings.HasPrefix(text, "#") && slices.Contains(cellErrors, text):
		return "the cell has the error " + text
	case !strings.Contains(text, "E+") || !rounded.MatchString(text):
		return ""
	case tooLong.MatchString(text):
		return "the number " + text + " has more than the 15 digits that a spreadsheet keeps: store it as text"
	}
	return "the number " + text + " was rounded by a spreadsheet: export the column in the number format 0, or store it as text"
}
