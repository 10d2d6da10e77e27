package doctor

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Rights lists the commands that a role needs, without subcommands; those it can do without
// begin with a ?.
func Rights(role Role, mode string) (list []string) {
	needed := map[string]bool{}
	for _, g := range grants[role][mode] {
		for _, c := range g.commands {
			name, _, _ := strings.Cut(c.name, "|")
			needed[name] = needed[name] || !c.optional
		}
	}
	for _, name := range slices.Sorted(maps.Keys(needed)) {
		if !needed[name] {
			name = "?" + name
		}
		list = append(list, name)
	}
	return list
}

// Refused lists the commands that the user of a client lacks, by both ways to find out.
func Refused(ctx context.Context, client *redis.Client, role Role, mode, key string) (dry, queued string, err error) {
	rights := rightsOn(grants[role][mode], queue{key, key})
	names := func(answers []string) string {
		var list []string
		for i, answer := range answers {
			name, _, _ := strings.Cut(rights[i].name, "|")
			if answer != "" && !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
		return strings.Join(list, " ")
	}
	answers, err := dryRun(ctx, client, rights)
	if err == nil {
		dry = names(answers)
		answers, err = queueOnly(ctx, client, rights)
		queued = names(answers)
	}
	return dry, queued, err
}
