package redisconn_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
	"ingestion/internal/test/env"
)

// reconnect closes the connections of the clients, so that they dial again.
func reconnect(t *testing.T, admin *redis.Client) {
	t.Helper()
	if err := admin.Do(t.Context(), "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes").Err(); err != nil {
		t.Fatal(err)
	}
}

// wantPing asks until the answer, or the setting that is at fault, is the wanted
// one: a connection that was closed fails once, and a client that can't connect
// tries anew only now and then.
func wantPing(t *testing.T, client redis.UniversalClient, setting, when string) {
	t.Helper()
	env.Eventually(t, 30*time.Second, func() (bool, string) {
		err := client.Ping(t.Context()).Err()
		got := ""
		if fault := redisconn.SettingOf(err); fault != nil {
			got = fault.Setting
		}
		return got == setting && (err == nil) == (setting == ""), fmt.Sprintf("%s: %v, want %q", when, err, setting)
	})
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestPasswordsAreReadAgain changes the password of the default user, and of one
// that for a while has both, as a rotation without a gap needs it.
func TestPasswordsAreReadAgain(t *testing.T) {
	server := env.Redis(t)
	admin := server.Client(t)
	file := filepath.Join(t.TempDir(), "password")
	set := func(command ...any) {
		t.Helper()
		if err := admin.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := admin.Ping(t.Context()).Err(); err != nil { // stays logged in
		t.Fatal(err)
	}
	set("ACL", "SETUSER", "role", "on", ">first", "+@all", "~*")
	write(t, file, "first\n")
	role, _ := connect(t, "redis://role@"+server.Addr, redisconn.Access{PasswordFile: file})
	if err := role.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	set("ACL", "SETUSER", "role", ">second")
	write(t, file, "second\n")
	set("ACL", "SETUSER", "role", "<first")
	reconnect(t, admin)
	wantPing(t, role, "", "the second password")

	write(t, file, "") // is being replaced
	reconnect(t, admin)
	wantPing(t, role, "", "the file is empty for a moment")

	set("CONFIG", "SET", "requirepass", "one")
	write(t, file, "one")
	anybody, _ := connect(t, "redis://"+server.Addr, redisconn.Access{PasswordFile: file})
	if err := anybody.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	set("CONFIG", "SET", "requirepass", "two")
	reconnect(t, admin)
	env.Eventually(t, 30*time.Second, func() (bool, string) {
		err := anybody.Ping(t.Context()).Err()
		return strings.Contains(redisconn.Fault(err), "refuses this user and password"), fmt.Sprintf("the first password after the change: %v", err)
	})
	write(t, file, "two")
	wantPing(t, anybody, "", "the file has the new password")
}

// TestCertificatesAreReadAgain replaces the authority of the server and of the
// client.
func TestCertificatesAreReadAgain(t *testing.T) {
	later := time.Now().Add(time.Hour)
	first, second := env.NewAuthority(t), env.NewAuthority(t)
	server := env.Redis(t)
	admin := server.Client(t)
	addr := server.TLS(t, first, first.Issue(later, "127.0.0.1"))
	own, ca := first.Issue(later), filepath.Join(t.TempDir(), "ca.pem")
	copyFile(t, ca, first.File)
	client, _ := connect(t, "rediss://"+addr, redisconn.Access{CAFile: ca, CertFile: own.Cert, KeyFile: own.Key})
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}

	server.UseCertificate(t, second.Issue(later, "127.0.0.1"))
	if err := admin.ConfigSet(t.Context(), "tls-ca-cert-file", second.File).Err(); err != nil {
		t.Fatal(err)
	}
	reconnect(t, admin)
	wantPing(t, client, "REDIS_TLS_CA_FILE", "the old authority after the change")
	copyFile(t, ca, second.File)
	wantPing(t, client, "REDIS_TLS_CERT_FILE", "the old client certificate after the change")
	second.Renew(own, later)
	wantPing(t, client, "", "the new files")

	write(t, own.Key, "half") // is being replaced
	reconnect(t, admin)
	wantPing(t, client, "", "the key can't be used for a moment")
	write(t, ca, "half")
	server.UseCertificate(t, first.Issue(later, "127.0.0.1"))
	reconnect(t, admin)
	wantPing(t, client, "REDIS_TLS_CA_FILE", "a file that can't be used, and a certificate that needs it")
}

func copyFile(t *testing.T, to, from string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(text))
}
