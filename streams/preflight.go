package streams

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

// WrongTypeError says that a key which the service needs holds something else.
type WrongTypeError struct{ Variable, Key, Want, Have string }

func (e *WrongTypeError) Error() string {
	return fmt.Sprintf("%s: the key %q is a %s, but must be a %s: choose another name or remove that key", e.Variable, e.Key, e.Have, e.Want)
}

// CheckTypes says which of the keys hold something of another type than the
// service needs. variable is the setting that names them; mainType is "list"
// or "stream". The error joins one *WrongTypeError for each such key.
func CheckTypes(ctx context.Context, client redis.UniversalClient, variable, mainType string, keys Keys) error {
	var faults []error
	for _, k := range []struct{ key, want string }{
		{keys.Main, mainType},
		{keys.Dead, "stream"},
		{keys.Delayed, "zset"},
		{keys.DelayedData, "hash"},
		{keys.Ledger, "hash"},
		{keys.Suspects, "hash"},
		{keys.Gone, "hash"},
		{keys.Returns, "hash"},
		{keys.Scan, "string"},
		{keys.Limits, "hash"},
	} {
		have, err := client.Type(ctx, k.key).Result()
		if err != nil {
			return fmt.Errorf("asking for the type of %s: %w", k.key, err)
		}
		if have != "none" && have != k.want {
			faults = append(faults, &WrongTypeError{Variable: variable, Key: k.key, Want: k.want, Have: have})
		}
	}
	return errors.Join(faults...)
}

const (
	// oldestRedis is the first version that counts what was ever added to a
	// stream, without which there is no account.
	oldestRedis = "7.0"
	// oldestSound is the first version whose XAUTOCLAIM does not overflow
	// (CVE-2022-35951).
	oldestSound = "7.0.5"
)

// CheckServer says in sentences what about the server endangers records: a
// version that is too old and a Cluster behind a client for one node are
// errors, an eviction policy or missing persistence a warning. What the server
// does not tell is taken as right.
func CheckServer(ctx context.Context, client redis.UniversalClient) (warnings []string, err error) {
	info := map[string]string{}
	for _, section := range []string{"server", "memory", "persistence", "cluster"} {
		text, err := client.Info(ctx, section).Result()
		if err != nil {
			continue // the role may not have INFO, embedded servers lack parts of it
		}
		for line := range strings.SplitSeq(text, "\r\n") {
			if name, value, ok := strings.Cut(line, ":"); ok {
				info[name] = value
			}
		}
	}
	if v := info["redis_version"]; v != "" && older(v, oldestRedis) {
		return nil, fmt.Errorf("REDIS_URL: this Redis is version %s; the service needs %s or newer", v, oldestRedis)
	}
	if v := info["redis_version"]; v != "" && older(v, oldestSound) {
		warnings = append(warnings, fmt.Sprintf("this Redis is version %s, whose XAUTOCLAIM has a hole (CVE-2022-35951): upgrade it to %s or newer", v, oldestSound))
	}
	if info["cluster_enabled"] == "1" && !redisconn.IsCluster(client) {
		return nil, errors.New("REDIS_URL: " + redisconn.OneOfCluster)
	}
	if p := info["maxmemory_policy"]; p != "" && p != "noeviction" {
		warnings = append(warnings, fmt.Sprintf("Redis may evict keys (maxmemory-policy %s): queued records and rate limits can vanish; set maxmemory-policy noeviction", p))
	}
	if info["aof_enabled"] == "0" {
		warnings = append(warnings, "Redis keeps no append-only file: queued records are lost when it crashes; set appendonly yes")
	}
	return warnings, nil
}

func older(version, than string) bool {
	a, b := strings.Split(version, "."), strings.Split(than, ".")
	for i := range b {
		x, y := 0, 0
		if i < len(a) {
			x, _ = strconv.Atoi(a[i])
		}
		y, _ = strconv.Atoi(b[i])
		if x != y {
			return x < y
		}
	}
	return false
}
