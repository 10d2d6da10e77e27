package e2e_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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
		"a Sentinel for a Redis":   {"redis://" + open, nil, "REDIS_URL: at " + open + " a Sentinel answers, not Redis: write redis+sentinel://" + open + "/primary/0"},
		"a Sentinel with a login":  {"redis+sentinel://" + locked + "/primary", nil, "REDIS_SENTINEL_PASSWORD_FILE: the Sentinel at " + locked + " wants a password"},
		"a Redis for a Sentinel":   {"redis+sentinel://" + server.Addr + "/primary", nil, "REDIS_URL: this is a Redis, not a Sentinel"},
		"a wrong Sentinel's login": {"redis+sentinel://" + locked + "/primary", []string{"REDIS_SENTINEL_PASSWORD_FILE=" + fileWith(t, "x")}, "REDIS_SENTINEL_PASSWORD_FILE: the Sentinel at " + locked + " refuses this user and password"},
	} {
		t.Run(name, func(t *testing.T) {
			tellAtOnce(t, runPrograms(t, append(c.environ, "REDIS_URL="+c.url, "MONGO_URI=mongodb://"+nowhere(t))), c.sentence)
		})
	}
	t.Run("a certificate without TLS", func(t *testing.T) { // no server is needed to see that
		for program, p := range runPrograms(t, []string{"REDIS_URL=redis://" + addr, mine[0], "MONGO_URI=mongodb://" + nowhere(t)}) {
			wantEnd(t, program, p, "REDIS_TLS_CERT_FILE: needs TLS: write rediss:// in REDIS_URL")
		}
	})
	t.Run("an unknown master", func(t *testing.T) { // it may become known, so they wait
		const sentence = `the Sentinels know no master named "secondary", but ["primary"]`
		for program, p := range runPrograms(t, []string{"REDIS_URL=redis+sentinel://" + open + "/secondary", "MONGO_URI=mongodb://" + nowhere(t), "STARTUP_TIMEOUT_SEC=1"}) {
			if program == "console" {
				wantWarning(t, p, sentence)
				continue
			}
			code := p.Wait(2 * time.Minute)
			if said := p.Stderr(); code != 1 || !strings.Contains(said, "REDIS_URL: ") || !strings.Contains(said, sentence) {
				t.Errorf("%s: exit code %d:\n%s", program, code, said)
			}
		}
	})
}

// TestProgramsTellWhatIsWrongWithMongosCertificate does the like for the services that
// use MongoDB.
func TestProgramsTellWhatIsWrongWithMongosCertificate(t *testing.T) {
	later, past := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	authority, stranger := env.NewAuthority(t), env.NewAuthority(t)
	server, redis := env.Mongo(t), env.Redis(t)
	addr := server.TLS(t, authority, authority.Issue(later, "127.0.0.1"))
	old := server.TLS(t, authority, authority.Issue(past, "127.0.0.1"))
	other := server.TLS(t, authority, authority.Issue(later, "mongo.test"))
	own := authority.Issue(later)
	both := filepath.Join(t.TempDir(), "both.pem")
	put(t, both, contentOf(t, own.Cert)+contentOf(t, own.Key))
	mine := "&tlsCertificateKeyFile=" + both
	for name, c := range map[string]struct{ addr, ca, options, sentence string }{
		"an unknown authority":   {addr, stranger.File, mine, "the certificate of MongoDB at " + addr + " is by an authority that is not trusted here: name the file with the authority's certificate in tlsCAFile"},
		"an expired certificate": {old, authority.File, mine, "the certificate of MongoDB at " + old + " has expired on "},
		"a wrong name":           {other, authority.File, mine, "the certificate of MongoDB at " + other + " is not for 127.0.0.1 but for mongo.test"},
		"no client certificate":  {addr, authority.File, "", "MongoDB at " + addr + " wants a client certificate: name the file with it and its key in tlsCertificateKeyFile"},
	} {
		t.Run(name, func(t *testing.T) {
			running := runPrograms(t, []string{"REDIS_URL=redis://" + redis.Addr, "MONGO_URI=mongodb://" + c.addr + "/?tls=true&tlsCAFile=" + c.ca + c.options})
			for _, without := range []string{"producer", "archiver", "ingestctl"} { // reconcile asks Redis alone
				running[without].Kill()
				delete(running, without)
			}
			for program, p := range running {
				if said := tellAtOnce(t, map[string]*env.Proc{program: p}, c.sentence); !strings.Contains(said, "MONGO_URI: ") {
					t.Errorf("%s does not name MONGO_URI:\n%s", program, said)
				}
			}
		})
	}
}

// tellAtOnce wants each program to say a sentence once and to end, although it may wait for
// ten minutes. The console stays, since its pages say it too. It returns what the last has
// said.
func tellAtOnce(t *testing.T, running map[string]*env.Proc, sentence string) (said string) {
	t.Helper()
	for program, p := range running {
		if program == "console" {
			said = wantWarning(t, p, sentence)
			continue
		}
		said = wantEnd(t, program, p, sentence)
	}
	return said
}

// wantEnd wants a program to say a sentence once and to end.
func wantEnd(t *testing.T, program string, p *env.Proc, sentence string) (said string) {
	t.Helper()
	code := p.Wait(2 * time.Minute)
	if said = p.Stderr(); code != 2 || strings.Count(said, sentence) != 1 {
		t.Errorf("%s: exit code %d, want 2 and %q:\n%s", program, code, sentence, said)
	}
	return said
}

// wantWarning waits until the console has logged a sentence, and ends it.
func wantWarning(t *testing.T, console *env.Proc, sentence string) (line string) {
	t.Helper()
	line = console.WaitForLine(2*time.Minute, func(line string) bool {
		var entry struct{ Reason string }
		return json.Unmarshal([]byte(line), &entry) == nil && strings.Contains(entry.Reason, sentence)
	})
	console.Signal(syscall.SIGTERM)
	if code := console.Wait(time.Minute); code != 0 {
		t.Errorf("console: exit code %d\n%s", code, console.Stderr())
	}
	return line
}

// runPrograms starts each kind of program. They may wait for ten minutes, unless environ
// says otherwise.
func runPrograms(t *testing.T, environ []string) map[string]*env.Proc {
	t.Helper()
	dir := t.TempDir()
	all := append([]string{"QUEUE_MODE=stream", "ADMIN_ADDR=", "CONSOLE_ADDR=127.0.0.1:0", "ARCHIVE_URL=file://" + dir,
		"LOG_FORMAT=json", "LOG_LEVEL=WARNING", "STARTUP_TIMEOUT_SEC=600"}, environ...)
	file := fileWith(t, `{"customerId":"1","name":"A","email":"a@quillmarsh.net","createdAt":"2024-01-01"}`)
	running := map[string]*env.Proc{}
	for program, args := range map[string][]string{"worker": nil, "producer": {"load", file}, "archiver": nil, "console": nil, "ingestctl": {"reconcile"}} {
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
