package doctor_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.uber.org/goleak"

	"ingestion/internal/config"
	"ingestion/internal/inspect/doctor"
	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/streams"
)

const soon = 120 * time.Second

// TestMain lets the Redis client go on dialling for a second after it was closed.
func TestMain(m *testing.M) {
	env.Main(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// rig is a deployment on which doctor finds nothing: a redis-server and a replica set of
// three scripted MongoDBs.
type rig struct {
	t       testing.TB
	server  *env.RedisServer
	client  *redis.Client
	members []*faulty.Server
	vars    map[string]string
	opts    doctor.Options
	also    string // a check that has findings too
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, server: env.Redis(t)}
	for range 3 {
		r.members = append(r.members, faulty.Serve(t, faulty.Options{}))
	}
	r.client = r.server.Client(t)
	return r
}

// sound brings the rig into order and returns it for one test.
func (r *rig) sound(t testing.TB) *rig {
	t.Helper()
	own := *r
	own.t, own.opts = t, doctor.Options{}
	must(t, r.client.FlushAll(t.Context()).Err())
	var hosts []string
	for _, m := range r.members {
		hosts = append(hosts, m.Addr())
	}
	for _, m := range r.members {
		must(t, m.Start())
		m.Behave()
		m.Rule("hello", func(faulty.Call) faulty.Fault { return faulty.Fault{Reply: helloOf(m, hosts)} })
		reply(m, "connectionStatus", privileges("find", "insert"))
		reply(m, "listCollections", batch())
		reply(m, "aggregate", failure(40324)) // as before 6.0: no $documents
		reply(m, "listIndexes", batch(bson.D{{Key: "key", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "name", Value: "_id_"}}))
	}
	own.vars = map[string]string{
		"QUEUE_MODE": "stream", "STREAM_KEY": "s", "QUEUE_KEY": "q", "STREAM_GROUP": "g",
		"REDIS_URL": r.server.URL(), "MONGO_URI": "mongodb://" + strings.Join(hosts, ",") + "/?replicaSet=rs",
		"MONGO_DB": "db", "MONGO_COLLECTION": "c",
	}
	return &own
}

// helloOf is what a member of a replica set says; the first one is the primary.
func helloOf(m *faulty.Server, hosts []string) bson.D {
	primary := m.Addr() == hosts[0]
	return bson.D{
		{Key: "helloOk", Value: true}, {Key: "isWritablePrimary", Value: primary}, {Key: "ismaster", Value: primary}, {Key: "secondary", Value: !primary},
		{Key: "setName", Value: "rs"}, {Key: "setVersion", Value: int32(1)}, {Key: "hosts", Value: hosts}, {Key: "primary", Value: hosts[0]}, {Key: "me", Value: m.Addr()},
		{Key: "lastWrite", Value: bson.D{{Key: "lastWriteDate", Value: time.Now()}}},
		{Key: "maxBsonObjectSize", Value: int32(16 << 20)}, {Key: "maxMessageSizeBytes", Value: int32(48_000_000)}, {Key: "maxWriteBatchSize", Value: int32(100_000)},
		{Key: "localTime", Value: time.Now()}, {Key: "logicalSessionTimeoutMinutes", Value: int32(30)},
		{Key: "minWireVersion", Value: int32(0)}, {Key: "maxWireVersion", Value: int32(21)}, {Key: "readOnly", Value: false}, {Key: "ok", Value: 1.0},
	}
}

func reply(m *faulty.Server, command string, doc bson.D) {
	m.Rule(command, func(faulty.Call) faulty.Fault { return faulty.Fault{Reply: doc} })
}

// primary makes the primary answer a command like this.
func (r *rig) primary(command string, doc bson.D) { reply(r.members[0], command, doc) }

func batch(docs ...bson.D) bson.D {
	list := bson.A{}
	for _, doc := range docs {
		list = append(list, doc)
	}
	return bson.D{{Key: "cursor", Value: bson.D{{Key: "firstBatch", Value: list}, {Key: "id", Value: int64(0)}, {Key: "ns", Value: "db.c"}}}, {Key: "ok", Value: 1.0}}
}

func privileges(actions ...string) bson.D {
	return bson.D{{Key: "authInfo", Value: bson.D{
		{Key: "authenticatedUsers", Value: bson.A{bson.D{{Key: "user", Value: "u"}, {Key: "db", Value: "admin"}}}},
		{Key: "authenticatedUserPrivileges", Value: bson.A{
			bson.D{{Key: "resource", Value: bson.D{{Key: "db", Value: "other"}, {Key: "collection", Value: ""}}}, {Key: "actions", Value: bson.A{"find", "insert", "remove"}}},
			bson.D{{Key: "resource", Value: bson.D{{Key: "db", Value: "db"}, {Key: "collection", Value: ""}}}, {Key: "actions", Value: actions}},
		}},
	}}, {Key: "ok", Value: 1.0}}
}

// collection makes the primary list the collection with these fields.
func (r *rig) collection(kind string, options ...bson.E) {
	r.primary("listCollections", batch(bson.D{{Key: "name", Value: "c"}, {Key: "type", Value: kind}, {Key: "options", Value: bson.D(options)}}))
}

// index adds an index to that on the _id.
func (r *rig) index(fields ...bson.E) {
	doc := append(bson.D{{Key: "key", Value: bson.D{{Key: "email", Value: 1}}}, {Key: "name", Value: "mine"}}, fields...)
	r.primary("listIndexes", batch(bson.D{{Key: "key", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "name", Value: "_id_"}}, doc))
}

// configure sets a directive of redis.conf until the test ends.
func (r *rig) configure(name, value string) {
	r.t.Helper()
	old := r.client.ConfigGet(r.t.Context(), name).Val()[name]
	must(r.t, r.client.ConfigSet(r.t.Context(), name, value).Err())
	r.t.Cleanup(func() { must(r.t, r.client.ConfigSet(context.Background(), name, old).Err()) })
}

func (r *rig) do(args ...any) {
	r.t.Helper()
	must(r.t, r.client.Do(r.t.Context(), args...).Err())
}

// open creates the group and the ledger as a worker does.
func (r *rig) open(key string) *streams.Stream {
	r.t.Helper()
	s, err := streams.NewStream(streams.StreamOptions{Client: r.client, Key: key, Group: "g", Consumer: "c", ClaimIdle: time.Minute, Retention: time.Hour})
	must(r.t, err)
	must(r.t, s.Open(r.t.Context()))
	return s
}

// worker registers a worker once, with settings that differ from the rig's in one, unless
// that is "".
func (r *rig) worker(name, version, setting, value string) *streams.Registration {
	r.t.Helper()
	vars := maps.Clone(r.vars)
	if setting != "" {
		vars[setting] = value
	}
	cfg, err := config.Parse(vars)
	must(r.t, err)
	reg, err := streams.NewRegistration(r.client, "s", time.Minute, streams.WorkerInfo{
		Consumer: name, Hash: cfg.SharedHash(), Settings: cfg.Shared(), Version: version, Host: "h", PID: 1,
	}, slog.New(slog.DiscardHandler))
	must(r.t, err)
	must(r.t, reg.Register(r.t.Context()))
	return reg
}

// options has the settings of the rig, unless the test has set others.
func (r *rig) options() doctor.Options {
	r.t.Helper()
	opts := r.opts
	if opts.Config == nil && opts.ConfigErr == nil {
		cfg, err := config.Parse(r.vars)
		must(r.t, err)
		opts.Config = cfg
	}
	return opts
}

// run examines the deployment.
func (r *rig) run() []doctor.Result {
	r.t.Helper()
	return doctor.Run(r.t.Context(), r.options())
}

// want examines the deployment and expects findings of this check only, the worst of this
// severity, with all words in them.
func (r *rig) want(check string, severity doctor.Severity, words ...string) {
	r.t.Helper()
	text := ""
	worst := doctor.Severity("")
	for _, result := range r.run() {
		for _, f := range result.Findings {
			text += fmt.Sprintf("%s %s: %s\n", f.Severity, f.Check, f.What)
			if f.Check == r.also {
				continue
			}
			if f.Check != check {
				r.t.Errorf("%s has found something too: %s", f.Check, f.What)
				continue
			}
			if f.What == "" || f.Remedy == "" || f.Why == "" && f.Severity != doctor.Unknown {
				r.t.Errorf("incomplete: %+v", f)
			}
			if order := []doctor.Severity{"", doctor.Unknown, doctor.Warning, doctor.Error}; slices.Index(order, f.Severity) > slices.Index(order, worst) {
				worst = f.Severity
			}
		}
	}
	if worst != severity {
		r.t.Errorf("%s found %q at worst, want %q\n%s", check, worst, severity, text)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			r.t.Errorf("%q is missing in:\n%s", w, text)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
