package record_test

import "testing"

// Domains as email-validator 2.3.0 with idna 3.13 judges and stores them; ""
// where they are refused.
func TestInternationalisedDomains(t *testing.T) {
	for _, c := range []struct{ name, domain, stored string }{
		{"capital sharp s", "ẞ.example", "ß.example"},
		{"sharp s", "ß.example", "ß.example"},
		{"final sigma", "λόγος.example", "λόγος.example"},
		{"Georgian capitals", "ႠႡ.example", "ⴀⴁ.example"},
		{"Cherokee small letters", "ꭰꭱ.example", "ᎠᎡ.example"},
		{"Cherokee capitals", "ᎠᎡ.example", "ᎠᎡ.example"},
		{"palochka", "Ӏ.example", "ӏ.example"},
		{"dropped filler", "a\u3164b.example", "ab.example"},
		{"CJK compatibility ideograph", "\U0002f868.example", "㛼.example"},
		{"ligature", "ﬁ.example", "fi.example"},
		{"circled digit", "①.example", "1.example"},
		{"full-width A-label", "ｘｎ－－bcher-kva.example", "bücher.example"},
		{"one dot leader", "b․c.example", ""},
		{"small full stop", "b﹒c.example", ""},
		{"full-width dot", "b．example", "b.example"},
		{"digit with a full stop", "⒈b.example", ""},
		{"half-width dot", "b｡example", "b.example"},
		{"soft hyphen", "b\u00adc.example", ""},
		{"joiner after virama", "क\u094d\u200dष.example", ""},
		{"emoji", "😀.example", ""},
		{"A-label", "xn--bcher-kva.example", "bücher.example"},
		{"A-label in capitals", "XN--BCHER-KVA.example", "bücher.example"},
		{"A-label with a lone delimiter", "xn---tda.example", "ü.example"},
		{"A-label with a hyphen at the end", "xn----dha.example", ""},
		{"A-label with a hyphen at the beginning", "xn----eha.example", ""},
		{"A-label of nothing", "xn--.example", ""},
		{"A-label of ASCII", "xn--abc-.example", ""},
		{"A-label of an unstable letter", "xn--b-kfa.example", ""},
		{"A-label not in NFC", "xn--eb-8tb.example", ""},
		{"A-label with a joiner", "xn--11b2ezcw70k.example", ""},
		{"A-label of a joiner alone", "xn--ab-m1t.example", ""},
		{"A-label of a full-width letter", "xn--b-yq0i.example", ""},
		{"A-label of a symbol", "xn--n3h.example", ""},
		{"A-label of a beginning mark", "xn--ab-7tb.example", ""},
		{"A-label inside an A-label", "xn--xn---3ra.example", ""},
		{"U-label that looks like one", "xn--ü.example", ""},
		{"A-label too large", "xn--99999999.example", ""},
		{"hyphens in places 3 and 4 by characters", "üü--a.example", ""},
		{"hyphens in places 3 and 4 by bytes", "ü--a.example", "ü--a.example"},
		{"old Hangul jamo", "ᄀ.example", ""},
		{"Hangul", "한국.example", "한국.example"},
		{"tatweel", "\u0645\u0640\u0648.example", ""},
		{"combining mark for symbols", "a\u20d0.example", ""},
		{"musical symbol", "a\U0001d165.example", ""},
		{"variation selector", "a\ufe0f.example", "a.example"},
		{"vertical kana repeat mark", "あ〱.example", ""},
		{"Greek keraia before Greek", "α͵β.example", "α͵β.example"},
		{"Greek keraia before Latin", "α͵b.example", ""},
		{"Greek keraia at the end", "α͵.example", ""},
		{"Hebrew geresh after Hebrew", "\u05d0\u05f3.example", "\u05d0\u05f3.example"},
		{"Hebrew geresh after Latin", "a\u05f3b.example", ""},
		{"Hebrew gershayim first", "\u05f4\u05d0.example", ""},
		{"Katakana dot with Katakana", "ア・.example", "ア・.example"},
		{"Katakana dot with Han", "a・漢.example", "a・漢.example"},
		{"Katakana dot with Latin", "a・b.example", ""},
		{"Katakana dot alone", "・.example", ""},
		{"middle dot at the beginning", "·l.example", ""},
		{"middle dot at the end", "l·.example", ""},
		{"Arabic-Indic digits", "\u0627\u0661\u0662.example", "\u0627\u0661\u0662.example"},
		{"extended Arabic-Indic digits", "\u0627\u06f1\u06f2.example", "\u0627\u06f1\u06f2.example"},
		{"both kinds of Arabic digits", "\u0627\u0661\u06f2.example", ""},
		{"right-to-left", "\u05d0\u05d1\u05d2.example", "\u05d0\u05d1\u05d2.example"},
		{"digits at the end", "\u05d0\u05d112.example", "\u05d0\u05d112.example"},
		{"mark at the end", "\u05d0\u05d1\u05b0.example", "\u05d0\u05d1\u05b0.example"},
		{"hyphen in the middle", "\u05d0-\u05d1.example", "\u05d0-\u05d1.example"},
		{"Latin inside", "\u05d0a\u05d1.example", ""},
		{"right-to-left inside", "a\u05d1c.example", ""},
		{"Arabic and European digits", "\u0627\u06611.example", ""},
		{"symbol class at the end", "\u05d0·.example", ""},
		{"Arabic digit first", "\u0661\u0627.example", ""},
		{"Latin before an Arabic digit", "a\u0661b.example", ""},
		{"European digit before an Arabic one", "1\u0661.example", ""},
		{"extended Arabic-Indic digits with Latin", "a\u06f1.example", "a\u06f1.example"},
		{"neutral letter at the end", "\u05d0\u02b9.example", ""},
		{"neutral letter inside", "\u05d0\u02b9\u05d1.example", "\u05d0\u02b9\u05d1.example"},
		{"mark after a digit at the end", "\u05d01\u05b0.example", "\u05d01\u05b0.example"},
		{"Bidi rule label by label", "\u05d0.a1.1b.example", "\u05d0.a1.1b.example"},
		{"label of one letter before it", "a.b\u00fc.c.example", "a.b\u00fc.c.example"},
		{"Katakana dot with Hiragana", "b・あ.example", "b・あ.example"},
		{"Latin mark first", "\u0301a.example", ""},
		{"Thai", "ไทย.example", "ไทย.example"},
		{"Devanagari", "म\u094bहन.ईन\u094dफ\u094b", "म\u094bहन.ईन\u094dफ\u094b"},
		{"private use", "\ue000.example", ""},
		{"noncharacter", "\ufdd0.example", ""},
		{"no-break space", "a\u00a0b.example", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := decodeWith("email", "a@"+c.domain)
			switch {
			case c.stored == "" && err == nil:
				t.Errorf("%+q: stored as %+q, want it refused", c.domain, got.Email)
			case c.stored != "" && err != nil:
				t.Errorf("%+q: %v", c.domain, err)
			case c.stored != "" && got.Email != "a@"+c.stored:
				t.Errorf("%+q: stored as %+q, want %+q", c.domain, got.Email, "a@"+c.stored)
			}
		})
	}
}
