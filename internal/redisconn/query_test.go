package redisconn_test

import (
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
	"ingestion/internal/test/need"
)

func TestOptionsAreHonoured(t *testing.T) {
	client, err := redisconn.Parse("redis://h/2?dial_timeout=1&read_timeout=20s&write_timeout=1500ms&pool_timeout=7"+
		"&min_idle_conns=1&max_idle_conns=2&conn_max_idle_time=60&conn_max_lifetime=1h&client_name=me&protocol=2", "")
	if err != nil {
		t.Fatal(err)
	}
	c := redisconn.New(client, 5)
	defer c.Close()
	o := c.(*redis.Client).Options()
	got := []any{o.DB, o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout, o.MinIdleConns, o.MaxIdleConns, o.ConnMaxIdleTime, o.ConnMaxLifetime, o.ClientName, o.Protocol}
	want := []any{2, time.Second, 20 * time.Second, 1500 * time.Millisecond, 7 * time.Second, 1, 2, time.Minute, time.Hour, "me", 2}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOptionsThatWouldBeDroppedAreRefused(t *testing.T) {
	for url, part := range map[string]string{
		"redis://h?max_retries=3":                 "max_retries",
		"redis://h?pool_size=3":                   "pool_size",
		"redis://h?reed_timeout=3":                "reed_timeout",
		"redis://h?read_timeout=1":                "at least 2s",
		"redis://h?dial_timeout=0":                "dial_timeout",
		"redis://h?write_timeout=-1":              "write_timeout",
		"redis://h?protocol=4":                    "protocol",
		"redis://h?client_name=a&client_name=b":   "twice",
		"redis://h?skip_verify=true":              "rediss",
		"redis://h?tls_ca_file=x":                 "rediss",
		"rediss://h?skip_verify=perhaps":          "skip_verify",
		"rediss://h?tls_cert_file=x":              "tls_key_file",
		"rediss://h?tls_ca_file=/no/such/file":    "tls_ca_file",
		"redis://h/1?db=2":                        "differ",
		"redis+cluster://h?db=2":                  "database 0 only",
		"redis+sentinel://h/primary/1?db=2":       "differ",
		"redis://h?read_timeout=20s&max_retries=": "max_retries",
	} {
		if _, err := redisconn.Parse(url, ""); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want %q in it", url, err, part)
		}
	}
}

// TestTLS speaks to a redis-server that wants a certificate of its clients.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	openssl := func(args ...string) {
		t.Helper()
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			need.Skip(t, "openssl: %v: %s", err, out)
		}
	}
	openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "key", "-out", "cert",
		"-subj", "/CN=redis", "-addext", "subjectAltName=IP:127.0.0.1")
	cert, key := filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	server := env.Redis(t)
	admin := server.Client(t)
	addr := freePort(t)
	_, port, _ := strings.Cut(addr, ":")
	for _, set := range [][2]string{{"tls-cert-file", cert}, {"tls-key-file", key}, {"tls-ca-cert-file", cert}, {"tls-port", port}} {
		if err := admin.ConfigSet(t.Context(), set[0], set[1]).Err(); err != nil {
			need.Skip(t, "this redis-server has no TLS: %v", err)
		}
	}
	own := "tls_cert_file=" + cert + "&tls_key_file=" + key
	for url, works := range map[string]bool{
		"rediss://" + addr + "?tls_ca_file=" + cert + "&" + own: true,
		"rediss://" + addr + "?skip_verify=true&" + own:         true,
		"rediss://" + addr + "?tls_ca_file=" + cert:             false,
		"rediss://" + addr + "?" + own:                          false,
	} {
		opts, err := redisconn.Parse(url, "")
		if err != nil {
			t.Fatal(err)
		}
		client := redisconn.New(opts, 1)
		if err := client.Ping(t.Context()).Err(); (err == nil) != works {
			t.Errorf("%s: %v", url, err)
		}
		_ = client.Close()
		if warned := redisconn.Unsafe(opts) != ""; warned != strings.Contains(url, "skip_verify") {
			t.Errorf("%s: warned: %v", url, warned)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
