package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/internal/test/otlp"
)

// What is planted, by what it is. The customerId is not among it: it is logged.
var planted = map[string]string{
	"a name":                      "plantedname",
	"an address":                  "plantedmailbox",
	"another field":               "plantedextra",
	"the password of REDIS_URL":   "plantedredis",
	"the password of MONGO_URI":   "plantedmongo",
	"a password file":             "plantedfile",
	"a token of OTEL_…_HEADERS":   "plantedtoken",
	"a password of OTEL_…_URL":    "plantedcollector",
	"a token of an HTTP request":  "plantedbearer",
	"the rest of a broken record": "plantedbroken",
}

// search looks for what is planted in texts that programs have written.
type search struct {
	t     *testing.T
	mu    sync.Mutex
	texts int
}

// in searches one text, also for what is encoded in base64.
func (s *search) in(source, text string) {
	s.t.Helper()
	s.mu.Lock()
	s.texts++
	s.mu.Unlock()
	folded := strings.ToLower(text)
	for what, value := range planted {
		encoded := strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(value)), "=")
		encoded = encoded[:len(encoded)-1] // what follows changes the last character
		for _, form := range []string{value, strings.ToLower(encoded)} {
			if at := strings.Index(folded, form); at >= 0 {
				s.t.Errorf("%s has %s: …%s…", source, what, text[max(0, at-120):min(len(text), at+60)])
			}
		}
	}
}

// program searches all that a program has written.
func (s *search) program(source string, p *env.Proc) {
	s.t.Helper()
	s.in(source+", standard output", strings.Join(p.Lines(), "\n"))
	s.in(source+", standard error", p.Stderr())
}

// privateService is a service whose settings, records and servers are full of what must
// not be seen.
type privateService struct {
	*search
	mode    string
	redis   *env.RedisServer
	client  *redis.Client
	mongo   *faulty.Server
	spans   *otlp.Collector
	environ []string
	sent    int
}

const redisUser = "service"

func newPrivateService(t *testing.T, mode string, environ ...string) *privateService {
	t.Helper()
	s := &privateService{search: &search{t: t}, mode: mode, redis: env.Redis(t), mongo: faulty.Serve(t, faulty.Options{}), spans: otlp.Start(t)}
	s.client = s.redis.Client(t)
	s.acl("on", ">"+planted["the password of REDIS_URL"], "~*", "&*", "+@all")
	redisURL := strings.Replace(s.redis.URL(), "redis://", "redis://"+redisUser+":"+planted["the password of REDIS_URL"]+"@", 1)
	s.environ = append(settings(mode, redisURL, s.mongo.URI()+"/?serverSelectionTimeoutMS=300"),
		"ADMIN_ADDR=127.0.0.1:0", "ADMIN_PPROF=on", "LOG_LEVEL=DEBUG", "LOG_RAW=off", "BATCH_SIZE=1",
		"OTEL_EXPORTER_OTLP_ENDPOINT="+s.spans.URL, "OTEL_BSP_SCHEDULE_DELAY=100",
		"OTEL_EXPORTER_OTLP_HEADERS=authorization="+planted["a token of OTEL_…_HEADERS"], "RATE_LIMIT_LIMIT=2")
	if mode == stream {
		s.environ = append(s.environ, "STREAM_CLAIM_IDLE_MS=1000")
	}
	s.environ = append(s.environ, environ...)
	return s
}

// acl changes the rights of the service's user.
func (s *privateService) acl(rules ...string) {
	s.t.Helper()
	args := []any{"ACL", "SETUSER", redisUser}
	for _, rule := range rules {
		args = append(args, rule)
	}
	if err := s.client.Do(s.t.Context(), args...).Err(); err != nil {
		s.t.Fatal(err)
	}
}

// start starts a worker that panics at records which ask for it.
func (s *privateService) start(environ ...string) *env.Proc {
	s.t.Helper()
	p := env.Process(s.t, env.BuildTagged(s.t, "ingestion/cmd/worker", "deadly"), nil, append(slices.Clone(s.environ), environ...))
	return p
}

// privateBody returns a record; name and more are in it as they are.
func privateBody(customer, name, more string, number int) string {
	return fmt.Sprintf(`{"customerId":%q,"name":"%s %s","email":"%s.%d@mailbox.org","createdAt":"2024-02-03","phone":%q%s}`,
		customer, planted["a name"], name, planted["an address"], number, planted["another field"], more)
}

// privateBodies are records with all outcomes, in the order in which they are sent.
func privateBodies() []string {
	good := privateBody("one", "A", "", 1)
	return []string{
		good, good, strings.Replace(good, " A", " B", 1),
		privateBody("two", "A", "", 2), privateBody("two", "A", "", 3), privateBody("two", "A", "", 4), // the last one is over the limit
		privateBody("three", "makes the worker panic", "", 5),
		strings.Replace(privateBody("four", "A", "", 6), "@mailbox.org", "@@mailbox.org", 1),
		strings.Replace(privateBody("five", "A", "", 7), "2024-02-03", planted["another field"], 1),
		strings.Replace(privateBody("six", "A", "", 8), `"createdAt"`, `"email":"again.`+planted["an address"]+`@mailbox.org","createdAt"`, 1),
		privateBody("seven", "A", `,"broken": `+planted["the rest of a broken record"], 9),
		planted["the rest of a broken record"],
		`{"` + planted["another field"] + `":1,"` + planted["another field"] + `":2}`,
		`{"customerId":"eight","name":7,"email":["` + planted["an address"] + `@mailbox.org"]}`,
	}
}

func (s *privateService) send(bodies ...string) {
	s.t.Helper()
	for _, body := range bodies {
		var err error
		if s.mode == list {
			err = s.client.RPush(s.t.Context(), queueKey, body).Err()
		} else {
			err = s.client.XAdd(s.t.Context(), &redis.XAddArgs{Stream: streamKey, Values: []any{"data", body, "note", planted["another field"]}}).Err()
		}
		if err != nil {
			s.t.Fatal(err)
		}
		s.sent++
	}
}

// awaitSettled waits until the worker has settled all that was sent.
func (s *privateService) awaitSettled(addr string) {
	s.t.Helper()
	env.Eventually(s.t, soon, func() (bool, string) {
		settled := 0.0
		for name, value := range scrape(s.t, addr) {
			if strings.HasPrefix(name, "ingestion_records_settled_total") {
				settled += value
			}
		}
		return int(settled) >= s.sent, fmt.Sprintf("%v of %d records are settled", settled, s.sent)
	})
}

// pages searches all that the worker serves.
func (s *privateService) pages(when, addr string) {
	s.t.Helper()
	for _, path := range []string{
		"/", "/metrics", "/metrics/queue", "/livez", "/readyz", "/debug/pprof/", "/debug/pprof/cmdline", "/debug/pprof/goroutine?debug=2",
		"/nowhere?token=" + planted["a token of an HTTP request"],
	} {
		request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, "http://"+addr+path, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+planted["a token of an HTTP request"])
		request.SetBasicAuth("someone", planted["a token of an HTTP request"])
		s.in(when+": "+strings.SplitN(path, "?", 2)[0], answer(s.t, request))
	}
}

// withoutRaw removes the member raw of each line, and returns how many had it.
func withoutRaw(lines []string) (rest string, raws int) {
	var b strings.Builder
	for _, text := range lines {
		members := map[string]any{}
		if json.Unmarshal([]byte(text), &members) != nil {
			b.WriteString(text + "\n")
			continue
		}
		if _, there := members["raw"]; there {
			raws++
			delete(members, "raw")
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			fmt.Fprintf(&b, "%s=%v ", name, members[name])
		}
		b.WriteByte('\n')
	}
	return b.String(), raws
}

// write writes a file with private content, and returns its path.
func (s *search) write(name, content string) string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}
