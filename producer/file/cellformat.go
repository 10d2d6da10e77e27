package file

import (
	"strings"

	"github.com/xuri/nfp"
)

// format is how a sheet shows numbers (ECMA-376, 18.8.30 and 18.8.31).
type format struct {
	code     string
	date     bool // shows a day
	sections []section
}

// section is the format of some numbers: all, or the positive, negative and zero ones.
type section struct {
	tokens []nfp.Token
	plain  bool // shows the digits of the number itself
	whole  int  // least number of digits before the point
	places int  // greatest number of digits after the point; -1 means any
}

var general = newFormat("General")

// builtIn are the formats that have a number only, except dates.
var builtIn = map[int]string{
	1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 5: "#,##0", 6: "#,##0", 7: "#,##0.00", 8: "#,##0.00",
	9: "0%", 10: "0.00%", 11: "0.00E+00", 12: "# ?/?", 13: "# ??/??",
	18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 32: "h:mm", 33: "h:mm:ss", 34: "h:mm", 35: "h:mm:ss", 55: "h:mm", 56: "h:mm:ss",
	37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 41: "#,##0", 42: "#,##0", 43: "#,##0.00", 44: "#,##0.00",
	45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
}

// isBuiltInDate reports whether the format with a number shows a day.
func isBuiltInDate(id int) bool {
	return id >= 14 && id <= 17 || id == 22 || id >= 27 && id <= 31 || id == 36 || id >= 50 && id <= 54 || id == 57 || id == 58
}

// readStyles reads the formats of the styles.
func (b *book) readStyles(part string) error {
	var styles struct {
		Formats []struct {
			ID   int    `xml:"numFmtId,attr"`
			Code string `xml:"formatCode,attr"`
		} `xml:"numFmts>numFmt"`
		Cells []struct {
			Format int `xml:"numFmtId,attr"`
		} `xml:"cellXfs>xf"`
	}
	if err := b.decode(part, &styles); err != nil {
		return err
	}
	formats := map[int]format{}
	for _, f := range styles.Formats {
		formats[f.ID] = newFormat(f.Code)
	}
	b.formats = make([]format, len(styles.Cells))
	for i, cell := range styles.Cells {
		f, ok := formats[cell.Format]
		if !ok {
			f = builtInFormat(cell.Format)
			formats[cell.Format] = f
		}
		b.formats[i] = f
	}
	return nil
}

func builtInFormat(id int) format {
	if isBuiltInDate(id) {
		return format{date: true}
	}
	if code := builtIn[id]; code != "" {
		return newFormat(code)
	}
	return general
}

func newFormat(code string) format {
	parser := nfp.NumberFormatParser()
	f := format{code: code}
	for _, parsed := range parser.Parse(code) {
		s := newSection(parsed.Items)
		f.sections = append(f.sections, s)
		f.date = f.date || s.showsDay()
	}
	return f
}

func newSection(tokens []nfp.Token) section {
	s := section{tokens: tokens, plain: len(tokens) > 0}
	point := false
	for i, token := range tokens {
		switch token.TType {
		case nfp.TokenTypeZeroPlaceHolder, nfp.TokenTypeHashPlaceHolder, nfp.TokenTypeDigitalPlaceHolder:
			if point {
				s.places += len(token.TValue)
			} else {
				s.whole += strings.Count(token.TValue, "0")
			}
			s.plain = s.plain && strings.Trim(token.TValue, "0#?") == ""
		case nfp.TokenTypeDecimalPoint:
			s.plain = s.plain && !point
			point = true
		case nfp.TokenTypeThousandsSeparator: // without digits after it, it divides
			s.plain = s.plain && i+1 < len(tokens) && strings.Trim(tokens[i+1].TValue, "0#?") == ""
		case nfp.TokenTypeGeneral, nfp.TokenTypeTextPlaceHolder:
			s.places = -1
		case nfp.TokenTypeLiteral:
			s.plain = s.plain && !strings.ContainsAny(token.TValue, "0123456789")
		case nfp.TokenTypeAlignment, nfp.TokenTypeRepeatsChar, nfp.TokenTypeColor, nfp.TokenTypeCurrencyLanguage:
		default:
			s.plain = false
		}
	}
	return s
}

func (s section) showsDay() bool {
	for _, token := range s.tokens {
		if token.TType == nfp.TokenTypeDateTimes && strings.ContainsAny(strings.ToLower(token.TValue), "yd") {
			return true
		}
	}
	return false
}

// shows reports whether the format shows the digits of a number. Separators, trailing
// zeros and a currency make no difference.
func (f format) shows(number string) bool {
	s, ok := f.section(number)
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(number, "-"), ".")
	return ok && s.plain && len(whole) >= s.whole && (s.places < 0 || len(fraction) <= s.places)
}

// section returns the section for a number, if there is one.
func (f format) section(number string) (section, bool) {
	i := 0
	switch n := len(f.sections); {
	case n == 0:
		return section{}, false
	case n > 1 && strings.HasPrefix(number, "-"):
		i = 1
	case n > 2 && number == "0":
		i = 2
	}
	return f.sections[i], true
}

// padded returns a number with the leading zeros and the text that a format like 00000,
// 00-000 or "K-"0 shows. It is not ok if the format does anything else.
func (f format) padded(number string) (shown string, ok bool) {
	s, ok := f.section(number)
	if !ok || s.whole < 1 || strings.Trim(number, "0123456789") != "" {
		return "", false
	}
	digits := strings.Repeat("0", max(s.whole-len(number), 0)) + number
	var b strings.Builder
	more := len(digits) - s.whole // which the first placeholder shows
	for _, token := range s.tokens {
		switch token.TType {
		case nfp.TokenTypeZeroPlaceHolder:
			if strings.Trim(token.TValue, "0") != "" {
				return "", false
			}
			n := len(token.TValue) + more
			b.WriteString(digits[:n])
			digits, more = digits[n:], 0
		case nfp.TokenTypeLiteral:
			b.WriteString(token.TValue)
		case nfp.TokenTypeColor:
		case nfp.TokenTypeCurrencyLanguage:
			if len(token.Parts) != 1 || token.Parts[0].Token.TType != nfp.TokenSubTypeLanguageInfo {
				return "", false
			}
		default:
			return "", false
		}
	}
	return b.String(), true
}
