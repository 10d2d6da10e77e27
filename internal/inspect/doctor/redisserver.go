package doctor

import (
	"context"
	"fmt"
	"strconv"

	"ingestion/internal/version"
	"ingestion/streams"
)

func redisVersion(_ context.Context, e *exam, f *findings) error {
	return e.eachInfo(func(n *node) {
		switch v := n.info["redis_version"]; {
		case v == "":
			f.add(Unknown, e.at(n)+"the server does not say its version", "", "use Redis "+streams.MinRedis+" or newer")
		case version.Older(v, streams.MinRedis):
			f.add(Error, fmt.Sprintf("%sthis Redis is version %s", e.at(n), v), "workers refuse to start: it does not count the entries of a stream", "upgrade to "+streams.SafeRedis+" or newer")
		case version.Older(v, streams.SafeRedis):
			f.add(Warning, fmt.Sprintf("%sthis Redis is version %s", e.at(n), v), "its XAUTOCLAIM has a vulnerability (CVE-2022-35951)", "upgrade to "+streams.SafeRedis+" or newer")
		}
	})
}

func redisPersistence(ctx context.Context, e *exam, f *findings) error {
	return e.eachInfo(func(n *node) {
		switch n.info["aof_enabled"] {
		case "":
			f.add(Unknown, e.at(n)+"the server does not say whether it keeps its data on disk", "", "use a Redis with appendonly yes; the embedded one keeps nothing")
			return
		case "1":
			return
		}
		const remedy = "set appendonly yes"
		if save, err := configured(ctx, n, "save"); err == nil && save == "" {
			f.add(Error, e.at(n)+"Redis keeps nothing on disk: appendonly is no, and save is empty", "all queued records are lost when it restarts", remedy)
			return
		}
		f.add(Warning, e.at(n)+"Redis keeps no append-only file (appendonly no)", "what was queued since the last snapshot, often minutes, is lost when it crashes", remedy)
	})
}

func redisFsync(ctx context.Context, e *exam, f *findings) error {
	var failure error
	err := e.eachInfo(func(n *node) {
		if n.info["aof_enabled"] != "1" {
			return
		}
		switch fsync, err := configured(ctx, n, "appendfsync"); {
		case err != nil:
			failure = err
		case fsync == "no":
			f.add(Warning, e.at(n)+"Redis leaves syncing its append-only file to the system (appendfsync no)",
				"a power failure loses half a minute of queued records", "set appendfsync everysec (a second is lost) or always (nothing is)")
		}
	})
	if err == nil {
		err = failure
	}
	return err
}

// configured asks for a directive of redis.conf.
func configured(ctx context.Context, n *node, name string) (string, error) {
	reply, err := n.client.ConfigGet(ctx, name).Result()
	if err != nil {
		return "", err
	}
	value, known := reply[name]
	if !known {
		return "", fmt.Errorf("the server has no setting %s", name)
	}
	return value, nil
}

func redisSaves(_ context.Context, e *exam, f *findings) error {
	return e.eachInfo(func(n *node) {
		for _, last := range []struct{ field, what string }{
			{"aof_last_write_status", "the last write to the append-only file failed"},
			{"aof_last_bgrewrite_status", "the last rewrite of the append-only file failed"},
			{"rdb_last_bgsave_status", "the last snapshot failed"},
		} {
			if n.info[last.field] == "err" {
				f.add(Error, e.at(n)+last.what, "Redis refuses writes until it can save again, or loses them when it crashes",
					"see its log: often the disk is full, or its directory can't be written")
			}
		}
		if n.info["loading"] == "1" {
			f.add(Warning, e.at(n)+"Redis is still loading its data", "it answers no commands until it has", "wait")
		}
	})
}

func redisEviction(_ context.Context, e *exam, f *findings) error {
	return e.eachInfo(func(n *node) {
		policy := n.info["maxmemory_policy"]
		if policy == "" || policy == "noeviction" {
			return
		}
		severity, when := Error, "at maxmemory, queued records and the customers' windows vanish without a trace"
		if n.info["maxmemory"] == "0" {
			severity, when = Warning, "once a maxmemory is set, queued records and the customers' windows vanish without a trace when it is reached"
		}
		f.add(severity, fmt.Sprintf("%sRedis may evict keys (maxmemory-policy %s)", e.at(n), policy), when, "set maxmemory-policy noeviction")
	})
}

// Shares of the memory from which there is little left.
const (
	fullShare  = 0.95
	shortShare = 0.80
)

func redisMemory(_ context.Context, e *exam, f *findings) error {
	return e.eachInfo(func(n *node) {
		number := func(name string) float64 { v, _ := strconv.ParseFloat(n.info[name], 64); return v }
		used, limit, of := number("used_memory"), number("maxmemory"), "maxmemory"
		if limit == 0 {
			used, limit, of = number("used_memory_rss"), number("total_system_memory"), "the memory of its machine (no maxmemory is set)"
		}
		if limit == 0 || used/limit < shortShare {
			return
		}
		severity := Warning
		if used/limit >= fullShare {
			severity = Error
		}
		f.add(severity, fmt.Sprintf("%sRedis uses %.0f %% of %s", e.at(n), 100*used/limit, of),
			"at the limit it refuses records: producers get errors and workers wait; without maxmemory the system may kill it",
			"give it more memory, purge dead letters, or shorten STREAM_RETENTION")
	})
}
