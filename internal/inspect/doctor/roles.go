package doctor

import "ingestion/internal/config"

// grants has what each role needs, by mode. deploy/redis/users.acl is made of it, and
// docs/operations.md has the same commands; tests compare them with the scripts, and run every
// program as its role.
var grants = map[Role]map[string][]grant{
	Worker: {
		config.ModeStream: grantsOf(`
			every +evalsha +eval # all changes are scripts; EVAL sends one that Redis has lost, as after a restart
			none +time ?+info ?+ping ?+multi ?+discard # the clock; INFO tells maxmemory; doctor checks rights in a transaction that it discards
			main +xreadgroup +xack +xclaim +xautoclaim +xpending +xinfo|stream +xinfo|groups +xinfo|consumers +xgroup|create +xgroup|delconsumer +xadd +xtrim +xlen +xrange +xrevrange +exists +type ?+memory|usage # read, lease, settle, trim; XADD puts deferred records back
			dead +xadd +xtrim +xlen +type ?+memory|usage # refused records; XTRIM for DLQ_MAX_ENTRIES
			delayed +zadd +zcard +zcount +zrange +zrangebyscore +zrem +type ?+memory|usage # deferred records
			delayed:data +hget +hset +hdel +type ?+memory|usage
			ledger +hget +hmget +hgetall +hset +hdel +hexists +hincrby +type ?+memory|usage # the account
			suspects gone returns +hget +hmget +hset +hdel +hexists +hlen +hrandfield +pexpire +exists +del +type ?+memory|usage # what is known of single entries; a new epoch deletes it
			scan +get +set +pttl +type # where the scan for expired leases is
			control +hmget +type # pauses; only operators set them
			workers +hget +hset +hdel +hgetall +type # says that it lives
			limits +hget +hmget +hlen +type # customers' own limits; only operators set them
			limit:* +zadd +zcard +zcount +zscore +zmscore +zrange +zremrangebyrank +zremrangebyscore +pttl +pexpire # the windows
			history:minute history:hour refused +hget +hmget +hgetall +hset +hdel +pexpire +type
			outcomes +xadd +xdel +exists +type # notes for the archive; XDEL takes back one that was not settled
			layout +hexists +hset +hgetall # the number of partitions: recorded once, and compared
			archiver +exists +type ?+memory|usage # whether an archiver serves the partition
			audit +type # all keys are checked to be no other program's
			other ?+llen # warns of records that no worker of this mode reads`),
		config.ModeList: grantsOf(`
			every +evalsha +eval # all changes but reading are scripts
			none +time ?+info ?+ping ?+multi ?+discard
			main +blpop +lpop +lpush +llen +type # reads the list, and puts back what it has not worked on
			dead +xadd +xtrim +xlen +type ?+memory|usage # refused records, with DEAD_LETTERS=on
			once:* +get +set # repeats a write whose reply was lost only if it was not done
			control +hmget +type # pauses; only operators set them
			workers +hget +hset +hdel +hgetall +type # says that it lives
			limits +hget +hmget +hlen +type # customers' own limits; only operators set them
			limit:* +zadd +zcard +zcount +zscore +zmscore +zrange +zremrangebyrank +zremrangebyscore +pttl +pexpire # the windows
			delayed delayed:data ledger suspects gone returns scan history:minute history:hour refused audit archiver outcomes +type # all keys are checked to be no other program's
			other ?+xlen # warns of entries that no worker of this mode reads`),
	},
	Producer: {
		config.ModeStream: grantsOf(`
			none ?+info ?+ping ?+multi ?+discard # INFO tells which server confirmed; doctor checks rights in a transaction that it discards
			main +xadd +type # adds records, and can read none; XADD can also trim, which Redis has no right for`),
		config.ModeList: grantsOf(`
			none ?+info ?+ping ?+multi ?+discard
			main +rpush +type # adds records, and can neither read nor delete any`),
	},
	Operator: {
		config.ModeStream: grantsOf(`
			every +evalsha +eval # most of what it does is scripts
			none +time ?+info ?+ping ?+multi ?+discard # INFO: doctor and status tell memory, persistence and replicas
			main +exists +type +xlen +xadd +xrange +xrevrange +xinfo|stream +xinfo|groups +xinfo|consumers +xpending ?+xreadgroup ?+xgroup|create ?+xgroup|delconsumer ?+xgroup|destroy ?+memory|usage # XADD replays dead letters; XREADGROUP and XGROUP move a stream to a list, and end an archive
			dead +xlen +xrange +xrevrange +xdel +exists +type ?+xinfo|stream ?+memory|usage # lists, replays, edits and purges dead letters
			delayed +zcard +zcount ?+zrange ?+zrevrange ?+zscore ?+zmscore +type ?+memory|usage # only reads deferred records
			delayed:data +hget +hmget +type ?+memory|usage
			ledger +hget +hmget +hgetall +hexists +hincrby ?+hset ?+hdel +type ?+memory|usage # counts what is replayed, purged and moved; migrate opens it as a worker does
			returns +hget +hmget +hset ?+hdel ?+del +hlen +hexists ?+hscan +type ?+memory|usage # notes the origin of what is replayed; trace looks for it
			suspects gone +hget +hexists ?+del +type # trace; a new epoch deletes what is gone
			scan +type
			control +hset +hmget +del +type # pause and resume
			workers +hgetall +type # who would heed a pause
			layout +hgetall ?+hmget ?+hset ?+hdel # the number of partitions; repartition changes it
			limits +hget +hmget +hset ?+hdel +hlen ?+hscan +type # customers' own limits
			limit:* ?+zcard ?+zcount ?+zscore ?+zrange ?+zadd ?+pttl ?+pexpire ?+unlink # shows windows; only repartition moves them
			history:minute history:hour refused +hmget +hgetall +type
			audit ?+lpush ?+ltrim ?+lrange +type # the console notes who did what
			outcomes ?+xadd ?+xrange ?+xrevrange ?+xinfo|stream ?+xinfo|groups ?+xgroup|create ?+xlen +exists ?+del +type ?+memory|usage # notes for the archive, which is verified; DEL at its end
			outcomes:* ?+xlen ?+zcard ?+zcount ?+hgetall ?+exists ?+memory|usage # read with the notes; only their lease exists
			archiver outcomes:archiver +exists +type ?+memory|usage # whether an archiver serves the partition
			rebuild ?+get ?+set ?+unlink ?+hset ?+zadd ?+zcard ?+zcount ?+zscore ?+zmscore ?+zrange ?+zremrangebyrank ?+zremrangebyscore ?+pttl ?+pexpire ?+hget ?+hmget ?+hlen # windows of rebuilds, apart from the workers'
			none ?+scan ?+exec # rebuild finds its keys, and reads a page and its watermark in one transaction
			other ?+llen ?+lrange ?+lpop ?+rpush ?+type # migrate`),
		config.ModeList: grantsOf(`
			every +evalsha +eval
			none +time ?+info ?+ping ?+multi ?+discard
			main +type +llen +rpush ?+lrange ?+lpop ?+memory|usage # RPUSH replays dead letters; LRANGE and LPOP move a list to a stream
			dead +xlen +xrange +xrevrange +xdel +type ?+xinfo|stream ?+memory|usage # lists, replays, edits and purges dead letters
			ledger +hexists +hget +type # a list has none; the scripts look
			control +hset +hmget +del +type # pause and resume
			workers +hgetall +type # who would heed a pause
			limits ?+hget +hmget +hset ?+hdel ?+hlen ?+hscan +type # customers' own limits
			limit:* ?+zcard ?+zcount ?+zscore ?+zrange # shows windows; only workers change them
			audit ?+lpush ?+ltrim ?+lrange +type # the console notes who did what
			delayed delayed:data suspects gone returns scan history:minute history:hour refused archiver outcomes +type
			other ?+xlen ?+xadd ?+type # migrate`),
	},
	Archiver: { // of streams only
		config.ModeStream: grantsOf(`
			every +evalsha +eval # each step checks the lease, so all are scripts
			none ?+info ?+ping ?+multi ?+discard
			main +xrange +xinfo|stream +xinfo|groups +xgroup|create +xgroup|setid +exists +type # reads, and moves its own group, or any: Redis has no rights to one group; it can't add, settle or trim
			outcomes +xrange +xinfo|stream +xinfo|groups +xgroup|create +xgroup|setid +xadd +xtrim +exists +type # archives the notes too, begins them, and trims what is archived
			archiver outcomes:archiver +get +set +pexpire +del +type # its lease
			layout +hgetall # the number of partitions
			dead delayed delayed:data ledger suspects gone returns scan control workers limits history:minute history:hour refused audit +type # all keys are checked to be no other program's`),
	},
	Viewer: { // the console that changes nothing, and /metrics/queue
		config.ModeStream: grantsOf(`
			every +evalsha +eval # consistent reading is done by scripts, which may do no more than their user
			none +time ?+info ?+ping ?+multi ?+discard # INFO: the console shows memory, persistence and replicas
			main +exists +xlen +xrange +xrevrange +xinfo|stream +xinfo|groups ?+xinfo|consumers +xpending ?+memory|usage # XRANGE returns bodies: the console masks them, Redis does not
			dead +xlen ?+xrange ?+xrevrange ?+xinfo|stream ?+memory|usage # dead letters, with their bodies
			delayed +zcard +zcount ?+zrange ?+zrevrange ?+zscore ?+zmscore ?+memory|usage
			delayed:data ?+hget ?+hmget ?+memory|usage
			ledger +hgetall ?+hget ?+hmget ?+hexists ?+memory|usage
			returns ?+hget ?+hmget ?+hexists ?+hlen ?+hscan ?+memory|usage # trace
			suspects gone ?+hget ?+hmget ?+hexists ?+memory|usage # trace
			control ?+hmget
			workers layout ?+hgetall
			limits ?+hget ?+hlen ?+hscan
			limit:* ?+zcard ?+zcount ?+zscore ?+zrange
			history:minute history:hour refused ?+hmget ?+hgetall
			audit ?+lrange # who did what; reveals are changes, and noted by an operator
			outcomes ?+exists ?+xlen ?+xrange
			archiver outcomes:archiver +exists ?+memory|usage # whether an archiver serves the partition`),
		config.ModeList: grantsOf(`
			every ?+evalsha ?+eval
			none ?+time ?+info ?+ping ?+multi ?+discard
			main +llen ?+lrange # LRANGE returns bodies: the console masks them, Redis does not
			dead +xlen ?+xrange ?+xrevrange ?+xinfo|stream
			control ?+hmget
			workers ?+hgetall
			limits ?+hget ?+hlen ?+hscan
			limit:* ?+zcard ?+zcount ?+zscore ?+zrange
			audit ?+lrange # who did what; reveals are changes, and noted by an operator`),
	},
}

// circumstances are rights that a role needs because of settings.
var circumstances = []struct {
	lines   string
	roles   []Role // nil: all
	applies func(*exam) bool
}{
	{"none +cluster|slots", nil, isCluster},
	{"none ?+cluster|info", []Role{Operator}, isCluster},
	{"none +select", nil, func(e *exam) bool { opts, err := e.cfg.RedisOptions(); return err == nil && opts.DB != 0 }},
	{"none +wait +info", []Role{Producer}, func(e *exam) bool { return e.cfg.ProducerWaitReplicas > 0 }},
}
