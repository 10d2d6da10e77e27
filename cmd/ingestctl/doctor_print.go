package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"ingestion/internal/config"
	"ingestion/internal/inspect/doctor"
	"ingestion/internal/logging"
	"ingestion/internal/plural"
)

// doctorWidth is how many columns the findings take.
const doctorWidth = 80

// doctorPrinter prints the results of doctor by theme, each theme as soon as it is complete.
type doctorPrinter struct {
	w       io.Writer
	colour  bool
	servers map[string]string // by theme
	theme   []doctor.Result   // not printed yet
	err     error
}

func newDoctorPrinter(w io.Writer, cfg *config.Config) *doctorPrinter {
	p := &doctorPrinter{w: w, colour: logging.CanRedraw(w) && os.Getenv("NO_COLOR") == ""}
	if cfg != nil {
		p.servers = map[string]string{"Redis": cfg.RedisURL.String(), "MongoDB": cfg.MongoURI.String(), "Queue": cfg.Key()}
	}
	return p
}

func (p *doctorPrinter) add(r doctor.Result) {
	if len(p.theme) > 0 && p.theme[0].Theme != r.Theme {
		p.printTheme()
	}
	p.theme = append(p.theme, r)
}

// finish prints what is left, and the sum.
func (p *doctorPrinter) finish(results []doctor.Result) error {
	p.printTheme()
	count, fine := countFindings(results), 0
	for _, r := range results {
		if len(r.Findings) == 0 && r.Skipped == "" {
			fine++
		}
	}
	p.print("\n%s; %d of %d checks found nothing\n", tally(count), fine, len(results))
	return p.err
}

func tally(count map[doctor.Severity]int) string {
	var parts []string
	if n := count[doctor.Error]; n > 0 {
		parts = append(parts, plural.Of(n, "error", "errors"))
	}
	if n := count[doctor.Warning]; n > 0 {
		parts = append(parts, plural.Of(n, "warning", "warnings"))
	}
	if n := count[doctor.Unknown]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d unknown", n))
	}
	if len(parts) == 0 {
		return "no findings"
	}
	return strings.Join(parts, ", ")
}

func (p *doctorPrinter) print(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func (p *doctorPrinter) printTheme() {
	if len(p.theme) == 0 {
		return
	}
	theme := p.theme[0].Theme
	ok, skipped := 0, ""
	notChecked := 0
	for _, r := range p.theme {
		switch {
		case r.Skipped != "":
			notChecked, skipped = notChecked+1, r.Skipped
		case len(r.Findings) == 0:
			ok++
		}
	}
	title := logging.Printable(strings.TrimSpace(theme + "  " + p.servers[theme]))
	right := fmt.Sprintf("%d of %d ok", ok, len(p.theme))
	if notChecked == len(p.theme) {
		right, notChecked = "not checked", 0
	}
	room := doctorWidth - len(right) - 2
	title = shortened(title, room)
	colour := green
	if ok < len(p.theme) {
		colour = ""
	}
	p.print("%s%s%s\n", p.paint(bold, title), strings.Repeat(" ", max(doctorWidth-utf8.RuneCountInString(title)-len(right), 2)), p.paint(colour, right))
	for _, f := range merged(p.theme) {
		p.printFinding(f)
	}
	if notChecked > 0 {
		p.print("  %s not made: %s\n", plural.Of(notChecked, "check", "checks"), skipped)
	}
	p.theme = nil
}

// merged lists the findings. Checks that could not be made for the same reason are one.
func merged(results []doctor.Result) (list []doctor.Finding) {
	for _, r := range results {
		for _, f := range r.Findings {
			at := -1
			for i, earlier := range list {
				if f.Severity == doctor.Unknown && earlier.Severity == doctor.Unknown && earlier.What == f.What {
					at = i
				}
			}
			if at < 0 {
				list = append(list, f)
			} else {
				list[at].Check += ", " + f.Check
			}
		}
	}
	return list
}

func (p *doctorPrinter) printFinding(f doctor.Finding) {
	colour := map[doctor.Severity]string{doctor.Error: red, doctor.Warning: yellow, doctor.Unknown: magenta}[f.Severity]
	const width = 9 // of the severities
	p.print("  %s%s%s\n", p.paint(colour, strings.ToUpper(string(f.Severity))), strings.Repeat(" ", width-len(f.Severity)),
		p.paint(bold, strings.Join(wrapped(f.Check, doctorWidth-width-2), "\n"+strings.Repeat(" ", width+2))))
	for _, part := range [][2]string{{"", f.What}, {"why  ", f.Why}, {"do   ", f.Remedy}} {
		if part[1] == "" {
			continue
		}
		const indent = 4
		for i, line := range wrapped(logging.Printable(part[1]), doctorWidth-indent-len(part[0])) {
			label := part[0]
			if i > 0 {
				label = strings.Repeat(" ", len(label))
			}
			p.print("    %s%s\n", p.paint(faint, label), line)
		}
	}
}

// The colours.
const (
	bold, faint = "1", "2"
	red         = "1;31"
	green       = "32"
	yellow      = "33"
	magenta     = "35"
)

func (p *doctorPrinter) paint(colour, text string) string {
	if !p.colour || colour == "" || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// wrapped breaks a text into lines of at most width characters, inside a word only if the
// word is longer than that.
func wrapped(text string, width int) (lines []string) {
	line := ""
	for word := range strings.FieldsSeq(text) {
		for utf8.RuneCountInString(word) > width {
			if line != "" {
				lines, line = append(lines, line), ""
			}
			runes := []rune(word)
			lines, word = append(lines, string(runes[:width])), string(runes[width:])
		}
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= width:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
	}
	return append(lines, line)
}
