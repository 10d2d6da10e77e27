package console

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// conditions select dead letters in an address or a form.
var conditions = []string{"event", "olderThan", "customer", "reason", "exact"}

// several are those that may be given several times.
var several = []string{"id", "event"}

// knownNames reports what else than conditions and other names a query has, or has twice: a condition
// that gets lost would select more than was meant.
func knownNames(q url.Values, other ...string) error {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		switch {
		case !slices.Contains(conditions, name) && !slices.Contains(other, name):
			return wrong(fmt.Errorf("there is no %q here: there are %s", name, strings.Join(append(slices.Clone(conditions), other...), ", ")))
		case len(q[name]) > 1 && !slices.Contains(several, name):
			return wrong(fmt.Errorf("%s is given %d times: give it once", name, len(q[name])))
		}
	}
	return nil
}

// noneEmpty reports a value that is empty, as of a variable that is not set. The form of a filter sends
// empty fields, and nothing else does.
func noneEmpty(q url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if name != "confirm" && slices.ContainsFunc(q[name], func(v string) bool { return strings.TrimSpace(v) == "" }) {
			return wrong(fmt.Errorf("%s is empty: leave it out if that is meant", name))
		}
	}
	return nil
}

// strict reports names that are unknown or given twice, and values that are empty.
func strict(q url.Values, other ...string) error {
	if err := knownNames(q, other...); err != nil {
		return err
	}
	return noneEmpty(q)
}

// strictly reads a selection from a query that has other names, too.
func strictly(q url.Values, other ...string) (selection, error) {
	if err := strict(q, other...); err != nil {
		return selection{}, err
	}
	return selectionOf(q)
}
