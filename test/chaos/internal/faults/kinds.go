package faults

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind is a kind of fault.
type Kind string

// The kinds of fault; their values are the names in the report.
const (
	WorkerKilled     Kind = "worker killed (SIGKILL)"
	WorkerTerminated Kind = "worker terminated (SIGTERM)"
	WorkerFrozen     Kind = "worker frozen (SIGSTOP, SIGCONT)"
	RedisKilled      Kind = "Redis killed"
	RedisStopped     Kind = "Redis stopped (SHUTDOWN)"
	RedisFrozen      Kind = "Redis frozen"
	ClockAhead       Kind = "Redis clock steps ahead and back"
	ClockBack        Kind = "Redis clock steps back and ahead"
	ScriptsGone      Kind = "SCRIPT FLUSH"
	MongoKilled      Kind = "MongoDB killed"
	MongoStopped     Kind = "MongoDB stopped (SIGTERM)"
	MongoFrozen      Kind = "MongoDB frozen"
	MongoPartial     Kind = "MongoDB refuses every other document"
	MongoFlapping    Kind = "MongoDB refuses all documents every other second"
	MongoShard       Kind = "MongoDB shard answers with an unknown code"
	RedisReset       Kind = "Redis link: connections reset"
	RedisCut         Kind = "Redis link: replies cut"
	RedisSlow        Kind = "Redis link: latency"
	RedisSevered     Kind = "Redis link: severed"
	MongoReset       Kind = "MongoDB link: connections reset"
	MongoCut         Kind = "MongoDB link: replies cut"
	MongoSlow        Kind = "MongoDB link: latency"
	MongoSevered     Kind = "MongoDB link: severed"
	ProducerReset    Kind = "producer link: connections reset"
	ProducerCut      Kind = "producer link: replies cut"

	PendingDeleted  Kind = "other client: XDEL of pending entries"
	UnreadDeleted   Kind = "other client: XDEL of unread entries"
	Trimmed         Kind = "other client: XTRIM"
	GroupForward    Kind = "other client: XGROUP SETID past unread entries"
	GroupBack       Kind = "other client: XGROUP SETID back over settled entries"
	ConsumerDeleted Kind = "other client: XGROUP DELCONSUMER of a running worker"
	DeadDeleted     Kind = "worker killed, then XGROUP DELCONSUMER"
	IDAhead         Kind = "other client: XADD with an ID ahead of the clock"
	ForgedFields    Kind = "other client: XADD with forged fields"
)

// Lane is the target of a fault. Faults of one lane never overlap.
type Lane string

// The lanes of the servers and links; each worker has a lane of its own.
const (
	RedisServer  Lane = "redis"
	RedisClock   Lane = "redis clock"
	MongoServer  Lane = "mongo"
	MongoData    Lane = "mongo data"
	RedisLink    Lane = "redis link"
	MongoLink    Lane = "mongo link"
	ProducerLink Lane = "producer link"
	Scripts      Lane = "scripts"
	OtherClients Lane = "other clients"
)

// trait is what the schedule needs to know about a kind.
type trait struct {
	kind          Kind
	name          string // on the command line
	lane          Lane   // "" for faults of a worker
	weight        int    // relative frequency
	least, most   int    // duration, ms
	bytes, spread int    // replies are cut after bytes to bytes+spread
}

var traits = []trait{
	{WorkerKilled, "worker-killed", "", 14, 0, 1500, 0, 0},
	{WorkerTerminated, "worker-terminated", "", 8, 0, 1500, 0, 0},
	{WorkerFrozen, "worker-frozen", "", 8, 100, 4500, 0, 0}, // shorter and longer than the lease
	{RedisKilled, "redis-killed", RedisServer, 8, 0, 1200, 0, 0},
	{RedisStopped, "redis-stopped", RedisServer, 3, 0, 800, 0, 0},
	{RedisFrozen, "redis-frozen", RedisServer, 3, 50, 2500, 0, 0},
	{ClockAhead, "clock-ahead", RedisClock, 3, 300, 3000, 0, 0},
	{ClockBack, "clock-back", RedisClock, 2, 300, 3000, 0, 0},
	{ScriptsGone, "scripts-gone", Scripts, 6, 0, 0, 0, 0},
	{MongoKilled, "mongo-killed", MongoServer, 8, 0, 2500, 0, 0},
	{MongoStopped, "mongo-stopped", MongoServer, 3, 0, 1500, 0, 0},
	{MongoFrozen, "mongo-frozen", MongoServer, 3, 50, 3000, 0, 0},
	{MongoPartial, "mongo-partial", MongoData, 6, 500, 5000, 0, 0},
	{MongoFlapping, "mongo-flapping", MongoData, 3, 3000, 6000, 0, 0},
	{MongoShard, "mongo-shard", MongoData, 4, 1000, 6000, 0, 0},
	{RedisReset, "redis-reset", RedisLink, 6, 10, 400, 0, 0},
	{RedisCut, "redis-cut", RedisLink, 8, 50, 600, 0, 3000},
	{RedisSlow, "redis-slow", RedisLink, 4, 200, 1500, 0, 0},
	{RedisSevered, "redis-severed", RedisLink, 3, 100, 1500, 0, 0},
	{MongoReset, "mongo-reset", MongoLink, 5, 10, 400, 0, 0},
	{MongoCut, "mongo-cut", MongoLink, 7, 50, 600, 0, 600},
	{MongoSlow, "mongo-slow", MongoLink, 3, 200, 1500, 0, 0},
	{MongoSevered, "mongo-severed", MongoLink, 2, 100, 1500, 0, 0},
	{ProducerReset, "producer-reset", ProducerLink, 3, 10, 300, 0, 0},
	{ProducerCut, "producer-cut", ProducerLink, 4, 50, 400, 0, 3000},
	{PendingDeleted, "pending-deleted", OtherClients, 4, 0, 0, 0, 0},
	{UnreadDeleted, "unread-deleted", OtherClients, 4, 0, 0, 0, 0},
	{Trimmed, "trimmed", OtherClients, 3, 0, 0, 0, 0},
	{GroupForward, "group-forward", OtherClients, 3, 0, 0, 0, 0},
	{GroupBack, "group-back", OtherClients, 2, 0, 0, 0, 0},
	{ConsumerDeleted, "consumer-deleted", OtherClients, 4, 0, 0, 0, 0},
	{DeadDeleted, "dead-deleted", "", 4, 0, 1000, 0, 0},
	{IDAhead, "id-ahead", OtherClients, 3, 0, 0, 0, 0},
	{ForgedFields, "forged-fields", OtherClients, 5, 0, 0, 0, 0},
}

// Kinds returns all kinds in the order of the report.
func Kinds() []Kind {
	list := make([]Kind, len(traits))
	for i, t := range traits {
		list[i] = t.kind
	}
	return list
}

// Names lists the kinds for the help text: a line with the name on the command
// line and the description.
func Names() string {
	var b strings.Builder
	for _, t := range traits {
		fmt.Fprintf(&b, "  %-17s %s\n", t.name, t.kind)
	}
	return b.String()
}

// Choose returns the kinds named in only, or all if it is empty, except those
// named in without. Both are comma-separated lists of names.
func Choose(only, without string) ([]Kind, error) {
	chosen := Kinds()
	if only != "" {
		var err error
		if chosen, err = named(only); err != nil {
			return nil, err
		}
	}
	drop, err := named(without)
	if err != nil {
		return nil, err
	}
	chosen = slices.DeleteFunc(chosen, func(k Kind) bool { return slices.Contains(drop, k) })
	if len(chosen) == 0 {
		return nil, errors.New("no kind of fault is left")
	}
	return chosen, nil
}

func named(list string) ([]Kind, error) {
	var kinds []Kind
	for name := range strings.SplitSeq(list, ",") {
		if name == "" {
			continue
		}
		i := slices.IndexFunc(traits, func(t trait) bool { return t.name == name })
		if i < 0 {
			return nil, fmt.Errorf("unknown fault %q: see --help", name)
		}
		kinds = append(kinds, traits[i].kind)
	}
	return kinds, nil
}
