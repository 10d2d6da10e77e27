package record_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/idna"

	"ingestion/internal/test/need"
	"ingestion/record"
)

// The results of email-validator 2.3.0 with idna 3.13; stored is "" if the domain
// is refused.
func TestInternationalizedDomains(t *testing.T) {
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
		{"A-label in upper case", "XN--BCHER-KVA.example", "bücher.example"},
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

// email-validator converts the mailbox names of RFC 2142 to lower case.
func TestRoleNamesAreLowerCased(t *testing.T) {
	for _, role := range strings.Fields("info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp") {
		capitals := strings.ToUpper(role)
		for given, want := range map[string]string{
			capitals:       role,
			capitals + "s": capitals + "s",
			"x" + capitals: "x" + capitals,
			capitals + "é": capitals + "é",
		} {
			r, err := decodeWith("email", given+"@example.com")
			if err != nil || r.Email != want+"@example.com" {
				t.Errorf("%s: stored as %q, %v", given, r.Email, err)
			}
		}
	}
}

// Every character is accepted, stored or refused as by email-validator, in six
// positions of an address. testdata/characters.txt explains how its lines were made.
func TestEveryCharacter(t *testing.T) {
	if unicode.Version != tableUnicode {
		need.Skip(t, otherUnicode, unicode.Version, tableUnicode)
	}
	table, err := os.ReadFile("testdata/characters.txt")
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	for line := range strings.Lines(string(table)) {
		var first rune
		if n, _ := fmt.Sscanf(line, "%X ", &first); n != 1 {
			continue
		}
		blocks++
		if got, want := blockLine(t, first), strings.TrimSpace(line); got != want {
			t.Errorf("characters from U+%04X:\ngot  %s\nwant %s", first, got, want)
		}
	}
	if blocks != 200 {
		t.Errorf("%d blocks were checked, want 200", blocks)
	}
}

// tableUnicode is the Unicode version of the table.
const tableUnicode = "15.0.0"

const otherUnicode = `this Go has Unicode %[1]s, but testdata/characters.txt was made for %[2]s. Regenerate it with a Python whose
unicodedata.unidata_version is %[1]s and the latest email-validator and idna. The stored form of an address is
validate_email(address, check_deliverability=False).normalized, or "" if that raises EmailNotValidError; the file's header
describes the addresses and the lines. Then update tableUnicode and the number of blocks here, and the versions in that
header and in docs/validation.md`

// blockLine returns the table's line for the block that begins with first.
func blockLine(t *testing.T, first rune) string {
	t.Helper()
	var accepted [6]int
	all := sha256.New()
	for r := max(first, 0x80); r < first+256; r++ {
		for i, address := range addressesWith(t, string(r)) {
			body := `{"customerId":"1","name":"n","createdAt":"2024","email":"` + address + `"}`
			stored, err := record.Decoder{}.Decode([]byte(body))
			if err == nil {
				accepted[i]++
			}
			fmt.Fprintln(all, stored.Email)
		}
	}
	return fmt.Sprintf("%05X %s %.8x", first, strings.Trim(fmt.Sprint(accepted), "[]"), all.Sum(nil))
}

func addressesWith(t *testing.T, c string) [6]string {
	t.Helper()
	label, err := idna.Punycode.ToASCII("a" + c + "b")
	if err != nil {
		t.Fatal(err)
	}
	return [...]string{
		"a" + c + "b@example.com", "x@" + c + "a.example", "x@a" + c + "b.example",
		"x@א" + c + "ב.example", "x@א" + c + ".example", "x@" + label + ".example",
	}
}
