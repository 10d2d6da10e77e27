package doctor

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ingestion/internal/config"
)

var updateACL = flag.Bool("update-acl", false, "write deploy/redis/users.acl")

const usersFile = "../../../deploy/redis/users.acl"

// TestUsersACL compares deploy/redis/users.acl with the grants.
func TestUsersACL(t *testing.T) {
	want := usersACL(t)
	if *updateACL {
		if err := os.WriteFile(usersFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(usersFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("%s is not what roles.go says (go test ./internal/inspect/doctor -run TestUsersACL -update-acl writes it):\n%s", usersFile, diff)
	}
}

const usersHead = `# Users of Redis, one for each role of the service, with what its programs need and nothing else.
# docs/security.md says how to install them, and how to adapt the names of keys.
#
# Made from internal/inspect/doctor/roles.go, which doctor uses too; after a change there:
#   go test ./internal/inspect/doctor -run TestUsersACL -update-acl
#
# Redis reads this file as it is by "include" in redis.conf. For "aclfile", remove the comments.
# No user has a password: put >PASSWORD or #SHA256 of one in place of resetpass.
#
# The keys are those of QUEUE_KEY=%[1]s and STREAM_KEY=%[2]s, with any STREAM_PARTITIONS.
# Each (…) gives some commands for some keys. What a script calls is checked too, so EVAL and
# EVALSHA let nobody do more than the rest of his line. +select is for a REDIS_URL with the number
# of a database, +cluster|… for a Redis Cluster.
#
# Of the category @dangerous there is INFO only, from which the programs learn of maxmemory, and
# which tells no data. CONFIG is for nobody: CONFIG GET shows the passwords of replicas. So an
# operator's doctor can't read appendfsync and says so; run it as admin once.

# Without a name and a password nobody may do anything.
user default off resetpass resetchannels resetkeys -@all

# admin: for whoever runs Redis, not for a program of the service.
user admin on resetpass ~* &* +@all
`

var purposes = map[Role]string{
	Worker:   "the program worker, also its /metrics/queue",
	Producer: "the program producer; +wait is for PRODUCER_WAIT_REPLICAS",
	Operator: "ingestctl, and a console with CONSOLE_CHANGES=on",
	Archiver: "the program archiver",
	Viewer:   "a console that changes nothing, and /metrics/queue; it can read records",
}

func usersACL(t *testing.T) string {
	t.Helper()
	cfg, err := config.Parse(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := patterns{stream: cfg.StreamKey, list: cfg.QueueKey}
	var b strings.Builder
	fmt.Fprintf(&b, usersHead, cfg.QueueKey, cfg.StreamKey)
	for _, role := range Roles() {
		fmt.Fprintf(&b, "\n# %s: %s.\n", role, purposes[role])
		for _, mode := range []string{config.ModeStream, config.ModeList} {
			for _, g := range grants[role][mode] {
				if g.why != "" {
					fmt.Fprintf(&b, "#   %s mode, %s: %s\n", mode, strings.Join(g.families, " "), g.why)
				}
			}
		}
		b.WriteString(p.user(role) + "\n")
	}
	return b.String()
}

// patterns are the keys of a stream with any number of partitions, and of a list.
type patterns struct{ stream, list string }

// user is the line of a role.
func (p patterns) user(role Role) string {
	rules := []string{"user", string(role), "on", "resetpass", "resetchannels", "-@all"}
	var commands, selectors []string
	for _, mode := range []string{config.ModeStream, config.ModeList} {
		rules = append(rules, p.scripts(mode, grants[role][mode])...)
		for _, g := range grants[role][mode] {
			names := namesOf(g)
			if slices.Contains(g.families, every) || slices.Contains(g.families, none) {
				commands = append(commands, names...)
				continue
			}
			var keys []string
			for _, family := range g.families {
				keys = append(keys, p.of(mode, family)...)
			}
			selectors = append(selectors, "("+strings.Join(append(keys, names...), " ")+")")
		}
	}
	for _, c := range circumstances {
		if c.roles == nil || slices.Contains(c.roles, role) {
			commands = append(commands, namesOf(grantsOf(c.lines)[0])...)
		}
	}
	return strings.Join(slices.Concat(rules, distinct(commands), selectors), " ")
}

// scripts are the keys that scripts may be given.
func (p patterns) scripts(mode string, list []grant) (keys []string) {
	if !slices.ContainsFunc(list, func(g grant) bool { return slices.Contains(g.families, every) }) {
		return nil
	}
	keys = append(p.of(mode, main), p.of(mode, "*")...)
	if slices.Contains(familiesOf(list), rebuild) {
		keys = append(keys, p.of(mode, rebuild)...)
	}
	return keys
}

func (p patterns) of(mode, family string) []string {
	base, others := p.stream, p.list
	if mode == config.ModeList {
		base, others = p.list, p.stream
	}
	name := ""
	switch family {
	case main:
	case other:
		base = others
	case rebuild:
		return []string{"~{rebuild:*"}
	default:
		name = family
	}
	forms := []string{base}
	if base == p.stream {
		forms = append(forms, base+":[0-9]*")
	}
	for i, form := range forms {
		if name != "" {
			form = "{" + form + "}:" + name
		}
		forms[i] = "~" + form
	}
	return forms
}

func namesOf(g grant) (names []string) {
	for _, c := range g.commands {
		names = append(names, "+"+c.name)
	}
	return names
}

func distinct(list []string) (once []string) {
	for _, s := range list {
		if !slices.Contains(once, s) {
			once = append(once, s)
		}
	}
	return once
}
