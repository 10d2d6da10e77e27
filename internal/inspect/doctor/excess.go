package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ingestion/internal/config"
)

// strangers are calls that no role needs. None is executed; if one were, it would fail or
// change nothing.
var strangers = []struct{ name, args string }{
	{"flushall", "x"}, {"flushdb", "x"}, {"keys", "no-such-key"}, {"config|get", "no-such-setting"}, {"config|set", "no-such-setting x"},
	{"debug", "help"}, {"script|flush", "x"}, {"function|flush", "x"}, {"acl|list", ""}, {"acl|deluser", "no-such-user"},
	{"client|list", "id 0"}, {"client|kill", "id 0"}, {"replicaof", "no-such-host x"}, {"module|list", ""},
	{"get", "KEY"}, {"set", "KEY x ex x"}, {"del", "KEY"}, {"xrange", "KEY - +"}, {"lpop", "KEY 0"}, {"hgetall", "KEY"},
}

// foreign is a key of another program.
const foreign = "no-such-key"

// redisExcess looks for rights that the role does not need: those of the other roles, and
// those of none.
func redisExcess(ctx context.Context, e *exam, f *findings) error {
	unneeded := e.unneeded()
	for i := range e.nodes {
		n := &e.nodes[i]
		answers, err := judged(ctx, n.client, unneeded)
		if err != nil {
			return err
		}
		var allowed []string
		for i, answer := range answers {
			if answer == "" {
				allowed = append(allowed, unneeded[i].rule())
			}
		}
		if len(allowed) > 0 {
			f.add(Warning, fmt.Sprintf("%sthe Redis user of this %s may do more than it needs: %s", e.at(n), e.role, some(allowed)),
				"whoever has its password may do so too", "give it the rules of this role in deploy/redis/users.acl")
		}
	}
	return nil
}

// rule is the right as an ACL has it.
func (r right) rule() string {
	if len(r.keys) == 1 {
		return "+" + r.name + " ~" + r.keys[0]
	}
	return "+" + r.name
}

// unneeded lists rights that the role needs in neither mode: first those of none, then those
// of the other roles.
func (e *exam) unneeded() (list []right) {
	seen := map[string]bool{}
	for _, r := range e.rightsOf(e.role) {
		seen[r.rule()] = true
	}
	for _, c := range circumstances { // none of them does harm
		for _, r := range rightsOn(grantsOf(c.lines), queue{}) {
			seen[r.rule()] = true
		}
	}
	add := func(r right) {
		if !seen[r.rule()] && !slices.Contains([]string{"multi", "exec", "discard"}, r.name) {
			list = append(list, r)
		}
		seen[r.rule()] = true
	}
	for _, s := range strangers {
		add(stranger(s.name, s.args))
	}
	for _, role := range Roles() {
		for _, r := range e.rightsOf(role) {
			add(r)
		}
	}
	return list
}

func stranger(name, args string) right {
	r := right{command: command{name: name}}
	for word := range strings.SplitSeq(name, "|") {
		r.args = append(r.args, word)
	}
	for word := range strings.FieldsSeq(args) {
		if word == "KEY" {
			r.keys, word = []string{foreign}, foreign
		}
		r.args = append(r.args, word)
	}
	return r
}

// rightsOf lists what a role needs in both modes, on the first partition and on the list.
func (e *exam) rightsOf(role Role) (list []right) {
	stream, queued := e.streamKey(), e.cfg.QueueKey
	list = rightsOn(grants[role][config.ModeStream], queue{stream, queued})
	return append(list, rightsOn(grants[role][config.ModeList], queue{queued, stream})...)
}
