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
	if unicode.Version != "15.0.0" {
		t.Skipf("this Go has Unicode %s; the reference's verdicts in testdata/characters.txt are of 15.0.0", unicode.Version)
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
