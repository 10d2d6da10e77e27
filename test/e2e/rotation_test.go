package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
)

// TestAWorkerOutlivesARotation replaces the password, the authority and all
// certificates while a worker runs, and then closes its connections.
func TestAWorkerOutlivesARotation(t *testing.T) {
	t.Parallel()
	later := time.Now().Add(time.Hour)
	first, second := env.NewAuthority(t), env.NewAuthority(t)
	server := env.Redis(t)
	addr := server.TLS(t, first, first.Issue(later, "127.0.0.1"))
	own, dir := first.Issue(later), t.TempDir()
	authorities, password := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "password")
	put(t, authorities, contentOf(t, first.File))
	put(t, password, "first\n")
	r := harnessOn(t, stream, server, env.Mongo(t), "REDIS_URL=rediss://role@"+addr, "REDIS_PASSWORD_FILE="+password,
		"REDIS_TLS_CA_FILE="+authorities, "REDIS_TLS_CERT_FILE="+own.Cert, "REDIS_TLS_KEY_FILE="+own.Key, "RATE_LIMIT_LIMIT=0")
	do := func(args ...any) {
		t.Helper()
		if err := r.client.Do(r.ctx(), args...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	do("ACL", "SETUSER", "role", "on", ">first", "~*", "&*", "+@all")
	p := r.start()
	before := simple(41, 20)
	r.feed(before)
	r.awaitDocuments(20)

	do("ACL", "SETUSER", "role", ">second")
	put(t, password, "second\n")
	both := filepath.Join(dir, "both.pem")
	put(t, both, contentOf(t, first.File)+contentOf(t, second.File))
	put(t, authorities, contentOf(t, both))
	do("CONFIG", "SET", "tls-ca-cert-file", both)
	server.UseCertificate(t, second.Issue(later, "127.0.0.1"))
	second.Renew(own, later)
	put(t, authorities, contentOf(t, second.File))
	do("CONFIG", "SET", "tls-ca-cert-file", second.File)
	do("ACL", "SETUSER", "role", "<first")
	do("CLIENT", "KILL", "USER", "role")

	r.feed(simple(43, 20))
	r.awaitDocuments(40)
	r.stop(p)
}

func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func contentOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestAWorkerOutlivesARotationOfMongoDB does the like for MongoDB, which has everything
// new before the first file is replaced.
func TestAWorkerOutlivesARotationOfMongoDB(t *testing.T) {
	t.Parallel()
	later := time.Now().Add(time.Hour)
	first, second := env.NewAuthority(t), env.NewAuthority(t)
	theirs, own, dir := first.Issue(later, "127.0.0.1"), first.Issue(later), t.TempDir()
	authorities, both, password := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "both.pem"), filepath.Join(dir, "password")
	put(t, authorities, contentOf(t, first.File))
	put(t, both, contentOf(t, own.Cert)+contentOf(t, own.Key))
	put(t, password, "first\n")
	r := newMongoHarness(t, faulty.Options{})
	r.server.SetPassword("first")
	addr := env.TLSBefore(t, r.server.Addr(), first, theirs)
	r.env = append(r.env, "MONGO_URI=mongodb://role@"+addr+"/?tlsCAFile="+authorities+"&tlsCertificateKeyFile="+both, "MONGO_PASSWORD_FILE="+password)
	p := r.start()
	r.send()
	r.expect(map[string]int{"ingested": inBatch})

	r.server.SetPassword("second")
	second.Renew(theirs, later, "127.0.0.1")
	put(t, first.File, contentOf(t, second.File))
	r.server.Stop()
	if err := r.server.Start(); err != nil {
		t.Fatal(err)
	}
	r.send()
	says := func(phrase string) {
		t.Helper()
		p.WaitForLine(2*time.Minute, func(line string) bool { return strings.Contains(line, phrase) })
	}
	says("by an authority that is not trusted here")
	renewed := second.Issue(later)
	put(t, both, contentOf(t, renewed.Cert)) // half of it
	put(t, authorities, contentOf(t, second.File))
	const stale = "a TLS file in the connection string can't be used"
	says(stale)
	says("refuses the client certificate, whose authority it does not trust")
	put(t, both, contentOf(t, renewed.Cert)+contentOf(t, renewed.Key))
	says("MongoDB rejects the credentials")
	put(t, password, "second\n")
	r.expect(map[string]int{"ingested": inBatch})
	r.send()
	r.expect(map[string]int{"ingested": inBatch})
	r.finish(p, nil)
	if n := strings.Count(strings.Join(p.Lines(), "\n"), stale); n != 1 {
		t.Errorf("the half written file is told %d times, want once", n)
	}
}
