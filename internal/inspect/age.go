package inspect

import (
	"fmt"
	"time"
)

// Age is a duration for people: with its two largest units, at least seconds.
func Age(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}}
	for i, u := range units {
		if d < u.size {
			continue
		}
		next := time.Second
		name := "s"
		if i+1 < len(units) {
			next, name = units[i+1].size, units[i+1].name
		}
		return fmt.Sprintf("%d%s %d%s", d/u.size, u.name, d%u.size/next, name)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
