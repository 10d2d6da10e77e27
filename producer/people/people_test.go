package people_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"ingestion/producer/people"
)

func TestPeopleAreWellFormed(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	scripts, seen := map[string]bool{}, map[string]bool{}
	for range 8_000 {
		p := people.Pick(r)
		local, domain, ok := strings.Cut(p.Email, "@")
		if !ok || local == "" || !strings.Contains(domain, ".") || strings.ContainsAny(p.Email, " '’ʻ") {
			t.Fatalf("%q has the address %q", p.Name, p.Email)
		}
		if !utf8.ValidString(p.Name) || strings.TrimSpace(p.Name) != p.Name || p.Name == "" {
			t.Fatalf("bad name %q", p.Name)
		}
		if !norm.NFC.IsNormalString(p.Email) {
			t.Fatalf("%q is not in NFC", p.Email)
		}
		if isASCII(domain) && !isASCII(local) {
			t.Fatalf("the name %q has no complete Latin form: %q", p.Name, p.Email)
		}
		for script, table := range unicode.Scripts {
			if strings.ContainsFunc(p.Name, func(c rune) bool { return unicode.Is(table, c) }) {
				scripts[script] = true
			}
		}
		seen[p.Name] = true
	}
	if len(scripts) < 15 || len(seen) < 1200 {
		t.Errorf("%d scripts, %d names: want variety", len(scripts), len(seen))
	}
}

func TestEqualStatesGiveEqualPeople(t *testing.T) {
	a, b := rand.New(rand.NewPCG(7, 7)), rand.New(rand.NewPCG(7, 7))
	for range 100 {
		if x, y := people.Pick(a), people.Pick(b); x != y {
			t.Fatalf("%v is not %v", x, y)
		}
	}
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c > unicode.MaxASCII }) < 0
}
