// Package people generates customers: names in many languages and scripts, with
// matching e-mail addresses. All persons and domains are fictitious.
package people

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// Person is a generated customer. Both fields are valid in a record and in their
// stored form.
type Person struct {
	Name  string
	Email string
}

// Pick returns a random person. Equal states of r give equal persons.
func Pick(r *rand.Rand) Person {
	l := locales[r.IntN(len(locales))]
	given, family := pick(r, l.given), pick(r, l.family)
	p := Person{Name: l.order(given.native, family.native)}
	if l.unicode != nil && r.IntN(3) == 0 {
		p.Email = given.native + "@" + one(r, l.unicode)
		return p
	}
	p.Email = local(r, given.latin, family.latin) + "@" + one(r, l.domains)
	return p
}

type name struct{ native, latin string }

type locale struct {
	given, family []name
	domains       []string
	unicode       []string // domains for a local part in the language's own script
	order         func(given, family string) string
}

func givenFirst(given, family string) string  { return given + " " + family }
func familyFirst(given, family string) string { return family + " " + given }
func together(given, family string) string    { return family + given }

// names parses a list such as "Zoë Анна|anna José_María". An underscore is a space;
// after | follows the Latin form if it can't be derived.
func names(list string) []name {
	var out []name
	for _, word := range strings.Fields(list) {
		native, latin, found := strings.Cut(strings.ReplaceAll(word, "_", " "), "|")
		if !found {
			latin = fold(native)
		}
		out = append(out, name{native, latin})
	}
	return out
}

var folding = strings.NewReplacer(
	"á", "a", "à", "a", "â", "a", "ã", "a", "ä", "ae", "å", "aa", "ā", "a", "ă", "a", "ą", "a", "æ", "ae",
	"ç", "c", "ć", "c", "č", "c", "ď", "d", "đ", "d", "ð", "d", "é", "e", "è", "e", "ê", "e", "ë", "e", "ē", "e", "ė", "e", "ę", "e", "ě", "e",
	"ğ", "g", "ģ", "g", "í", "i", "ì", "i", "î", "i", "ï", "i", "ī", "i", "ı", "i", "ķ", "k", "ł", "l", "ļ", "l", "ľ", "l",
	"ñ", "n", "ń", "n", "ň", "n", "ņ", "n", "ó", "o", "ò", "o", "ô", "o", "õ", "o", "ö", "oe", "ő", "o", "ø", "o", "ơ", "o",
	"ř", "r", "ś", "s", "š", "s", "ş", "s", "ș", "s", "ß", "ss", "ť", "t", "ț", "t", "þ", "th",
	"ú", "u", "ù", "u", "û", "u", "ü", "ue", "ū", "u", "ů", "u", "ű", "u", "ư", "u", "ų", "u", "ý", "y", "ź", "z", "ż", "z", "ž", "z",
	"ạ", "a", "ầ", "a", "ấ", "a", "ặ", "a", "ễ", "e", "ế", "e", "ọ", "o", "ồ", "o", "ị", "i", "ỳ", "y", "ươ", "uo",
	" ", "", "'", "", "’", "", "-", "-", "ʻ", "",
)

// fold converts a name in the Latin script to the letters a to z and the hyphen.
func fold(native string) string {
	return folding.Replace(strings.NewReplacer("İ", "i").Replace(strings.ToLower(native)))
}

func local(r *rand.Rand, given, family string) string {
	switch r.IntN(7) {
	case 0:
		return given[:1] + "." + family
	case 1:
		return family + "." + given
	case 2:
		return given + "_" + family
	case 3:
		return given + strconv.Itoa(60+r.IntN(40))
	case 4:
		return given + "." + family + "+" + one(r, tags)
	default:
		return given + "." + family
	}
}

var tags = []string{"news", "shop", "orders", "rechnung", "2024", "home"}

func pick(r *rand.Rand, from []name) name { return from[r.IntN(len(from))] }

func one(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }
