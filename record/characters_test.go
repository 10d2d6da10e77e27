package record_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/idna"

	"ingestion/record"
)

// Every character is judged as the reference judges it, in six places of an
// address. testdata/characters.txt says how its lines came about.
func TestEveryCharacter(t *testing.T) {
	if unicode.Version != tableUnicode {
		report := t.Skipf
		if os.Getenv("CI") != "" {
			report = t.Fatalf
		}
		report(otherUnicode, unicode.Version, tableUnicode)
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
		if got, want := judgedBlock(t, first), strings.TrimSpace(line); got != want {
			t.Errorf("the characters from U+%04X on:\ngot  %s\nwant %s", first, got, want)
		}
	}
	if blocks != 200 {
		t.Errorf("%d blocks were judged, want 200", blocks)
	}
}

// tableUnicode is the version of Unicode whose characters the table has.
const tableUnicode = "15.0.0"

const otherUnicode = `this Go has Unicode %[1]s, but the verdicts in testdata/characters.txt are for the characters of %[2]s.
Make the table anew, by a Python whose unicodedata.unidata_version is %[1]s, with the newest email-validator and idna:
validate_email(address, check_deliverability=False).normalized, "" where it raises EmailNotValidError, is what is stored
of an address; the addresses, and how a line is made of what is stored, are told at the head of the table. Then set
tableUnicode and the number of blocks here, and the versions named at that head and in docs/validation.md`

// judgedBlock is the line of the table for the block that begins with first.
func judgedBlock(t *testing.T, first rune) string {
	t.Helper()
	var accepted [6]int
	all := sha256.New()
	for r := max(first, 0x80); r < first+256; r++ {
		for place, address := range placesOf(t, string(r)) {
			body := `{"customerId":"1","name":"n","createdAt":"2024","email":"` + address + `"}`
			stored, err := record.Decoder{}.Decode([]byte(body))
			if err == nil {
				accepted[place]++
			}
			fmt.Fprintln(all, stored.Email)
		}
	}
	return fmt.Sprintf("%05X %s %.8x", first, strings.Trim(fmt.Sprint(accepted), "[]"), all.Sum(nil))
}

func placesOf(t *testing.T, c string) [6]string {
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
