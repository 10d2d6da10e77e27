package doctor

import (
	"strings"

	"ingestion/internal/config"
)

// right is a command that a role needs.
type right struct {
	args     []string // the command, and arguments with which it may be tried
	optional bool     // the program does without, and says less
}

// Command is the name as ACL rules have it, such as xadd.
func (r right) command() string { return strings.ToLower(r.args[0]) }

// rightsOf reads a list of commands, one a line. K stands for the key of a list or of a
// partition's stream, K:name for another key beside it, and a leading ? for optional.
func rightsOf(lines string) (list []right) {
	for line := range strings.Lines(lines) {
		line, optional := strings.CutPrefix(strings.TrimSpace(line), "?")
		if args := strings.Fields(line); len(args) > 0 {
			list = append(list, right{args: args, optional: optional})
		}
	}
	return list
}

// onKey puts the keys in.
func (r right) onKey(key string) []any {
	args := make([]any, len(r.args))
	for i, arg := range r.args {
		switch name, beside := strings.CutPrefix(arg, "K:"); {
		case arg == "K":
			args[i] = key
		case beside:
			args[i] = "{" + key + "}:" + name
		default:
			args[i] = arg
		}
	}
	return args
}

// rights has what each role needs, by mode. docs/operations.md has the same list, and
// tests compare both with the code.
var rights = map[Role]map[string][]right{
	Worker: {
		config.ModeStream: rightsOf(`
			evalsha x 2 K K:ledger
			eval x 2 K K:ledger
			xreadgroup GROUP g c COUNT 1 STREAMS K >
			xinfo GROUPS K
			xgroup CREATE K g 0 MKSTREAM
			xack K g 0-1
			xadd K:dead * a b
			xdel K:outcomes 0-1
			xtrim K MINID 0
			xclaim K g c 0 0-1
			xautoclaim K g c 0 0 COUNT 1
			xpending K g
			xlen K
			xrange K - + COUNT 1
			xrevrange K + - COUNT 1
			exists K
			type K
			del K:gone
			get K:scan
			set K:scan x
			hget K:ledger f
			hmget K:control f
			hgetall K:ledger
			hset K:ledger f v
			hdel K:ledger f
			hexists K:ledger f
			hincrby K:ledger f 1
			hlen K:returns
			hrandfield K:returns 1
			zadd K:delayed 1 m
			zcard K:delayed
			zcount K:limit:c 0 1
			zmscore K:limit:c m
			zrange K:delayed 0 0
			zrangebyscore K:delayed 0 1
			zrem K:delayed m
			zremrangebyrank K:limit:c 0 0
			zremrangebyscore K:limit:c 0 1
			zscore K:limit:c m
			pexpire K:limit:c 1
			pttl K:limit:c
			time
			?info memory
			?memory USAGE K:dead
			?ping`),
		config.ModeList: rightsOf(`
			evalsha x 2 K K:dead
			eval x 2 K K:dead
			blpop K 1
			lpop K 1
			lpush K x
			xadd K:dead * a b
			xtrim K:dead MAXLEN 0
			xlen K:dead
			type K
			get K:once:x
			set K:once:x x
			hget K:workers f
			hmget K:control f
			hgetall K:workers
			hset K:workers f v
			hdel K:workers f
			hlen K:limits
			zadd K:limit:c 1 m
			zcard K:limit:c
			zcount K:limit:c 0 1
			zmscore K:limit:c m
			zrange K:limit:c 0 0
			zremrangebyrank K:limit:c 0 0
			zremrangebyscore K:limit:c 0 1
			zscore K:limit:c m
			pexpire K:limit:c 1
			pttl K:limit:c
			time
			?info memory
			?memory USAGE K:dead
			?ping`),
	},
	Producer: {
		config.ModeStream: rightsOf(`
			xadd K * a b
			type K
			?info server
			?ping`),
		config.ModeList: rightsOf(`
			rpush K x
			type K
			?info server
			?ping`),
	},
	Operator: {
		config.ModeStream: rightsOf(`
			evalsha x 2 K K:ledger
			eval x 2 K K:ledger
			exists K
			type K
			xlen K
			xadd K * a b
			xdel K:dead 0-1
			xrange K:dead - +
			xrevrange K:dead + -
			xinfo GROUPS K
			xpending K g
			zcard K:delayed
			hget K:ledger f
			hmget K:ledger f
			hgetall K:ledger
			hset K:control f v
			hexists K:ledger f
			hincrby K:ledger f 1
			hlen K:returns
			del K:control
			time
			?zcount K:delayed 0 1
			?hscan K:limits 0
			?zrange K:limit:c 0 0
			?zrevrange K:delayed 0 0
			?zscore K:delayed m
			?zmscore K:delayed m
			?llen K
			?xreadgroup GROUP g c COUNT 1 STREAMS K >
			?xgroup CREATE K g 0 MKSTREAM
			?hdel K:limits f
			?rpush K x
			?lpop K 1
			?lrange K 0 0
			?info server
			?memory USAGE K
			?config GET appendfsync
			?ping`),
		config.ModeList: rightsOf(`
			evalsha x 2 K K:dead
			eval x 2 K K:dead
			type K
			llen K
			rpush K x
			xlen K:dead
			xdel K:dead 0-1
			xrange K:dead - +
			xrevrange K:dead + -
			hmget K:control f
			hgetall K:workers
			hset K:control f v
			hexists K:ledger f
			del K:control
			time
			?hscan K:limits 0
			?hlen K:limits
			?hget K:limits f
			?hdel K:limits f
			?zcard K:limit:c
			?zcount K:limit:c 0 1
			?zrange K:limit:c 0 0
			?lrange K 0 0
			?info server
			?memory USAGE K
			?config GET appendfsync
			?ping`),
	},
	Archiver: { // of streams only
		config.ModeStream: rightsOf(`
			evalsha x 2 K K:archiver
			eval x 2 K K:archiver
			xrange K - + COUNT 1
			xinfo GROUPS K
			xgroup CREATE K g 0 MKSTREAM
			exists K
			type K
			get K:archiver
			set K:archiver x
			pexpire K:archiver 1
			xadd K:outcomes * a b
			xtrim K:outcomes MINID 0
			del K:archiver
			?info memory
			?ping`),
	},
	Metrics: {
		config.ModeStream: rightsOf(`
			evalsha x 2 K K:ledger
			eval x 2 K K:ledger
			time
			exists K
			xlen K
			zcard K:delayed
			zcount K:delayed 0 1
			xrange K - + COUNT 1
			xrevrange K + - COUNT 1
			xpending K g
			xinfo GROUPS K
			hgetall K:ledger
			?memory USAGE K`),
		config.ModeList: rightsOf(`
			llen K
			xlen K:dead`),
	},
}
