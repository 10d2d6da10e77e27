package redisconn_test

import (
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
)

// connect returns a client and its options.
func connect(t *testing.T, url string, access redisconn.Access) (redis.UniversalClient, *redis.UniversalOptions) {
	t.Helper()
	opts, err := redisconn.ParseWith(url, access)
	if err != nil {
		t.Fatal(err)
	}
	client := redisconn.New(opts, 2)
	t.Cleanup(func() { _ = client.Close() })
	return client, opts
}

// reach returns the error and its setting, "" if there is none.
func reach(t *testing.T, url string, access redisconn.Access) (string, error) {
	t.Helper()
	client, opts := connect(t, url, access)
	err := redisconn.Reach(t.Context(), client, opts)
	if setting := redisconn.SettingOf(err); setting != nil {
		return setting.Setting, err
	}
	return "", err
}

// TestTLSFaults has each mistake with certificates and ports told by the setting
// that mends it.
func TestTLSFaults(t *testing.T) {
	later, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	authority, stranger := env.NewAuthority(t), env.NewAuthority(t)
	good, client := authority.Issue(later, "127.0.0.1", "redis.test"), authority.Issue(later)
	server := env.Redis(t)
	addr := server.TLS(t, authority, good)
	old := env.Redis(t).TLS(t, authority, authority.Issue(past, "127.0.0.1"))
	other := env.Redis(t).TLS(t, authority, authority.Issue(later, "redis.test"))
	tls12 := env.Redis(t).TLS(t, authority, good, "tls-protocols", "TLSv1.2")

	with := func(ca string, pair env.Pair, name string) redisconn.Access {
		return redisconn.Access{CAFile: ca, CertFile: pair.Cert, KeyFile: pair.Key, ServerName: name}
	}
	none, ca := env.Pair{}, authority.File
	for name, c := range map[string]struct {
		url     string
		access  redisconn.Access
		setting string
		phrase  string
	}{
		"good":                          {"rediss://" + addr, with(ca, client, ""), "", ""},
		"good by another name":          {"rediss://" + other, with(ca, client, "redis.test"), "", ""},
		"good by TLS 1.2":               {"rediss://" + tls12, with(ca, client, ""), "", ""},
		"good by the URL":               {"rediss://" + addr + "?tls_ca_file=" + ca + "&tls_cert_file=" + client.Cert + "&tls_key_file=" + client.Key, with("", none, ""), "", ""},
		"no authority":                  {"rediss://" + addr, with("", client, ""), "REDIS_TLS_CA_FILE", "not trusted here"},
		"another authority":             {"rediss://" + addr, with(stranger.File, client, ""), "REDIS_TLS_CA_FILE", "not trusted here"},
		"expired":                       {"rediss://" + old, with(ca, client, ""), "REDIS_URL", "has expired on"},
		"another host":                  {"rediss://" + other, with(ca, client, ""), "REDIS_TLS_SERVER_NAME", "not for 127.0.0.1 but for redis.test"},
		"another name":                  {"rediss://" + addr, with(ca, client, "redis.example"), "REDIS_TLS_SERVER_NAME", "not for redis.example but for redis.test, 127.0.0.1"},
		"no client certificate":         {"rediss://" + addr, with(ca, none, ""), "REDIS_TLS_CERT_FILE", "set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE"},
		"none by TLS 1.2":               {"rediss://" + tls12, with(ca, none, ""), "REDIS_TLS_CERT_FILE", "set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE"},
		"a client's that expired":       {"rediss://" + addr, with(ca, authority.Issue(past), ""), "REDIS_TLS_CERT_FILE", "has expired"},
		"a client's of a stranger":      {"rediss://" + addr, with(ca, stranger.Issue(later), ""), "REDIS_TLS_CERT_FILE", "tls-ca-cert-file"},
		"TLS to a plain port":           {"rediss://" + server.Addr, with(ca, client, ""), "REDIS_URL", "there is no TLS at"},
		"plain to a TLS port":           {"redis://" + addr, with("", none, ""), "REDIS_URL", "write rediss"},
		"plain to a TLS port, Cluster":  {"redis+cluster://" + addr, with("", none, ""), "REDIS_URL", "write rediss"},
		"another authority, a Cluster":  {"rediss+cluster://" + addr, with(stranger.File, client, ""), "REDIS_TLS_CA_FILE", "not trusted here"},
		"another authority, a Sentinel": {"rediss+sentinel://" + addr + "/m", with(stranger.File, client, ""), "REDIS_TLS_CA_FILE", "not trusted here"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 5 { // which of two errors comes first may be a matter of time
				begin := time.Now()
				setting, err := reach(t, c.url, c.access)
				if setting != c.setting || (err == nil) != (c.setting == "") || err != nil && !strings.Contains(err.Error(), c.phrase) {
					t.Fatalf("%s: %v; want %s, %q", setting, err, c.setting, c.phrase)
				}
				if err != nil && (strings.Contains(err.Error(), "\n") || strings.Count(err.Error(), c.setting+": ") != 1) {
					t.Errorf("not one sentence: %v", err)
				}
				if took := time.Since(begin); took > 20*time.Second {
					t.Errorf("it took %v", took)
				}
			}
		})
	}
}

// TestContradictionsAreRefused names the variable of each.
func TestContradictionsAreRefused(t *testing.T) {
	authority := env.NewAuthority(t)
	pair, other := authority.Issue(time.Now().Add(time.Hour)), authority.Issue(time.Now().Add(time.Hour))
	ca := authority.File
	for name, c := range map[string]struct {
		url     string
		access  redisconn.Access
		setting string
		phrase  string
	}{
		"an authority without TLS":     {"redis://h", redisconn.Access{CAFile: ca}, "REDIS_TLS_CA_FILE", "rediss://"},
		"a certificate without TLS":    {"redis://h", redisconn.Access{CertFile: pair.Cert}, "REDIS_TLS_CERT_FILE", "rediss://"},
		"a key without TLS":            {"redis://h", redisconn.Access{KeyFile: pair.Key}, "REDIS_TLS_KEY_FILE", "rediss://"},
		"a name without TLS":           {"redis://h", redisconn.Access{ServerName: "h"}, "REDIS_TLS_SERVER_NAME", "rediss://"},
		"a certificate without a key":  {"rediss://h", redisconn.Access{CertFile: pair.Cert}, "REDIS_TLS_CERT_FILE", "needs REDIS_TLS_KEY_FILE"},
		"a key without a certificate":  {"rediss://h", redisconn.Access{KeyFile: pair.Key}, "REDIS_TLS_KEY_FILE", "needs REDIS_TLS_CERT_FILE"},
		"another's key":                {"rediss://h", redisconn.Access{CertFile: pair.Cert, KeyFile: other.Key}, "REDIS_TLS_CERT_FILE", "can't be used with its key"},
		"a missing file":               {"rediss://h", redisconn.Access{CAFile: ca + "x"}, "REDIS_TLS_CA_FILE", "can't be read"},
		"a key for an authority":       {"rediss://h", redisconn.Access{CAFile: pair.Key}, "REDIS_TLS_CA_FILE", "no certificate in PEM"},
		"two authorities":              {"rediss://h?tls_ca_file=" + ca, redisconn.Access{CAFile: ca}, "REDIS_TLS_CA_FILE", "REDIS_URL too"},
		"an authority without a check": {"rediss://h?skip_verify=true", redisconn.Access{CAFile: ca}, "REDIS_TLS_CA_FILE", "skip_verify"},
		"a name with a port":           {"rediss://h", redisconn.Access{ServerName: "h:6379"}, "REDIS_TLS_SERVER_NAME", "without a port"},
		"a user without Sentinels":     {"redis://h", redisconn.Access{SentinelUsername: "u"}, "REDIS_SENTINEL_USERNAME", "redis+sentinel://"},
		"a password without Sentinels": {"redis://h", redisconn.Access{SentinelPasswordFile: ca}, "REDIS_SENTINEL_PASSWORD_FILE", "redis+sentinel://"},
		"a user without a password":    {"redis+sentinel://h/m", redisconn.Access{SentinelUsername: "u"}, "REDIS_SENTINEL_USERNAME", "needs REDIS_SENTINEL_PASSWORD_FILE"},
		"a missing password":           {"redis+sentinel://h/m", redisconn.Access{SentinelPasswordFile: ca + "x"}, "REDIS_SENTINEL_PASSWORD_FILE", "can't be read"},
	} {
		_, err := redisconn.ParseWith(c.url, c.access)
		setting := redisconn.SettingOf(err)
		if setting == nil || setting.Setting != c.setting || !strings.Contains(setting.Problem, c.phrase) {
			t.Errorf("%s: %v; want %s, %q", name, err, c.setting, c.phrase)
		}
	}
}
