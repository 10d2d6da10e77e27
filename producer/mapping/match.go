package mapping

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"github.com/agnivade/levenshtein"
)

// clean returns a name of a header without white space and invisible characters
// at its ends, such as a byte order mark.
func clean(name string) string {
	return strings.TrimFunc(name, func(r rune) bool { return unicode.IsSpace(r) || invisible(r) })
}

func invisible(r rune) bool { return r == '\uFEFF' || r == '\u200B' }

// fold returns what two names have in common that differ only in case, white
// space, underscores and hyphens.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || invisible(r) || r == '_' || r == '-' {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// near returns at most three of the names that resemble a name, the most similar
// first.
func near(name string, names []string) []string { return nearAny([]string{name}, names) }

// nearAny returns at most three of the names that resemble one of those that are
// wanted, the most similar first.
func nearAny(wanted, names []string) []string {
	const longest = 100 // bytes; what is longer is no name that someone mistyped
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	for _, n := range names {
		folded := fold(n)
		if len(folded) > longest || folded == "" {
			continue
		}
		best := -1
		for _, w := range wanted {
			if distance, ok := resemble(fold(w), folded); ok && (best < 0 || distance < best) {
				best = distance
			}
		}
		if best >= 0 {
			found = append(found, candidate{n, best})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var nearest []string
	for _, c := range found[:min(3, len(found))] {
		nearest = append(nearest, c.name)
	}
	return nearest
}

// resemble reports whether two folded names are similar, and how far they are apart.
func resemble(wanted, name string) (distance int, ok bool) {
	distance = levenshtein.ComputeDistance(wanted, name)
	return distance, distance <= len(wanted)*2/5 || sorted(wanted) == sorted(name) || within(wanted, name) || within(name, wanted)
}

// sorted returns the bytes of a name in order. Those of two names are the same if
// letters are transposed.
func sorted(name string) string {
	letters := []byte(name)
	slices.Sort(letters)
	return string(letters)
}

// within reports whether a is part of b and long enough to mean something.
func within(a, b string) bool { return len(a) >= 4 && strings.Contains(b, a) }

// didYouMean returns a hint that follows a reason, or nothing.
func didYouMean(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; did you mean " + either(names) + "?"
}
