package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/env"
)

// TestProgramsTellWhatIsWrongWithTheConnection gives each program the same mistakes.
// They end at once, though they may wait for minutes, and say the same sentence.
func TestProgramsTellWhatIsWrongWithTheConnection(t *testing.T) {
	later, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	authority, stranger := env.NewAuthority(t), env.NewAuthority(t)
	server := env.Redis(t)
	addr := server.TLS(t, authority, authority.Issue(later, "127.0.0.1"))
	old := env.Redis(t).TLS(t, authority, authority.Issue(past, "127.0.0.1"))
	other := env.Redis(t).TLS(t, authority, authority.Issue(later, "redis.test"))
	open := env.Sentinel(t, "primary", server)
	locked := env.Sentinel(t, "primary", server, "requirepass sentinel-word")
	own := authority.Issue(later)
	ca := "REDIS_TLS_CA_FILE=" + authority.File
	mine := []string{"REDIS_TLS_CERT_FILE=" + own.Cert, "REDIS_TLS_KEY_FILE=" + own.Key}
	for name, c := range map[string]struct {
		url      string
		environ  []string
		sentence string // its beginning
	}{
		"an unknown authority":     {"rediss://" + addr, append(mine, "REDIS_TLS_CA_FILE="+stranger.File), "REDIS_TLS_CA_FILE: the certificate of Redis at " + addr + " is by an authority that is not trusted here"},
		"an expired certificate":   {"rediss://" + old, append(mine, ca), "REDIS_URL: the certificate of Redis at " + old + " has expired on "},
		"a wrong name":             {"rediss://" + other, append(mine, ca), "REDIS_TLS_SERVER_NAME: the certificate of Redis at " + other + " is not for 127.0.0.1 but for redis.test"},
		"no client certificate":    {"rediss://" + addr, []string{ca}, "REDIS_TLS_CERT_FILE: Redis at " + addr + " wants a client certificate: set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE"},
		"TLS to a plain port":      {"rediss://" + server.Addr, append(mine, ca), "REDIS_URL: there is no TLS at " + server.Addr},
		"no TLS to a port of TLS":  {"redis://" + addr, nil, "REDIS_URL: at " + addr + " TLS is spoken: write rediss"},
		"a certificate, no TLS":    {"redis://" + addr, mine[:1:1], "REDIS_TLS_CERT_FILE: needs TLS: write rediss:// in REDIS_URL"},
		"a Sentinel for a Redis":   {"redis://" + open, nil, "REDIS_URL: at " + open + " a Sentinel answers, not Redis: write redis+sentinel://" + open + "/primary/0"},
		"a Sentinel with a login":  {"redis+sentinel://" + locked + "/primary", nil, "REDIS_SENTINEL_PASSWORD_FILE: the Sentinel at " + locked + " wants a password"},
		"a Redis for a Sentinel":   {"redis+sentinel://" + server.Addr + "/primary", nil, "REDIS_URL: this is a Redis, not a Sentinel"},
		"a wrong Sentinel's login": {"redis+sentinel://" + locked + "/primary", []string{"REDIS_SENTINEL_PASSWORD_FILE=" + fileWith(t, "x")}, "REDIS_SENTINEL_PASSWORD_FILE: the Sentinel at " + locked + " refuses this user and password"},
	} {
		t.Run(name, func(t *testing.T) {
			for program, p := range runPrograms(t, append(c.environ, "REDIS_URL="+c.url, "STARTUP_TIMEOUT_SEC=600")) {
				code := p.Wait(2 * time.Minute)
				if said := p.Stderr(); code != 2 || strings.Count(said, c.sentence) != 1 {
					t.Errorf("%s: exit code %d, want 2 and %q:\n%s", program, code, c.sentence, said)
				}
			}
		})
	}
	t.Run("an unknown master", func(t *testing.T) { // it may become known, so they wait
		for program, p := range runPrograms(t, []string{"REDIS_URL=redis+sentinel://" + open + "/secondary", "STARTUP_TIMEOUT_SEC=1"}) {
			code := p.Wait(2 * time.Minute)
			if said := p.Stderr(); code != 1 || !strings.Contains(said, "REDIS_URL: ") || !strings.Contains(said, `the Sentinels know no master named "secondary", but ["primary"]`) {
				t.Errorf("%s: exit code %d:\n%s", program, code, said)
			}
		}
	})
}

// runPrograms starts each kind of program; no MongoDB answers.
func runPrograms(t *testing.T, environ []string) map[string]*env.Proc {
	t.Helper()
	all := append([]string{"QUEUE_MODE=stream", "MONGO_URI=mongodb://" + nowhere(t), "ADMIN_ADDR=", "LOG_LEVEL=ERROR"}, environ...)
	file := fileWith(t, `{"customerId":"1","name":"A","email":"a@quillmarsh.net","createdAt":"2024-01-01"}`)
	running := map[string]*env.Proc{}
	for program, args := range map[string][]string{"worker": nil, "producer": {"load", file}, "ingestctl": {"reconcile"}} {
		running[program] = env.Process(t, env.Build(t, "ingestion/cmd/"+program), args, all)
	}
	return running
}

func fileWith(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.ndjson")
	if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
