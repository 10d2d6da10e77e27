package logging_test

import (
	"testing"

	"ingestion/internal/logging"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"Zoë Ångström":        "Zoë Ångström",
		"a\x1b[2Jb\n":         `a\u001b[2Jb\u000a`,
		"\u202egpj.exe\u0085": `\u202egpj.exe\u0085`,
		"\u0646\u200c\u06cc \U0001f469\u200d\U0001f4bb": "\u0646\u200c\u06cc \U0001f469\u200d\U0001f4bb", // joiners
	} {
		if got := logging.Printable(text); got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
	}
}
