package config

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Suspect is a variable that is not a setting, but looks like a misspelt one that is
// not set either.
type Suspect struct {
	Name   string
	Meant  string // the setting
	Source Source // Environment or EnvFile
	Line   int    // of the .env file
}

func (s Suspect) String() string {
	text := fmt.Sprintf("%s is not a setting, and ignored: did you mean %s?", s.Name, s.Meant)
	if s.Source == EnvFile {
		return fmt.Sprintf(".env, line %d: %s", s.Line, text)
	}
	return "environment: " + text
}

// suspectsIn lists the suspects among the variables of a source, by name. set has the
// variables of all sources that are not empty: whoever sets MONGO_URI may have a MONGODB_URI for another
// program.
func suspectsIn(source Source, vars map[string]string, set map[string]string) []Suspect {
	var all []Suspect
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		meant := settingLike(name)
		if _, isSet := set[meant]; meant != "" && !isSet && !isSetting(name) {
			all = append(all, Suspect{Name: name, Meant: meant, Source: source})
		}
	}
	return all
}

// settingLike returns the setting whose name differs least from name, if that is
// little enough for a mistake in typing, or "". Case, hyphens, a unit at the end and
// MONGODB for MONGO make no difference. Kubernetes and docker-compose.yml set
// variables such as REDIS_PORT, which differ by more.
func settingLike(name string) string {
	name = canonical(name)
	best, fewest := "", 3
	for _, setting := range settingNames {
		n := mistakes(name, setting)
		if short, of := unit.ReplaceAllString(name, ""), unit.ReplaceAllString(setting, ""); short != name || of != setting {
			n = min(n, mistakes(short, of)+1)
		}
		if n <= tolerated(setting) && n < fewest {
			best, fewest = setting, n
		}
	}
	return best
}

func canonical(name string) string {
	name = strings.ToUpper(strings.NewReplacer("-", "_", ".", "_").Replace(name))
	if rest, found := strings.CutPrefix(name, "MONGODB_"); found {
		return "MONGO_" + rest
	}
	return name
}

// unit is the end of the name of a duration.
var unit = regexp.MustCompile(`_(SEC|SECS|SECONDS|MS|MILLIS|MIN|MINUTES)$`)

// tolerated is how many mistakes a name may have. In a short one, two would make
// another word of it.
func tolerated(setting string) int {
	if len(setting) < 12 {
		return 1
	}
	return 2
}

// mistakes counts the characters that are wrong, missing or too many. Two that are
// swapped count as one.
func mistakes(a, b string) int {
	if d := len(a) - len(b); d < -2 || d > 2 {
		return 3 // or more; most variables of the environment end here
	}
	n := levenshtein.ComputeDistance(a, b)
	if n == 2 && len(a) == len(b) && sorted(a) == sorted(b) {
		return 1
	}
	return n
}

func sorted(s string) string {
	letters := []byte(s)
	slices.Sort(letters)
	return string(letters)
}

// settingNames has the names of all variables in the order of Config.
var settingNames = func() []string {
	var names []string
	for field := range fieldsOf(reflect.TypeFor[Config]()) {
		names = append(names, field.Tag.Get("env"))
	}
	return names
}()

func isSetting(name string) bool { return slices.Contains(settingNames, name) }

// suspects lists the suspects of all sources: those of the file by line, then those
// of the environment.
func suspects(f envFile, environ, set map[string]string) []Suspect {
	inFile := suspectsIn(EnvFile, f.vars, set)
	for i := range inFile {
		inFile[i].Line = f.line(inFile[i].Name)
	}
	slices.SortStableFunc(inFile, func(a, b Suspect) int { return cmp.Compare(a.Line, b.Line) })
	return append(inFile, suspectsIn(Environment, environ, set)...)
}
