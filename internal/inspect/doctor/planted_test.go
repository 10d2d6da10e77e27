package doctor_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/config"
	"ingestion/internal/inspect/doctor"
	"ingestion/internal/test/mongo/faulty"
	"ingestion/record"
	"ingestion/streams"
	"ingestion/streams/streamstest"
)

// plant is a fault, and what doctor has to say about it.
type plant struct {
	name     string
	check    string
	severity doctor.Severity
	words    []string
	do       func(r *rig)
}

const (
	fails = doctor.Error
	warns = doctor.Warning
	none  = doctor.Unknown
)

func says(words ...string) []string { return words }

func ago(d time.Duration) string { return strconv.FormatInt(time.Now().Add(-d).UnixMilli(), 10) + "-1" }

// plants need neither a server of their own nor a Cluster; those that do have tests below.
var plants = []plant{
	{"misspelt", "settings-names", warns, says("RATE_LIMIT_LIMT"), func(r *rig) { r.load("RATE_LIMIT_LIMT", "7") }},
	{"invalid", "settings-valid", fails, says("BATCH_SIZE", "STREAM_PARTITIONS"), func(r *rig) {
		r.vars["BATCH_SIZE"], r.vars["STREAM_PARTITIONS"] = "no", "0"
		_, r.opts.ConfigErr = config.Parse(r.vars)
	}},
	{"short delay", "settings-limits", warns, says("RATE_LIMIT_MAX_DELAY_SEC (30)"), func(r *rig) {
		r.vars["RATE_LIMIT_POLICY"], r.vars["RATE_LIMIT_MAX_DELAY_SEC"] = "defer", "30"
	}},
	{"forever, up to a number", "settings-limits", warns, says("STREAM_MAX_ENTRIES is 1000000"), func(r *rig) { r.vars["STREAM_RETENTION"] = "forever" }},
	{"backlog judged late", "settings-limits", warns, says("RATE_LIMIT_CLOCK"), func(r *rig) { r.vars["RATE_LIMIT_CLOCK"] = "processing" }},
	{"certificate not checked", "settings-tls", warns, says("MONGO_URI"), func(r *rig) {
		r.vars["MONGO_URI"], r.also = "mongodb://127.0.0.1:1/?tls=true&tlsInsecure=true", "mongo-reachable"
	}},

	{"nobody there", "redis-reachable", fails, says("connection refused"), func(r *rig) { r.vars["REDIS_URL"] = "redis://127.0.0.1:1/0" }},
	{"wrong password", "redis-reachable", fails, says("refuses this user and password"), func(r *rig) {
		r.do("acl", "setuser", "ada", "reset", "on", ">right", "+@all", "~*")
		r.vars["REDIS_URL"] = "redis://ada:wrong@" + r.server.Addr
	}},
	{"nothing on disk", "redis-persistence", fails, says("appendonly is no"), func(r *rig) { r.configure("appendonly", "no") }},
	{"snapshots only", "redis-persistence", warns, says("no append-only file"), func(r *rig) {
		r.configure("save", "900 1")
		r.configure("appendonly", "no")
	}},
	{"no sync", "redis-fsync", warns, says("appendfsync no"), func(r *rig) { r.configure("appendfsync", "no") }},
	{"may evict", "redis-eviction", fails, says("allkeys-lru"), func(r *rig) {
		r.configure("maxmemory", "1gb")
		r.configure("maxmemory-policy", "allkeys-lru")
	}},
	{"might evict", "redis-eviction", warns, says("volatile-ttl"), func(r *rig) { r.configure("maxmemory-policy", "volatile-ttl") }},
	{"memory is short", "redis-memory", warns, says("% of maxmemory"), func(r *rig) { r.fill(1.12) }},
	{"memory is full", "redis-memory", fails, says("% of maxmemory"), func(r *rig) { r.fill(1.02) }},
	{"too few replicas", "redis-replicas", fails, says("0 replicas are in step, but min-replicas-to-write is 1"), func(r *rig) { r.configure("min-replicas-to-write", "1") }},
	{"producers wait", "redis-replicas", fails, says("PRODUCER_WAIT_REPLICAS is 2"), func(r *rig) { r.vars["PRODUCER_WAIT_REPLICAS"] = "2" }},

	{"not allowed", "redis-permissions", fails, says("lacks 2 commands: xack hset"), func(r *rig) {
		r.do("acl", "setuser", "ada", "reset", "on", ">x", "+@all", "~s*", "~{s*", "-xack", "-hset")
		r.vars["REDIS_URL"] = "redis://ada:x@" + r.server.Addr
	}},
	{"less is said", "redis-permissions", warns, says("lacks 1 command: ping"), func(r *rig) {
		r.do("acl", "setuser", "ada", "reset", "on", ">x", "+@all", "~s*", "~{s*", "-ping")
		r.vars["REDIS_URL"] = "redis://ada:x@" + r.server.Addr
	}},

	{"another type", "key-types", fails, says(`"{s}:dead" is a string`, `"{s}:limits" is a list`), func(r *rig) {
		r.do("set", "{s}:dead", "x")
		r.do("rpush", "{s}:limits", "x")
	}},
	{"records on the list", "queue-mode", warns, says(`"q" has 2 records`), func(r *rig) { r.do("rpush", "q", "1", "2") }},
	{"entries on the stream", "queue-mode", warns, says(`"s" has entries`), func(r *rig) {
		r.vars["QUEUE_MODE"] = "list"
		r.do("xadd", "s", "*", "data", "x")
	}},
	{"fewer partitions", "queue-partitions", fails, says("s:4, s:6"), func(r *rig) {
		r.vars["STREAM_PARTITIONS"] = "4"
		r.do("xadd", "s:4", "*", "data", "x")
		r.do("xadd", "s:6", "*", "data", "x")
	}},
	{"one partition before", "queue-partitions", fails, says("STREAM_PARTITIONS is 2"), func(r *rig) {
		r.vars["STREAM_PARTITIONS"] = "2"
		r.do("xadd", "s", "*", "data", "x")
	}},
	{"another number", "queue-partitions", fails, says("STREAM_PARTITIONS is 1, but {s}:layout says that the stream has 2"), func(r *rig) {
		r.do("hset", "{s}:layout", "partitions", "2")
	}},
	{"a change that was interrupted", "queue-partitions", fails, says("is being changed from 1 to 2"), func(r *rig) {
		r.do("hset", "{s}:layout", "partitions", "1", "next", "2")
	}},
	{"beyond those of before", "queue-partitions", fails, says("are in s:2"), func(r *rig) {
		r.do("hset", "{s}:layout", "partitions", "1", "former", "2")
		r.do("xadd", "s:0", "*", "data", "x")
		r.do("xadd", "s:2", "*", "data", "x")
		r.also = "stream-group"
	}},
	{"several partitions before", "queue-partitions", fails, says("in s:0"), func(r *rig) { r.do("xadd", "s:0", "*", "data", "x") }},
	{"ahead", "stream-ids", fails, says("1h0m0s ahead"), func(r *rig) {
		r.open("s")
		r.do("xadd", "s", ago(-time.Hour), "data", "x")
	}},
	{"the last ID of all", "stream-ids", fails, says("more than 292 years ahead"), func(r *rig) {
		r.open("s")
		r.do("xadd", "s", streams.LastID, "data", "x")
		r.do("xgroup", "create", "s", "audit", "$") // Redis refuses to look beyond
	}},
	{"no group yet", "stream-group", warns, says(`no group "g" yet`), func(r *rig) { r.do("xadd", "s", "*", "data", "x") }},
	{"group destroyed", "stream-group", warns, says("is gone"), func(r *rig) {
		r.open("s")
		r.do("xgroup", "destroy", "s", "g")
	}},
	{"another group's", "stream-group", fails, says(`"g", not "mine"`), func(r *rig) {
		r.open("s")
		r.vars["STREAM_GROUP"] = "mine"
	}},
	{"set back", "stream-group", warns, says("before 5-0"), func(r *rig) {
		r.open("s")
		r.do("hset", "{s}:ledger", "watermark", "5-0")
	}},
	{"an abandoned reader", "foreign-groups", warns, says(`"audit" of s has not finished 2 entries`, "1h0m0s ago", "no reader"), func(r *rig) {
		r.vars["STREAM_RETENTION"] = "10m"
		r.settled(ago(time.Hour), ago(time.Minute))
		r.do("xgroup", "create", "s", "audit", "0")
	}},
	{"a reader that died", "foreign-groups", warns, says(`"audit" of s has not finished 1 entry`, "idle for"), func(r *rig) {
		r.vars["STREAM_RETENTION"] = "10m"
		r.settled(ago(time.Hour))
		r.do("xgroup", "create", "s", "audit", "0")
		r.do("xreadgroup", "group", "audit", "a", "streams", "s", ">")
	}},

	{"an abandoned archive", "archive-served", fails, says(`no archiver serves the group "archive" of s`, "2 entries", "1h0m0s ago"), func(r *rig) {
		r.vars["STREAM_RETENTION"] = "10m"
		r.settled(ago(time.Hour), ago(time.Minute))
		r.do("xgroup", "create", "s", "archive", "0")
	}},
	{"an archive that is behind", "archive-served", "", nil, func(r *rig) {
		r.settled(ago(time.Hour))
		r.do("xgroup", "create", "s", "archive", "0")
		r.do("set", "{s}:archiver", "somebody")
	}},
	{"a limit that is none", "customer-limits", fails, says(`2 limits of {s}:limits can't be read: of customer "4", "5"`), func(r *rig) {
		r.do("hset", "{s}:limits", "4", "5/60 ", "5", "5 a minute", "6", "5/60", "7", "off", "8", "block")
	}},
	{"a limit that is none, of a list", "customer-limits", fails, says(`1 limit of {q}:limits can't be read: of customer "5"`), func(r *rig) {
		r.vars["QUEUE_MODE"] = "list"
		r.do("hset", "{q}:limits", "5", "", "6", "5/60")
	}},
	{"many limits that are none", "customer-limits", fails, says(`2000 limits of`, `"0", "1", "10" and 1997 more`), func(r *rig) {
		for i := range 2000 {
			r.do("hset", "{s}:limits", i, "0/60")
		}
	}},
	{"another customer's partition", "customer-limits", fails, says(`1 limit of {s:0}:limits in another partition than the customer's`), func(r *rig) {
		r.vars["STREAM_PARTITIONS"] = "2"
		for customer := range 2 { // of which one is at home in each
			r.do("hset", "{s:0}:limits", customer, "5/60")
		}
	}},
	{"limits while the limiter is off", "customer-limits", "", nil, func(r *rig) {
		r.vars["RATE_LIMIT_LIMIT"] = "0"
		r.do("hset", "{s}:limits", "5", "5 a minute")
	}},

	{"one name for two", "worker-names", fails, says(`two workers have the name "w"`), func(r *rig) {
		first := r.worker("w", "v1", "", "")
		r.worker("w", "v1", "", "")
		must(r.t, first.Register(r.t.Context()))
	}},
	{"different limits", "worker-settings", fails, says("RATE_LIMIT_LIMIT: 5 (a); 6 (b)"), func(r *rig) {
		r.worker("a", "v1", "", "")
		r.worker("b", "v1", "RATE_LIMIT_LIMIT", "6")
	}},
	{"different here", "worker-settings", warns, says("here STREAM_RETENTION is 1h0m0s"), func(r *rig) { r.worker("a", "v1", "STREAM_RETENTION", "2h") }},
	{"different versions", "worker-versions", warns, says("v1 (a); v2 (b)"), func(r *rig) {
		r.worker("a", "v1", "WORKER_CONCURRENCY", "9")
		r.worker("b", "v2", "", "")
	}},

	{"nobody there", "mongo-reachable", fails, says("connection refused"), func(r *rig) { r.vars["MONGO_URI"] = "mongodb://127.0.0.1:1" }},
	{"may not read", "mongo-reachable", fails, says("MongoDB code 13"), func(r *rig) {
		r.members[0].Rule("find", func(faulty.Call) faulty.Fault { return faulty.Fault{Code: 13} })
	}},
	{"old", "mongo-version", fails, says("version 4.0.28"), func(r *rig) {
		r.primary("buildInfo", bson.D{{Key: "version", Value: "4.0.28"}, {Key: "ok", Value: 1.0}})
	}},
	{"standalone", "mongo-replica-set", warns, says("no replica set"), func(r *rig) {
		r.members[0].Rule("hello", nil)
		r.vars["MONGO_URI"] = r.members[0].URI()
	}},
	{"a secondary", "mongo-replica-set", fails, says("no primary"), func(r *rig) {
		r.vars["MONGO_URI"] = r.members[1].URI() + "/?directConnection=true"
	}},
	{"one member down", "mongo-replica-set", warns, says(" does not answer from here"), func(r *rig) { r.members[2].Stop() }},
	{"two members down", "mongo-replica-set", fails, says("only 1 of 3 members"), func(r *rig) {
		r.members[1].Stop()
		r.members[2].Stop()
	}},
	{"one member behind", "mongo-replica-set", warns, says("behind the primary"), func(r *rig) {
		r.hello(2, "lastWrite", bson.D{{Key: "lastWriteDate", Value: time.Now().Add(-time.Hour)}})
	}},
	{"its clock", "mongo-clock", warns, says("1h0m0", "behind this host's"), func(r *rig) { r.hello(0, "localTime", time.Now().Add(-time.Hour)) }},
	{"may not insert", "mongo-rights", fails, says("may not insert in db.c"), func(r *rig) { r.primary("connectionStatus", privileges("find")) }},
	{"may not create the index", "mongo-rights", fails, says("may not createIndex"), func(r *rig) { r.vars["MONGO_INDEXES"] = "on" }},
	{"rights unknown", "mongo-rights", none, says("the user may not run connectionStatus"), func(r *rig) { r.primary("connectionStatus", failure(13)) }},
	{"a view", "mongo-collection", fails, says("db.c is a view"), func(r *rig) { r.collection("view") }},
	{"a time series", "mongo-collection", fails, says("time-series"), func(r *rig) { r.collection("timeseries") }},
	{"capped", "mongo-collection", fails, says("capped"), func(r *rig) { r.collection("collection", bson.E{Key: "capped", Value: true}) }},
	{"sharded by the customer", "mongo-collection", fails, says("db.c is sharded by customerId"), func(r *rig) { r.sharded("customerId") }},
	{"sharded by the _id", "mongo-collection", "", nil, func(r *rig) { r.sharded("_id") }},
	{"unique", "mongo-indexes", fails, says("mine is unique (email)"), func(r *rig) { r.index(bson.E{Key: "unique", Value: true}) }},
	{"expiring", "mongo-indexes", warns, says("expire"), func(r *rig) { r.index(bson.E{Key: "expireAfterSeconds", Value: int32(60)}) }},
	{"no collection", "mongo-indexes", "", nil, func(r *rig) { r.primary("listIndexes", failure(26)) }},
	{"schema", "mongo-validator", fails, says("does not write: phone", "createdAt to be string", "name, such as _id, customerId"), func(r *rig) {
		r.schema(`{"required": ["customerId", "phone"], "properties": {"createdAt": {"bsonType": "string"}, "name": {"bsonType": ["string", "null"]}}, "additionalProperties": false}`)
	}},
	{"schema, tried", "mongo-validator", fails, says("refuses a document such as the service writes"), func(r *rig) {
		r.schema(`{"properties": {"customerId": {"pattern": "^c-"}}}`)
		r.primary("aggregate", batch())
	}},
	{"user with all rights", "redis-excess", warns, says("+flushall", "more"), func(r *rig) { r.opts.RightsOnly = true }},
	{"producer that may read", "redis-excess", warns, says("+xrange ~s"), func(r *rig) {
		r.user([]string{"xadd", "type", "info", "ping", "multi", "discard", "xrange"}, "~s")
		r.vars["REDIS_URL"] = "redis://limited:x@" + r.server.Addr
		r.opts.Role, r.opts.RightsOnly = doctor.Producer, true
	}},
	{"expression that fits", "mongo-validator", "", nil, func(r *rig) {
		r.collection("collection", bson.E{Key: "validator", Value: bson.D{{Key: "$expr", Value: true}}})
		r.primary("aggregate", batch(bson.D{{Key: "_id", Value: "x"}}))
	}},
	{"schema that only warns", "mongo-validator", warns, says("does not write: phone"), func(r *rig) {
		r.schema(`{"required": ["phone"]}`, bson.E{Key: "validationAction", Value: "warn"})
	}},
	{"schema that fits", "mongo-validator", "", nil, func(r *rig) {
		r.schema(`{"required": ["customerId", "streamId"], "properties": {"email": {"bsonType": "string"}, "createdAt": {"bsonType": "date"}}}`)
	}},
	{"schema that is off", "mongo-validator", "", nil, func(r *rig) {
		r.schema(`{"required": ["phone"]}`, bson.E{Key: "validationLevel", Value: "off"})
	}},
	{"expression", "mongo-validator", warns, says("$expr"), func(r *rig) {
		r.collection("collection", bson.E{Key: "validator", Value: bson.D{{Key: "$expr", Value: bson.D{}}}})
	}},
}

func TestPlantedFaultsAreFound(t *testing.T) {
	shared := newRig(t)
	for _, p := range plants {
		t.Run(p.check+"/"+p.name, func(t *testing.T) {
			r := shared.sound(t)
			p.do(r)
			r.want(p.check, p.severity, p.words...)
		})
	}
}

// alone are the checks whose faults have tests of their own.
var alone = map[string]string{
	"redis-version": "TestAnOldRedisIsFound", "redis-role": "TestReplicasAreExamined", "redis-saves": "TestAFailedSnapshotIsFound", "redis-clock": "TestAWrongClockIsFound",
	"cluster-slots": "TestAClusterIsExamined", "cluster-masters": "TestAClusterIsExamined", "cluster-spread": "TestAClusterIsExamined",
}

func TestEveryCheckHasAPlantedFault(t *testing.T) {
	planted := map[string]bool{}
	for _, p := range plants {
		planted[p.check] = true
	}
	for _, c := range doctor.Checks() {
		if !planted[c.Name] && alone[c.Name] == "" {
			t.Errorf("no fault is planted for %s", c.Name)
		}
	}
}

// TestASoundDeploymentHasNoFindings examines it new, with workers, with a backlog, with
// settled entries, and in list mode.
func TestASoundDeploymentHasNoFindings(t *testing.T) {
	shared := newRig(t)
	for name, do := range map[string]func(*rig){
		"new":      func(*rig) {},
		"list":     func(r *rig) { r.vars["QUEUE_MODE"] = "list"; r.do("rpush", "q", "x") },
		"producer": func(r *rig) { r.opts.Role = doctor.Producer },
		"operator": func(r *rig) { r.opts.Role = doctor.Operator },
		"viewer":   func(r *rig) { r.opts.Role = doctor.Viewer },
		"settled entries of other partitions": func(r *rig) {
			r.vars["STREAM_PARTITIONS"] = "2"
			r.settled(ago(time.Hour))
		},
		"workers, backlog, another reader": func(r *rig) {
			r.worker("a", "v1", "", "")
			r.worker("b", "v1", "WORKER_CONCURRENCY", "9")
			r.open("s")
			r.do("xadd", "s", "*", "data", "x")
			r.do("xadd", "s", "*", "data", "y")
			r.do("xgroup", "create", "s", "audit", "0")
			r.do("xreadgroup", "group", "audit", "a", "count", "1", "streams", "s", ">")
		},
		"no access control in MongoDB": func(r *rig) {
			r.primary("connectionStatus", bson.D{{Key: "authInfo", Value: bson.D{{Key: "authenticatedUsers", Value: bson.A{}}}}, {Key: "ok", Value: 1.0}})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := shared.sound(t)
			do(r)
			results := r.run()
			if len(results) < 25 {
				t.Errorf("only %d checks", len(results))
			}
			for _, result := range results {
				if len(result.Findings) > 0 || result.Skipped != "" {
					t.Errorf("%s: %+v %s", result.Name, result.Findings, result.Skipped)
				}
			}
		})
	}
}

// load sets a variable and reads the settings from the environment.
func (r *rig) load(name, value string) {
	r.t.Helper()
	r.vars[name] = value
	for name, value := range r.vars {
		old, was := os.LookupEnv(name)
		must(r.t, os.Setenv(name, value))
		r.t.Cleanup(func() {
			if was {
				_ = os.Setenv(name, old)
			} else {
				_ = os.Unsetenv(name)
			}
		})
	}
	cfg, err := config.Load()
	must(r.t, err)
	r.opts.Config = cfg
}

// fill sets maxmemory to what is used, times a factor.
func (r *rig) fill(times float64) {
	r.t.Helper()
	const pad = 64 << 20                 // so that what the checks themselves take does not matter
	r.do("setrange", "filler", pad, "x") // made by the server: the buffer of a long command would count too
	var used int64
	_, err := fmt.Sscanf(r.client.InfoMap(r.t.Context(), "memory").Item("Memory", "used_memory"), "%d", &used)
	must(r.t, err)
	r.configure("maxmemory", strconv.FormatInt(int64(float64(used)*times), 10))
}

// settled adds entries and settles them.
func (r *rig) settled(ids ...string) {
	r.t.Helper()
	s := r.open("s")
	for _, id := range ids {
		r.do("xadd", "s", id, "data", "x")
	}
	_, err := s.Settle(r.t.Context(), streamstest.All(record.Ingested, streamstest.Receive(r.t.(*testing.T), s, len(ids))))
	must(r.t, err)
}

// hello makes a member say something else.
func (r *rig) hello(member int, field string, value any) {
	hosts := []string{r.members[0].Addr(), r.members[1].Addr(), r.members[2].Addr()}
	m := r.members[member]
	m.Rule("hello", func(faulty.Call) faulty.Fault {
		doc := helloOf(m, hosts)
		for i := range doc {
			if doc[i].Key == field {
				doc[i].Value = value
			}
		}
		return faulty.Fault{Reply: doc}
	})
}

// sharded makes the primary a router before shards.
func (r *rig) sharded(by string) {
	m := r.members[0]
	r.vars["MONGO_URI"] = m.URI()
	r.collection("collection")
	m.Rule("hello", func(faulty.Call) faulty.Fault {
		doc := bson.D{{Key: "msg", Value: "isdbgrid"}}
		for _, field := range helloOf(m, []string{m.Addr()}) {
			if !slices.Contains([]string{"setName", "setVersion", "hosts", "primary", "me", "secondary", "lastWrite"}, field.Key) {
				doc = append(doc, field)
			}
		}
		return faulty.Fault{Reply: doc}
	})
	m.Rule("find", func(call faulty.Call) faulty.Fault {
		if name, _ := call.Body.Lookup("find").StringValueOK(); name != "collections" {
			return faulty.Fault{}
		}
		return faulty.Fault{Reply: batch(bson.D{{Key: "_id", Value: "db.c"}, {Key: "key", Value: bson.D{{Key: by, Value: "hashed"}}}})}
	})
}

// schema gives the collection a rule.
func (r *rig) schema(text string, options ...bson.E) {
	r.t.Helper()
	var schema bson.D
	must(r.t, bson.UnmarshalExtJSON([]byte(text), false, &schema))
	r.collection("collection", append([]bson.E{{Key: "validator", Value: bson.D{{Key: "$jsonSchema", Value: schema}}}}, options...)...)
}

func failure(code int32) bson.D {
	return bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: code}, {Key: "errmsg", Value: "no"}}
}
