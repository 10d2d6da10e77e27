package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
)

func answer(t *testing.T, request *http.Request) string {
	t.Helper()
	response, err := (&http.Client{Timeout: soon, Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A worker that meets every outcome and many faults shows nothing of its records and of
// its passwords: not in its log, whatever level and format, its metrics, probes, profiles
// and spans.
func TestAWorkerShowsNothingPrivate(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{list, stream} {
		for _, format := range []string{"json", "text"} {
			t.Run(mode+" "+format, func(t *testing.T) {
				t.Parallel()
				s := newPrivateService(t, mode, "LOG_FORMAT="+format, "DEAD_LETTERS=on")
				w := s.start()
				addr := s.adminAddr(w)
				s.outcomes(addr)
				s.faults(w, addr)
				w.Signal(syscall.SIGTERM)
				if code := w.Wait(soon); code != 0 {
					t.Errorf("exit code %d", code)
				}
				s.program("the worker", w)
				s.in("the spans", s.spans.Raw())
				if len(w.Lines()) < s.sent || len(s.spans.Spans()) < s.sent {
					t.Errorf("%d lines and %d spans of %d records", len(w.Lines()), len(s.spans.Spans()), s.sent)
				}
			})
		}
	}
}

// adminAddr returns ADMIN_ADDR, whatever the format of the log.
func (s *privateService) adminAddr(w *env.Proc) string {
	s.t.Helper()
	started := w.WaitForLine(soon, func(line string) bool { return strings.Contains(line, "worker_started") })
	_, after, _ := strings.Cut(strings.ReplaceAll(started, `"`, ""), "admin")
	return strings.TrimFunc(strings.FieldsFunc(after, func(r rune) bool { return strings.ContainsRune(", }=\x1b", r) })[0], func(r rune) bool { return r == ':' })
}

// outcomes sends records with all outcomes. MongoDB quotes documents in its errors.
func (s *privateService) outcomes(addr string) {
	s.t.Helper()
	s.send(privateBodies()...)
	s.awaitSettled(addr)
	for i, code := range []int32{121, 2, 11000, 999_999, 13} {
		s.mongo.Script("insert", faulty.Fault{WriteErrors: []faulty.WriteError{{Code: code}}})
		s.send(privateBody("m"+string(rune('a'+i)), "A", "", 20+i))
		s.awaitSettled(addr)
	}
	s.pages("after all outcomes", addr)
}

// faults interrupts both servers while records are under way.
func (s *privateService) faults(w *env.Proc, addr string) {
	s.t.Helper()
	at := len(w.Lines())
	retries := func(server string) {
		s.t.Helper()
		_, at = w.WaitForLineAfter(at, soon, func(line string) bool {
			return strings.Contains(line, "retrying") && strings.Contains(line, server)
		})
	}
	s.mongo.Script("insert", faulty.Fault{Code: 189}, faulty.Fault{Code: 18}, faulty.Fault{WriteConcern: 64}, faulty.Fault{CutAfter: true})
	s.send(privateBody("faults", "A", "", 40))
	s.awaitSettled(addr)
	s.mongo.Stop()
	s.send(privateBody("mongo", "A", "", 41))
	retries("MongoDB")
	s.pages("without MongoDB", addr)
	if err := s.mongo.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.awaitSettled(addr)
	s.acl("-evalsha", "-eval", "-blpop", "-lpop", "-xreadgroup")
	retries("Redis")
	s.pages("without permissions", addr)
	s.acl("+@all")
	s.send(privateBody("redis", "A", "", 42))
	s.awaitSettled(addr)
	s.redis.Stop()
	env.Eventually(s.t, soon, func() (bool, string) {
		code, _ := fetch(s.t, addr, "/readyz")
		return code == http.StatusServiceUnavailable, "ready without Redis"
	})
	s.pages("without Redis", addr)
	s.redis.Start()
}

// With LOG_RAW=on the body of what can't be read is in the log, as raw and nowhere else.
func TestRawIsTheOnlyPrivateMember(t *testing.T) {
	t.Parallel()
	s := newPrivateService(t, stream, "LOG_FORMAT=json", "LOG_RAW=on")
	w := s.start()
	addr := s.adminAddr(w)
	s.send(privateBodies()...)
	s.awaitSettled(addr)
	w.Signal(syscall.SIGTERM)
	w.Wait(soon)
	rest, raws := withoutRaw(w.Lines())
	s.in("the log but for raw", rest)
	if raws == 0 || !strings.Contains(strings.Join(w.Lines(), "\n"), planted["the rest of a broken record"]) {
		t.Errorf("%d lines with raw, want some that show the body", raws)
	}
}

// A collector that can't be reached, or whose settings are wrong, is reported without its
// passwords.
func TestAFailingCollectorShowsNothingPrivate(t *testing.T) {
	t.Parallel()
	user := "someone:" + planted["a password of OTEL_…_URL"] + "@"
	nowhere := nowhere(t)
	for name, environ := range map[string][]string{
		"nobody there":            {"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + user + nowhere},
		"nobody there, by gRPC":   {"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + user + nowhere, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
		"a wrong port":            {"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + user + "localhost:x"},
		"a wrong port, by gRPC":   {"OTEL_EXPORTER_OTLP_ENDPOINT=http://" + user + "localhost:x", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
		"a wrong port for traces": {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://" + user + "localhost:x"},
		"wrong headers":           {"OTEL_EXPORTER_OTLP_HEADERS=authorization " + planted["a token of OTEL_…_HEADERS"]},
		"headers not escaped":     {"OTEL_EXPORTER_OTLP_HEADERS=authorization=%zz" + planted["a token of OTEL_…_HEADERS"]},
		"wrong headers by gRPC":   {"OTEL_EXPORTER_OTLP_HEADERS=Ä =" + planted["a token of OTEL_…_HEADERS"], "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newPrivateService(t, stream, "LOG_FORMAT=json")
			w := s.start(append(environ, "OTEL_EXPORTER_OTLP_TIMEOUT=500")...)
			s.send(privateBodies()[0])
			s.awaitSettled(s.adminAddr(w))
			w.Signal(syscall.SIGTERM)
			w.Wait(soon)
			s.program("the worker", w)
			if !strings.Contains(strings.Join(w.Lines(), "\n"), "traces are") {
				t.Errorf("the fault is not logged: %s", strings.Join(w.Lines(), "\n"))
			}
		})
	}
}

// Programs that can't start say why without the passwords of their settings.
func TestWrongSettingsShowNothingPrivate(t *testing.T) {
	t.Parallel()
	services := newPrivateService(t, stream)
	redisPassword, mongoPassword := planted["the password of REDIS_URL"], planted["the password of MONGO_URI"]
	redisURL, mongoURI := "REDIS_URL=redis://nobody:"+redisPassword+"@", "MONGO_URI=mongodb://nobody:"+mongoPassword+"@"
	file, nowhere := services.write("password", planted["a password file"]+"\n"), nowhere(t)
	for name, environ := range map[string][]string{
		"a wrong password of Redis":   {redisURL + services.redis.Addr},
		"a wrong password file":       {"REDIS_URL=redis://nobody@" + services.redis.Addr, "REDIS_PASSWORD_FILE=" + file},
		"a wrong password of MongoDB": {mongoURI + services.mongo.Addr()},
		"a wrong file for MongoDB":    {"MONGO_URI=mongodb://nobody@" + services.mongo.Addr(), "MONGO_PASSWORD_FILE=" + file},
		"nobody there":                {redisURL + nowhere, mongoURI + nowhere},
		"a wrong port":                {redisURL + "localhost:x", mongoURI + "localhost:x"},
		"a wrong escape":              {redisURL + "%zz@localhost", mongoURI + "%zz@localhost"},
		"characters not escaped":      {"REDIS_URL=redis://nobody:@/" + redisPassword + "#@localhost", "MONGO_URI=mongodb://nobody:@/" + mongoPassword + "#@localhost"},
		"a password as an option":     {"REDIS_URL=redis://localhost?password=" + redisPassword, "MONGO_URI=mongodb://localhost/?password=" + mongoPassword},
		"no scheme":                   {"REDIS_URL=nobody:" + redisPassword + "@localhost", "MONGO_URI=nobody:" + mongoPassword + "@localhost"},
		"a sentinel":                  {"REDIS_URL=redis+sentinel://nobody:" + redisPassword + "@" + nowhere + "/main/0?sentinel_password=" + redisPassword},
		"a cluster":                   {redisURL + nowhere + ",nobody:" + redisPassword + "@" + nowhere},
		"a collector with a password": {
			"OTEL_EXPORTER_OTLP_ENDPOINT=http://someone:" + planted["a password of OTEL_…_URL"] + "@" + nowhere, redisURL + nowhere,
			"OTEL_EXPORTER_OTLP_HEADERS=authorization " + planted["a token of OTEL_…_HEADERS"],
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &search{t: t}
			all := append(append(settings(stream, services.redis.URL(), services.mongo.URI()), "STARTUP_TIMEOUT_SEC=1", "LOG_LEVEL=DEBUG"), environ...)
			for _, command := range []string{
				"worker", "worker config", "worker config --check", "producer generate --count 1", "ingestctl reconcile", "ingestctl dead list", "ingestctl find --customer x --timeout 1s",
			} {
				words := strings.Fields(command)
				p := env.Process(t, env.Build(t, "ingestion/cmd/"+words[0]), words[1:], all)
				if code := p.Wait(soon); command == "worker" && code == 0 {
					t.Error("the worker ends as if all was well")
				}
				s.program(command, p)
			}
		})
	}
}

// What people see of the producer and of ingestctl, with the records that are shown on
// request left out.
func TestToolsShowNothingPrivate(t *testing.T) {
	t.Parallel()
	s := newPrivateService(t, stream, "LOG_FORMAT=json")
	s.environ = append(s.environ, "MONGO_URI="+env.Mongo(t).URI()) // it can be searched
	w := s.start()
	addr := s.adminAddr(w)
	run := func(wantCode int, name string, args ...string) {
		t.Helper()
		p := env.Process(t, env.Build(t, "ingestion/cmd/"+name), args, s.environ)
		if code := p.Wait(soon); code != wantCode {
			t.Errorf("%s %v: exit code %d, want %d: %s", name, args, code, wantCode, p.Stderr())
		}
		s.program(name+" "+strings.Join(args, " "), p)
	}
	lines := s.write("records.ndjson", strings.Join(privateBodies(), "\n")+"\n")
	table := "customerId,name,email,createdAt\n"
	for i := range 3 {
		table += fmt.Sprintf("c%d,%s,%s@mailbox.org,2024-02-03\n", i, planted["a name"], planted["an address"])
	}
	csv := s.write("records.csv", table+planted["a name"]+","+planted["an address"]+",x,y,z,"+planted["another field"]+"\n"+
		`"c9,`+planted["the rest of a broken record"]+"\n")
	broken := s.write("records.json", `[{"customerId":"1","name":"`+planted["a name"]+`","email":"`+planted["an address"]+`@mailbox.org","createdAt":"`+planted["another field"]+`"},`+planted["the rest of a broken record"])
	for _, file := range []string{lines, csv, broken} {
		run(1, "producer", "load", file, "--dry-run")
		run(1, "producer", "load", file, "--validate", "--rejects", filepath.Join(t.TempDir(), "rejects"))
	}
	run(0, "producer", "load", lines)
	run(1, "producer", "load", csv, "--map", "email="+`"unknown column"`)
	s.acl("-xadd")
	run(2, "producer", "load", lines)
	s.acl("+@all")
	env.Eventually(t, soon, func() (bool, string) {
		waiting := scrapePath(t, addr, "/metrics/queue")[`ingestion_undelivered_entries{partition="0"}`]
		held := scrapePath(t, addr, "/metrics/queue")[`ingestion_pending_entries{partition="0"}`]
		letters := scrapePath(t, addr, "/metrics/queue")[`ingestion_dead_letters{partition="0"}`]
		return waiting+held == 0 && letters > 5, fmt.Sprintf("%v wait, %v are held, %v dead letters", waiting, held, letters)
	})
	run(0, "ingestctl", "dead", "list", "--limit", "0")
	run(0, "ingestctl", "reconcile")
	run(0, "ingestctl", "reconcile", "--json")
	run(0, "ingestctl", "find", "--customer", "one")
	run(0, "ingestctl", "find", "--customer", "one", "--json")
	run(0, "ingestctl", "dead", "replay", "--all", "--dry-run")
	run(0, "ingestctl", "dead", "purge", "--all", "--dry-run")
	run(0, "worker", "config")
	s.redis.Stop()
	s.environ = append(s.environ, "STARTUP_TIMEOUT_SEC=1")
	run(1, "producer", "load", lines)
	run(1, "ingestctl", "dead", "list")
	s.redis.Start()
	w.Signal(syscall.SIGTERM)
	w.Wait(soon)
	s.program("the worker", w)
	s.in("the spans", s.spans.Raw())
	if s.texts < 40 {
		t.Errorf("only %d texts were searched", s.texts)
	}
}
