package console

import "testing"

func TestVisible(t *testing.T) {
	for page, want := range map[string]string{
		"<p>שלום &lt;b\n\t</p>":                                       "<p>שלום &lt;b\n\t</p>",
		"<b>acme\u200b</b>\u2028":                                     "<b>acme\\u200b</b>\\u2028",
		"a\u200db a\u00adb \ufeffa a\ufe0f a\u034f \u3164 \U000e0041": `a\u200db a\u00adb \ufeffa a\ufe0f a\u034f \u3164 \ue0041`,
		"می\u200cخواهم क्\u200dष 👩\u200d🔬 ❤\ufe0f \u0600١":            "می\u200cخواهم क्\u200dष 👩\u200d🔬 ❤\ufe0f \u0600١",
		"می\u200c</p>": "می\\u200c</p>",
		"<p title=\"\u202e\">a\u202eb\x1b\u0085</p>\u2066":                                        "<p title=\"\u202e\">a\\u202eb\\u001b\\u0085</p>\\u2066",
		"\u202e<textarea id=\"x\">\n\u202e\x01</textarea><input value=\"\u202e\">\u202e<unclosed": "\\u202e<textarea id=\"x\">\n\u202e\x01</textarea><input value=\"\u202e\">\\u202e<unclosed",
		"<textarea>\u202e": "<textarea>\\u202e",
		"\xff\u202e":       "\xff\\u202e",
	} {
		if got := string(visible([]byte(page))); got != want {
			t.Errorf("%q:\n%q, want\n%q", page, got, want)
		}
	}
}
