package redisconn_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
)

func TestSentinels(t *testing.T) {
	master := env.Redis(t, env.WithConfig("requirepass", "redis-word"))
	look := "sentinel auth-pass primary redis-word"
	open := env.Sentinel(t, "primary", master, look)
	locked := env.Sentinel(t, "primary", master, look, "requirepass sentinel-word")
	named := env.Sentinel(t, "primary", master, look, "user ops on >ops-word ~* &* +@all", "user default off")
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "password")
		write(t, name, text)
		return name
	}
	access := func(user, password string) redisconn.Access {
		a := redisconn.Access{PasswordFile: file("redis-word"), SentinelUsername: user}
		if password != "" {
			a.SentinelPasswordFile = file(password)
		}
		return a
	}
	for name, c := range map[string]struct {
		url     string
		access  redisconn.Access
		setting string // of a fault
		phrase  string
	}{
		"without a password":       {"redis+sentinel://" + open + "/primary", access("", ""), "", ""},
		"with a password":          {"redis+sentinel://" + locked + "/primary", access("", "sentinel-word"), "", ""},
		"with a user":              {"redis+sentinel://" + named + "/primary", access("ops", "ops-word"), "", ""},
		"no password":              {"redis+sentinel://" + locked + "/primary", access("", ""), "REDIS_SENTINEL_PASSWORD_FILE", "wants a password"},
		"a wrong password":         {"redis+sentinel://" + locked + "/primary", access("", "redis-word"), "REDIS_SENTINEL_PASSWORD_FILE", "refuses this user and password"},
		"a wrong user":             {"redis+sentinel://" + named + "/primary", access("opps", "ops-word"), "REDIS_SENTINEL_PASSWORD_FILE", "REDIS_SENTINEL_USERNAME"},
		"an unknown master":        {"redis+sentinel://" + open + "/secondary", access("", ""), "", `no master named "secondary", but ["primary"]`},
		"a master behind a login":  {"redis+sentinel://" + locked + "/secondary", access("", "sentinel-word"), "", `no master named "secondary", but ["primary"]`},
		"a Sentinel for a Redis":   {"redis://" + open, redisconn.Access{}, "REDIS_URL", "write redis+sentinel://" + open + "/primary/0"},
		"a Redis for a Sentinel":   {"redis+sentinel://" + env.Redis(t).Addr + "/primary", redisconn.Access{}, "", "this is a Redis, not a Sentinel"},
		"a wrong password of both": {"redis+sentinel://" + locked + "/primary", access("", "x"), "REDIS_SENTINEL_PASSWORD_FILE", "refuses"},
	} {
		t.Run(name, func(t *testing.T) {
			setting, err := reach(t, c.url, c.access)
			text := ""
			if err != nil {
				text = redisconn.Plain(err).Error()
			}
			if setting != c.setting || (err == nil) != (c.phrase == "") || !strings.Contains(text, c.phrase) {
				t.Errorf("%s: %s; want %s, %q", setting, text, c.setting, c.phrase)
			}
			if strings.Contains(fmt.Sprint(err), "-word") {
				t.Errorf("a password is shown: %v", err)
			}
		})
	}
}

// TestThePasswordOfSentinelsIsReadAgain changes it in the Sentinel and in the file.
func TestThePasswordOfSentinelsIsReadAgain(t *testing.T) {
	master := env.Redis(t)
	addr := env.Sentinel(t, "primary", master, "user default on >first ~* &* +@all")
	file := filepath.Join(t.TempDir(), "password")
	write(t, file, "first")
	client, _ := connect(t, "redis+sentinel://"+addr+"/primary", redisconn.Access{SentinelPasswordFile: file})
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	admin := redis.NewClient(&redis.Options{Addr: addr, Password: "first"})
	defer admin.Close()
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "default", "resetpass", ">second").Err(); err != nil {
		t.Fatal(err)
	}
	write(t, file, "second")
	reconnect(t, admin)            // from the Sentinel
	reconnect(t, master.Client(t)) // and from the master, which has to be asked for again
	env.Eventually(t, 30*time.Second, func() (bool, string) {
		err := client.Ping(t.Context()).Err()
		return err == nil, fmt.Sprintf("with the new password: %v", err)
	})
}
