package file_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"ingestion/producer/file"
)

// createdAts returns the dates of a workbook, or why they are none.
func createdAts(t failing, content []byte) (all []string) {
	got, _, err := readAll(bytes.NewReader(content), file.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range got {
		_, body, ok := strings.Cut(line, " {")
		var row struct{ CreatedAt string }
		if !ok || json.Unmarshal([]byte("{"+body), &row) != nil {
			all = append(all, line)
			continue
		}
		all = append(all, row.CreatedAt)
	}
	return all
}

func TestDates(t *testing.T) {
	const noDay = "line 2, column 4 (createdAt): the number in the cell is shown as a date, but is that of no day"
	for _, c := range []struct {
		serial float64
		is1904 bool
		want   string
	}{
		{45306.5631828704, false, "2024-01-15T13:30:59"},
		{45306.563182881944, false, "2024-01-15T13:30:59.001"},
		{45306.563188657407, false, "2024-01-15T13:30:59.500"},
		{45306.999999999, false, "2024-01-16T00:00:00"},
		{1, false, "1900-01-01T00:00:00"},
		{59, false, "1900-02-28T00:00:00"},
		{59.75, false, "1900-02-28T18:00:00"},
		{61, false, "1900-03-01T00:00:00"},
		{2958465, false, "9999-12-31T00:00:00"},
		{60, false, noDay},
		{0.5, false, noDay},
		{-1, false, noDay},
		{2958466, false, noDay},
		{0, true, "1904-01-01T00:00:00"},
		{0.25, true, "1904-01-01T06:00:00"},
		{59, true, "1904-02-29T00:00:00"},
		{60, true, "1904-03-01T00:00:00"},
		{2957003, true, "9999-12-31T00:00:00"},
		{-1, true, noDay},
		{2957004, true, noDay},
	} {
		if got := createdAts(t, dated(t, []float64{c.serial}, c.is1904)); got[0] != c.want {
			t.Errorf("%v, 1904 %t: %q, want %q", c.serial, c.is1904, got, c.want)
		}
	}
}

// calendar counts the days of the Gregorian calendar one by one.
func calendar(from, to int, day func(date string)) {
	for year := from; year <= to; year++ {
		february := 28
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			february = 29
		}
		for month, days := range []int{31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31} {
			for n := range days {
				day(fmt.Sprintf("%04d-%02d-%02d", year, month+1, n+1))
			}
		}
	}
}

// serials returns the days of both systems, by their number.
func serials(is1904 bool) []string {
	var days []string
	if is1904 {
		calendar(1904, 9999, func(date string) { days = append(days, date) })
		return days
	}
	days = append(days, "")
	calendar(1900, 9999, func(date string) {
		days = append(days, date)
		if date == "1900-02-28" {
			days = append(days, "") // the 29th, which was none
		}
	})
	return days
}

// TestAnyDate compares both date systems with a count of the days. The first years,
// which are irregular, are compared whole.
func TestAnyDate(t *testing.T) {
	for _, is1904 := range []bool{false, true} {
		days := serials(is1904)
		check := func(t failing, numbers, millis []int) {
			stored := make([]float64, len(numbers))
			for i, n := range numbers {
				stored[i] = float64(n) + float64(millis[i])/86_400_000
			}
			for i, got := range createdAts(t, dated(t, stored, is1904)) {
				ms := millis[i]
				want := fmt.Sprintf("%sT%02d:%02d:%02d", days[numbers[i]], ms/3_600_000, ms/60_000%60, ms/1000%60)
				if ms%1000 > 0 {
					want += fmt.Sprintf(".%03d", ms%1000)
				}
				if days[numbers[i]] == "" {
					want = fmt.Sprintf("line %d, column 4 (createdAt): the number in the cell is shown as a date, but is that of no day", i+2)
				}
				if got != want {
					t.Fatalf("%v, 1904 %t: %s, want %s", stored[i], is1904, got, want)
				}
			}
		}
		first := make([]int, 1600)
		for i := range first {
			first[i] = i
		}
		check(t, first, make([]int, len(first)))
		rapid.Check(t, func(rt *rapid.T) {
			numbers := rapid.SliceOfN(rapid.IntRange(0, len(days)-1), 1, 50).Draw(rt, "days")
			millis := rapid.SliceOfN(rapid.IntRange(0, 86_399_999), len(numbers), len(numbers)).Draw(rt, "milliseconds")
			check(rt, numbers, millis)
		})
	}
}

// failing is a test or one check of a property.
type failing interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}
