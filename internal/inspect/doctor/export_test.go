package doctor

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Rights lists the commands that a role needs; those it can do without begin with a ?.
func Rights(role Role, mode string) (list []string) {
	for _, r := range rights[role][mode] {
		name := r.command()
		if r.optional {
			name = "?" + name
		}
		list = append(list, name)
	}
	return list
}

// Refused lists the commands that the user of a client lacks, by both ways to find out.
func Refused(ctx context.Context, client *redis.Client, role Role, mode string, keys []string) (dry, queued string, err error) {
	var calls [][]any
	for _, r := range rights[role][mode] {
		calls = append(calls, r.onKey(keys[0]))
	}
	names := func(answers []string) string {
		var list []string
		for i, answer := range answers {
			if answer != "" {
				list = append(list, calls[i][0].(string))
			}
		}
		return strings.Join(list, " ")
	}
	answers, err := dryRun(ctx, client, calls)
	if err == nil {
		dry = names(answers)
		answers, err = queueOnly(ctx, client, calls)
		queued = names(answers)
	}
	return dry, queued, err
}
