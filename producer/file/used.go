package file

import "fmt"

// checkUsed returns an error if an option is given that would be ignored.
func checkUsed(o Options, f Format) error {
	text, rows := f != XLSX, f == CSV || f == XLSX
	for _, option := range []struct {
		given, used bool
		what        string
		hint        Hint
	}{
		{o.Sheet != "", f == XLSX, "sheets", HintNoSheet},
		{o.Delimiter != 0, f == CSV, "delimiters", HintNoDelimiter},
		{len(o.Columns) > 0, rows, "columns", HintNoColumns},
		{o.NoQuotes, f == CSV, "quotes to ignore", HintNoQuotes},
		{encodings[spelled(o.Encoding)] != nil, text, "encodings to choose", HintNoEncoding},
	} {
		if option.given && !option.used {
			return &Refusal{Reason: fmt.Sprintf("the file is %s, which has no %s", f, option.what), Hint: option.hint}
		}
	}
	return nil
}
