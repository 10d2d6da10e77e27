package mapping

import "fmt"

// uniqueNames has the names of an object, and for each the number to try next if the
// name is added again.
type uniqueNames map[string]int

// add adds a name, or if there is one like it, the name with a number behind it. It
// returns the name that is added.
func (u uniqueNames) add(name string) string {
	n, taken := u[name]
	if !taken {
		u[name] = 2
		return name
	}
	unique := name
	for ; taken; n++ {
		unique = fmt.Sprintf("%s (%d)", name, n)
		_, taken = u[unique]
	}
	u[name], u[unique] = n, 2
	return unique
}
