package file

import "strings"

// unescape makes fields blank that have no value. Other escapes of databases stay as
// they are, since a backslash may be one: that is noted where it matters.
func (s *csvSource) unescape(line int) {
	for i, field := range s.row {
		switch {
		case field == nullText:
			s.row[i] = ""
		case s.table.reads(i+1) && strings.Contains(field, `\`):
			at := RowError{Line: line, Column: i + 1, Field: s.table.column(i + 1), Reason: "a backslash stays as it is: if it stands for another character, export the file as CSV with quotes"}
			s.in.noteOnce("backslash", at.Error())
		}
	}
}
