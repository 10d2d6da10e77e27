package streams

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/version"
)

// WrongTypeError means that a key of the service holds a value of another type.
type WrongTypeError struct{ Key, Want, Have string }

func (e *WrongTypeError) Error() string {
	return fmt.Sprintf("the key %q is a %s, but must be a %s: choose another name or remove that key", e.Key, e.Have, e.Want)
}

// CheckTypes checks that each of the keys is unused or has the type that the service
// needs. mainType is the type of keys.Main: "list" or "stream". The error joins a
// *WrongTypeError for each wrong key.
func CheckTypes(ctx context.Context, client redis.UniversalClient, mainType string, keys Keys) error {
	var faults []error
	for _, k := range []struct{ key, want string }{
		{keys.Main, mainType},
		{keys.Dead, "stream"},
		{keys.Delayed, "zset"},
		{keys.DelayedData, "hash"},
		{keys.Ledger, "hash"},
		{keys.AttemptCounts, "hash"},
		{keys.Gone, "hash"},
		{keys.Returns, "hash"},
		{keys.Scan, "string"},
		{keys.Control, "hash"},
		{keys.Workers, "hash"},
		{keys.Limits, "hash"},
		{keys.HistoryMinute, "hash"},
		{keys.HistoryHour, "hash"},
		{keys.Refused, "hash"},
		{keys.Audit, "list"},
		{keys.Archiver, "string"},
		{keys.Outcomes, "stream"},
	} {
		have, err := client.Type(ctx, k.key).Result()
		if err != nil {
			return fmt.Errorf("asking for the type of %s: %w", k.key, err)
		}
		if have != "none" && have != k.want {
			faults = append(faults, &WrongTypeError{Key: k.key, Want: k.want, Have: have})
		}
	}
	return errors.Join(faults...)
}

// Versions of Redis.
const (
	// MinRedis is the first version that counts the entries ever added to a stream,
	// without which there is no account.
	MinRedis = "7.0"
	// SafeRedis is the first version whose XAUTOCLAIM does not overflow
	// (CVE-2022-35951).
	SafeRedis = "7.0.5"
)

// CheckServer checks the server for risks to records. A version that is too old and a
// Cluster behind a client for a single node are errors; an eviction policy and
// missing persistence are warnings. What the server does not tell is taken as fine.
func CheckServer(ctx context.Context, client redis.UniversalClient) (warnings []string, err error) {
	info := serverInfo(ctx, client, "server", "memory", "persistence", "cluster")
	if v := info["redis_version"]; v != "" && version.Older(v, MinRedis) {
		return nil, fmt.Errorf("this Redis is version %s; the service needs %s or newer", v, MinRedis)
	}
	if v := info["redis_version"]; v != "" && version.Older(v, SafeRedis) {
		warnings = append(warnings, fmt.Sprintf("this Redis is version %s, whose XAUTOCLAIM has a vulnerability (CVE-2022-35951): upgrade to %s or newer", v, SafeRedis))
	}
	if info["cluster_enabled"] == "1" && !redisconn.IsCluster(client) {
		return nil, errors.New(redisconn.OneOfCluster)
	}
	if p := info["maxmemory_policy"]; p != "" && p != "noeviction" {
		warnings = append(warnings, fmt.Sprintf("Redis may evict keys (maxmemory-policy %s): queued records and rate limits can vanish; set maxmemory-policy noeviction", p))
	}
	if info["aof_enabled"] == "0" {
		warnings = append(warnings, "Redis keeps no append-only file: queued records are lost when it crashes; set appendonly yes")
	}
	return warnings, nil
}
