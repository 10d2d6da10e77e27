package doctor

import (
	"slices"
	"strings"
)

// Families of keys that stand for more than one key or for none. All others are the names of
// keys beside the queue: dead is {K}:dead.
const (
	main    = "main"    // the list or the streams of all partitions
	other   = "other"   // the queue of the other mode
	rebuild = "rebuild" // keys of rebuilds
	every   = "every"   // all keys of the queue that the role uses, which scripts are given
	none    = "none"    // no key
)

// grant gives a role some commands for the keys of some families.
type grant struct {
	families []string
	commands []command
	why      string
}

// command is a command as ACL rules have it, such as xadd or xinfo|groups.
type command struct {
	name     string
	optional bool // the program does without, and says less
}

// grantsOf reads grants, one a line: families, then commands with a +, of which optional ones
// have a ? before it, then a # and the reason.
func grantsOf(lines string) (list []grant) {
	for line := range strings.Lines(lines) {
		var g grant
		rules, why, _ := strings.Cut(line, "#")
		g.why = strings.TrimSpace(why)
		for _, word := range strings.Fields(rules) {
			if name, ok := strings.CutPrefix(word, "?+"); ok {
				g.commands = append(g.commands, command{name, true})
			} else if name, ok := strings.CutPrefix(word, "+"); ok {
				g.commands = append(g.commands, command{name, false})
			} else {
				g.families = append(g.families, word)
			}
		}
		if len(g.commands) > 0 {
			list = append(list, g)
		}
	}
	return list
}

// familiesOf lists the families of all keys that the grants name.
func familiesOf(grants []grant) (list []string) {
	for _, g := range grants {
		for _, family := range g.families {
			if family != none && family != every && !slices.Contains(list, family) {
				list = append(list, family)
			}
		}
	}
	return list
}

// right is a command with arguments with which it may be tried.
type right struct {
	command
	keys []string // that args has
	args []any
}

// queue has the keys of both modes, with which rights are tried.
type queue struct{ main, other string }

// key is a key of a family.
func (q queue) key(family string) string {
	switch family {
	case main:
		return q.main
	case other:
		return q.other
	case rebuild:
		return "{rebuild:x:0}:run"
	}
	return "{" + q.main + "}:" + strings.Replace(family, "*", "x", 1)
}

// rightsOn expands grants: a right for each command and family.
func rightsOn(grants []grant, q queue) (list []right) {
	var all []string
	for _, family := range familiesOf(grants) {
		if family != other && family != rebuild { // only single commands give scripts those
			all = append(all, q.key(family))
		}
	}
	for _, g := range grants {
		for _, family := range g.families {
			for _, c := range g.commands {
				switch family {
				case none:
					list = append(list, c.with())
				case every:
					list = append(list, c.with(all...))
				default:
					list = append(list, c.with(q.key(family)))
				}
			}
		}
	}
	return list
}

// with puts keys into the sample of the command.
func (c command) with(keys ...string) right {
	r := right{command: c, keys: keys}
	for word := range strings.SplitSeq(c.name, "|") {
		r.args = append(r.args, word)
	}
	sample, ok := samples[c.name]
	if !ok {
		panic("no sample arguments of " + c.name)
	}
	for word := range strings.FieldsSeq(sample) {
		switch word {
		case "KEYS":
			r.args = append(r.args, len(keys))
			for _, key := range keys {
				r.args = append(r.args, key)
			}
		case "KEY":
			r.args = append(r.args, keys[0])
		default:
			r.args = append(r.args, word)
		}
	}
	return r
}

// samples are arguments with which each command may be tried. None of the calls is executed.
var samples = map[string]string{
	"evalsha": "x KEYS", "eval": "x KEYS",
	"xreadgroup": "GROUP g c COUNT 1 STREAMS KEY >", "xack": "KEY g 0-1", "xclaim": "KEY g c 0 0-1", "xautoclaim": "KEY g c 0 0 COUNT 1",
	"xpending": "KEY g", "xinfo|stream": "KEY", "xinfo|groups": "KEY", "xinfo|consumers": "KEY g",
	"xgroup|create": "KEY g 0 MKSTREAM", "xgroup|setid": "KEY g 0", "xgroup|destroy": "KEY g", "xgroup|delconsumer": "KEY g c",
	"xadd": "KEY * a b", "xdel": "KEY 0-1", "xtrim": "KEY MINID 0", "xlen": "KEY", "xrange": "KEY - + COUNT 1", "xrevrange": "KEY + - COUNT 1",
	"exists": "KEY", "type": "KEY", "memory|usage": "KEY", "del": "KEY", "unlink": "KEY", "pttl": "KEY", "pexpire": "KEY 1",
	"get": "KEY", "set": "KEY x",
	"hget": "KEY f", "hmget": "KEY f", "hgetall": "KEY", "hset": "KEY f v", "hdel": "KEY f", "hexists": "KEY f",
	"hincrby": "KEY f 1", "hlen": "KEY", "hrandfield": "KEY 1", "hscan": "KEY 0",
	"zadd": "KEY 1 m", "zcard": "KEY", "zcount": "KEY 0 1", "zscore": "KEY m", "zmscore": "KEY m", "zrange": "KEY 0 0",
	"zrevrange": "KEY 0 0", "zrangebyscore": "KEY 0 1", "zrem": "KEY m", "zremrangebyrank": "KEY 0 0", "zremrangebyscore": "KEY 0 1",
	"lpush": "KEY x", "rpush": "KEY x", "lpop": "KEY 1", "blpop": "KEY 1", "llen": "KEY", "lrange": "KEY 0 0", "ltrim": "KEY 0 999",
	"time": "", "info": "server", "ping": "", "multi": "", "exec": "", "discard": "", "select": "1", "wait": "0 1", "scan": "0",
	"cluster|slots": "", "cluster|info": "", "command": "", "config|get": "appendfsync",
}
