package config

import (
	"reflect"
	"testing"
)

func TestEverySettingIsSharedOrNot(t *testing.T) {
	known := map[string]bool{}
	for field := range fieldsOf(reflect.TypeFor[Config]()) {
		name := field.Tag.Get("env")
		known[name] = true
		shared, listed := sharing[name]
		if !listed {
			t.Errorf("shared.go does not say whether workers have to agree on %s", name)
		}
		if shared && field.Type == reflect.TypeFor[Secret]() {
			t.Errorf("%s may hold a secret, and would be published", name)
		}
	}
	for name := range sharing {
		if !known[name] {
			t.Errorf("shared.go lists %s, which is no setting", name)
		}
	}
	for name := range onlyIn {
		if !sharing[name] {
			t.Errorf("onlyIn lists %s, which is not shared", name)
		}
	}
}

func TestSharedSettingsMakeTheHash(t *testing.T) {
	hash := func(vars ...string) string {
		t.Helper()
		byName := map[string]string{"QUEUE_MODE": "stream", "STREAM_CONSUMER": "c"}
		for i := 0; i < len(vars); i += 2 {
			byName[vars[i]] = vars[i+1]
		}
		c, err := Parse(byName)
		if err != nil {
			t.Fatal(err)
		}
		return c.SharedHash()
	}
	same := hash()
	for name, value := range map[string]string{
		"WORKER_CONCURRENCY": "9", "STREAM_CONSUMER": "d", "REDIS_URL": "redis://:secret@other:6379/0", "QUEUE_KEY": "q", "RATE_LIMIT_LIMIT": "05",
	} {
		if hash(name, value) != same {
			t.Errorf("workers may not differ in %s", name)
		}
	}
	for name, value := range map[string]string{"RATE_LIMIT_LIMIT": "6", "STREAM_RETENTION": "2h", "MONGO_COLLECTION": "other", "QUEUE_MODE": "list"} {
		if hash(name, value) == same {
			t.Errorf("workers may differ in %s", name)
		}
	}
}
