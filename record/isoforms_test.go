package record_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// dateForms are the ways to write the date of t.
func dateForms(t time.Time) []string {
	year, week := t.ISOWeek()
	weekday := (int(t.Weekday())+6)%7 + 1
	return []string{
		t.Format("2006-01-02"), t.Format("20060102"),
		fmt.Sprintf("%04d-%03d", t.Year(), t.YearDay()), fmt.Sprintf("%04d%03d", t.Year(), t.YearDay()),
		fmt.Sprintf("%04d-W%02d-%d", year, week, weekday), fmt.Sprintf("%04dW%02d%d", year, week, weekday),
	}
}

// clockForms are the ways to write the time of day of t, to the microsecond
// and no longer than needed.
func clockForms(t time.Time) []string {
	fraction := strings.TrimRight(fmt.Sprintf("%06d", t.Nanosecond()/1000), "0")
	layouts := []string{"15:04:05", "150405"}
	switch {
	case fraction != "":
		var forms []string
		for _, layout := range layouts {
			for _, mark := range []string{".", ","} {
				forms = append(forms, t.Format(layout)+mark+fraction, t.Format(layout)+mark+fraction+strings.Repeat("0", 8))
			}
		}
		return forms
	case t.Second() == 0 && t.Minute() == 0:
		layouts = append(layouts, "15:04", "1504", "15")
	case t.Second() == 0:
		layouts = append(layouts, "15:04", "1504")
	}
	for i, layout := range layouts {
		layouts[i] = t.Format(layout)
	}
	return layouts
}

// offsetForms are the ways to write an offset of so many minutes.
func offsetForms(minutes int) []string {
	sign, size := "+", minutes
	if minutes < 0 {
		sign, size = "-", -minutes
	}
	h, m := size/60, size%60
	forms := []string{fmt.Sprintf("%s%02d:%02d", sign, h, m), fmt.Sprintf("%s%02d%02d", sign, h, m)}
	if m == 0 {
		forms = append(forms, fmt.Sprintf("%s%02d", sign, h))
	}
	if minutes == 0 {
		forms = append(forms, "", "Z", "z", "-00:00", "-0000", "-00")
	}
	return forms
}

// However an instant is written down, it is read as that instant: all forms of
// the date, of the time of day and of the offset go together.
func TestEveryFormOfAnInstant(t *testing.T) {
	first, last := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC)
	units := []time.Duration{time.Microsecond, time.Millisecond, time.Second, time.Minute, time.Hour}
	rapid.Check(t, func(t *rapid.T) {
		want := time.Unix(rapid.Int64Range(first.Unix(), last.Unix()).Draw(t, "second"), 0).
			Add(time.Duration(rapid.IntRange(0, 999_999).Draw(t, "µs")) * time.Microsecond).UTC().
			Truncate(rapid.SampledFrom(units).Draw(t, "to"))
		minutes := rapid.OneOf(rapid.Just(0), rapid.IntRange(-1439, 1439), rapid.Map(rapid.IntRange(-23, 23), func(h int) int { return 60 * h })).Draw(t, "offset")
		local := want.Add(time.Duration(minutes) * time.Minute)
		for _, date := range dateForms(local) {
			for _, clock := range clockForms(local) {
				for _, offset := range offsetForms(minutes) {
					separator := rapid.SampledFrom([]string{"T", "t", " "}).Draw(t, "separator")
					text := date + separator + clock + offset
					if separator == " " && len(date) == len("2006002") && date[4] != 'W' && date[4] != '-' {
						continue // a basic ordinal date takes no space, as in isoparse
					}
					if got, err := decodeWith("createdAt", text); err != nil || !got.CreatedAt.Equal(want) {
						t.Fatalf("%s: read as %v, %v, want %v", text, got.CreatedAt, err, want)
					}
				}
			}
		}
	})
}
