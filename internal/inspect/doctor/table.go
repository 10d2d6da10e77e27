package doctor

import (
	"context"

	"ingestion/internal/config"
)

// The themes, in the order in which they are examined.
const (
	settingsTheme    = "Settings"
	redisTheme       = "Redis"
	clusterTheme     = "Redis Cluster"
	permissionsTheme = "Permissions"
	queueTheme       = "Queue"
	workersTheme     = "Workers"
	mongoTheme       = "MongoDB"
)

// server is what a check asks.
type server int

const (
	nobody server = iota
	asksRedis
	asksMongo
)

type check struct {
	Check
	asks    server
	applies func(*exam) bool // nil: always
	run     func(context.Context, *exam, *findings) error
}

// table has all checks. A check that connects to a server comes before those that ask it.
var table = []check{
	{Check{"settings-valid", settingsTheme, "the settings are valid"}, nobody, nil, settingsValid},
	{Check{"settings-names", settingsTheme, "no variable looks like a misspelt setting"}, nobody, valid, settingsNames},
	{Check{"settings-limits", settingsTheme, "the settings do not contradict each other"}, nobody, valid, settingsLimits},
	{Check{"settings-tls", settingsTheme, "certificates are checked"}, nobody, valid, settingsTLS},

	{Check{"redis-reachable", redisTheme, "Redis answers and accepts the login"}, nobody, valid, redisReachable},
	{Check{"redis-version", redisTheme, "the version is supported"}, asksRedis, valid, redisVersion},
	{Check{"redis-role", redisTheme, "the server is a master"}, asksRedis, valid, redisRole},
	{Check{"redis-persistence", redisTheme, "records survive a restart"}, asksRedis, valid, redisPersistence},
	{Check{"redis-fsync", redisTheme, "the append-only file is synced"}, asksRedis, valid, redisFsync},
	{Check{"redis-saves", redisTheme, "the last writes to disk succeeded"}, asksRedis, valid, redisSaves},
	{Check{"redis-eviction", redisTheme, "no key is evicted"}, asksRedis, valid, redisEviction},
	{Check{"redis-memory", redisTheme, "there is memory left"}, asksRedis, valid, redisMemory},
	{Check{"redis-replicas", redisTheme, "the replicas keep up"}, asksRedis, valid, redisReplicas},
	{Check{"redis-clock", redisTheme, "the clock agrees with this host's"}, asksRedis, valid, redisClock},

	{Check{"cluster-slots", clusterTheme, "every hash slot is served"}, asksRedis, isCluster, clusterSlots},
	{Check{"cluster-masters", clusterTheme, "every master answers"}, asksRedis, isCluster, clusterMasters},
	{Check{"cluster-spread", clusterTheme, "the partitions are spread over the masters"}, asksRedis, isCluster, clusterSpread},

	{Check{"redis-permissions", permissionsTheme, "the Redis user may do what the role needs"}, asksRedis, valid, redisPermissions},
	{Check{"redis-excess", permissionsTheme, "the Redis user may do no more than the role needs"}, asksRedis, rightsOnly, redisExcess},

	{Check{"key-types", queueTheme, "every key has the right type"}, asksRedis, valid, keyTypes},
	{Check{"queue-mode", queueTheme, "the queue of the other mode is empty"}, asksRedis, valid, queueMode},
	{Check{"queue-partitions", queueTheme, "nothing is left in other partitions"}, asksRedis, inStreamMode, queuePartitions},
	{Check{"stream-ids", queueTheme, "no entry is ahead of the clock"}, asksRedis, inStreamMode, streamIDs},
	{Check{"stream-group", queueTheme, "the consumer group is in order"}, asksRedis, inStreamMode, streamGroup},
	{Check{"foreign-groups", queueTheme, "no other group holds settled entries back"}, asksRedis, inStreamMode, foreignGroups},
	{Check{"archive-served", queueTheme, "what is archived has an archiver"}, asksRedis, inStreamMode, archiveServed},
	{Check{"customer-limits", queueTheme, "every customer's own limit applies"}, asksRedis, valid, customerLimits},

	{Check{"worker-names", workersTheme, "every worker has a name of its own"}, asksRedis, valid, workerNames},
	{Check{"worker-settings", workersTheme, "all workers have the same settings"}, asksRedis, valid, workerSettings},
	{Check{"worker-versions", workersTheme, "all workers have the same version"}, asksRedis, valid, workerVersions},

	{Check{"mongo-reachable", mongoTheme, "MongoDB answers and accepts the login"}, nobody, usesMongo, mongoReachable},
	{Check{"mongo-version", mongoTheme, "the version is supported"}, asksMongo, valid, mongoVersion},
	{Check{"mongo-replica-set", mongoTheme, "a majority of a replica set confirms writes"}, asksMongo, valid, mongoReplicaSet},
	{Check{"mongo-clock", mongoTheme, "the clock agrees with this host's"}, asksMongo, valid, mongoClock},
	{Check{"mongo-rights", mongoTheme, "the user may read and insert"}, asksMongo, usesMongo, mongoRights},
	{Check{"mongo-collection", mongoTheme, "the collection is an ordinary one"}, asksMongo, valid, mongoCollection},
	{Check{"mongo-indexes", mongoTheme, "no index refuses or deletes documents"}, asksMongo, valid, mongoIndexes},
	{Check{"mongo-validator", mongoTheme, "no validation rule refuses documents"}, asksMongo, valid, mongoValidator},
}

// Checks lists all checks.
func Checks() []Check {
	list := make([]Check, len(table))
	for i, c := range table {
		list[i] = c.Check
	}
	return list
}

func valid(e *exam) bool        { return e.cfg != nil }
func inStreamMode(e *exam) bool { return valid(e) && e.cfg.QueueMode == config.ModeStream }
func rightsOnly(e *exam) bool   { return valid(e) && e.rightsOnly }

// usesMongo is false for a role without a MongoDB, if its rights are all that is asked for.
func usesMongo(e *exam) bool { return valid(e) && (!e.rightsOnly || mongoActions[e.role] != nil) }

// rightsChecks are those that are left if only the rights of a role are examined.
var rightsChecks = []string{"settings-valid", "redis-reachable", "redis-permissions", "redis-excess", "mongo-reachable", "mongo-rights"}
