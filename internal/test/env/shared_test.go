package env_test

import (
	"strings"
	"testing"

	"ingestion/internal/test/env"
)

func TestSharedRedisRemovesOnlyItsOwnKeys(t *testing.T) {
	server := env.AnyRedis(t)
	t.Setenv("REDIS_URL", server.URL())
	client := server.Client(t)
	set(t, client, "foreign", "1")
	set(t, client, "{foreign}:x", "1")

	var prefix string
	t.Run("user", func(t *testing.T) {
		shared := env.SharedRedis(t)
		prefix = shared.Prefix
		if shared.URL != server.URL() {
			t.Errorf("SharedRedis is at %s, not where REDIS_URL says", shared.URL)
		}
		for _, key := range []string{prefix + "queue", "{" + prefix + "queue}:ledger"} {
			set(t, shared.Client(t), key, "1")
		}
	})
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 2 {
		t.Errorf("keys left: %q, want the two of other tests", keys)
	}
	if prefix == "" || strings.ContainsAny(prefix, "{}*?[]\\") {
		t.Errorf("prefix %q cannot be used in keys and patterns", prefix)
	}
}

func TestSharedRedisPrefixesDiffer(t *testing.T) {
	server := env.AnyRedis(t)
	t.Setenv("REDIS_URL", server.URL())
	if one, two := env.SharedRedis(t), env.SharedRedis(t); one.Prefix == two.Prefix {
		t.Errorf("both have the prefix %q", one.Prefix)
	}
}

func TestSharedRedisWithoutURL(t *testing.T) {
	t.Setenv("REDIS_URL", "")
	shared := env.SharedRedis(t)
	set(t, shared.Client(t), shared.Prefix+"a", "1")
}

func TestSharedRedisRefusesWrongSettings(t *testing.T) {
	for name, environ := range map[string]map[string]string{
		"unknown kind":     {"INTEGRATION_REDIS": "docker"},
		"no such image":    {"INTEGRATION_REDIS": "container", "REDIS_IMAGE": "not an image"},
		"no server at URL": {"REDIS_URL": "redis://127.0.0.1:1/0"},
		"URL of no Redis":  {"REDIS_URL": "http://127.0.0.1:1/0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("REDIS_URL", "")
			for name, value := range environ {
				t.Setenv(name, value)
			}
			if got := outcome(t, func(t testing.TB) { env.SharedRedis(t) }); got.verdict != "fail" {
				t.Errorf("%v, want a failure", got)
			}
		})
	}
}

func TestSharedRedisWithoutContainer(t *testing.T) {
	t.Setenv("REDIS_URL", "")
	t.Setenv("INTEGRATION_REDIS", "auto")
	t.Setenv("REDIS_IMAGE", "not an image")
	shared := env.SharedRedis(t)
	set(t, shared.Client(t), shared.Prefix+"a", "1")
}
