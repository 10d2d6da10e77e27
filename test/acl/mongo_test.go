package acl

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ingestion/internal/test/env"
	"ingestion/internal/test/mongo/wire"
)

// recorder is a proxy before a MongoDB that notes which action of which collection each command
// needs: "insert customers". The collection of actions of a database is "".
type recorder struct {
	addr string

	mu    sync.Mutex
	needs map[string]bool
}

func record(t *testing.T, server *env.MongoServer) *recorder {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	r := &recorder{addr: listener.Addr().String(), needs: map[string]bool{}}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go r.serve(client, server.Addr())
		}
	}()
	return r
}

func (r *recorder) uri() string { return "mongodb://" + r.addr + "/" }

func (r *recorder) serve(client net.Conn, addr string) {
	defer client.Close()
	server, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	}()
	var m wire.Message
	for requests := io.TeeReader(client, server); m.Read(requests) == nil; {
		r.note(&m)
	}
}

// actions are what a command needs; see
// https://www.mongodb.com/docs/manual/reference/privilege-actions/
var actions = map[string]string{
	"find": "find", "getMore": "find", "count": "find", "aggregate": "find", "insert": "insert", "update": "update",
	"createIndexes": "createIndex", "listIndexes": "listIndexes", "listCollections": "listCollections",
	"create": "createCollection", "drop": "dropCollection", "delete": "remove", "collMod": "collMod", "dropIndexes": "dropIndex",
}

// free are commands that every user may send.
var free = []string{"hello", "isMaster", "ismaster", "ping", "buildInfo", "endSessions", "killCursors", "connectionStatus"}

func (r *recorder) note(m *wire.Message) {
	first, err := m.Body.IndexErr(0)
	if err != nil || slices.Contains(free, first.Key()) {
		return
	}
	action, known := actions[first.Key()]
	if !known {
		action = "unknown command " + first.Key()
	}
	collection, _ := first.Value().StringValueOK()
	if first.Key() == "getMore" {
		collection, _ = m.Body.Lookup("collection").StringValueOK()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.needs[action+" "+collection] = true
	if updates, _ := m.Documents(); action == "update" {
		for _, u := range updates {
			if upsert, _ := u.Lookup("upsert").BooleanOK(); upsert {
				r.needs["insert "+collection] = true
			}
		}
	}
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.needs))
}

// mongoRoles reads deploy/mongo/roles.js: "insert customers" by role.
func mongoRoles(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/mongo/roles.js")
	must(t, err)
	_, rest, _ := strings.Cut(string(text), "const roles = [")
	list, _, found := strings.Cut(rest, "\n];")
	if !found {
		t.Fatal("roles.js has no list of roles")
	}
	list = regexp.MustCompile(`(?m)^ *//.*$`).ReplaceAllString(list, "")
	var roles []struct {
		Role       string
		Privileges []struct {
			Resource struct{ DB, Collection string }
			Actions  []string
		}
	}
	must(t, json.Unmarshal([]byte("["+list+"]"), &roles))
	granted := map[string][]string{}
	for _, role := range roles {
		for _, p := range role.Privileges {
			if p.Resource.DB != "$DB" {
				t.Errorf("%s is given rights in the database %q", role.Role, p.Resource.DB)
			}
			collection := strings.NewReplacer("$COLLECTION", "customers", "$INTO", "again").Replace(p.Resource.Collection)
			for _, action := range p.Actions {
				granted[role.Role] = append(granted[role.Role], action+" "+collection)
			}
		}
		slices.Sort(granted[role.Role])
	}
	return granted
}

// TestMongoRoles compares the roles with the commands that the programs send. No MongoDB with
// access control is at hand, so that they are not refused anything here.
func TestMongoRoles(t *testing.T) {
	t.Parallel()
	server := env.Mongo(t)
	working, rebuilding, viewing := record(t, server), record(t, server), record(t, server)
	r := newRig(t, "stream", "RATE_LIMIT_LIMIT=0", "STREAM_RETENTION=1h", "CONSOLE_ADDR=127.0.0.1:0", "BATCH_SIZE=20")
	through := func(m *recorder) string { return "MONGO_URI=" + m.uri() }
	r.run("producer", "producer", 0, []string{"load", "--as-is", r.file(people(100)...)})

	w := r.start("worker", "worker", "worker_started", through(working))
	w.WaitForLine(late, has(`"duplicate"`))
	r.awaitPending()
	r.stop(w)
	w = r.start("worker", "worker", "worker_started", through(working), "MONGO_INDEXES=on", "MONGO_COLLECTION=indexed")
	env.Eventually(t, soon, func() (bool, string) {
		return slices.Contains(working.all(), "createIndex indexed"), "no index is created"
	})
	r.stop(w)

	r.ctl(0, "rebuild --into again --diff", through(rebuilding))
	r.ctl(0, "rebuild --into again --restart --yes", through(rebuilding))
	// FerretDB refuses to create an index as it lists it; the command is sent all the same.
	r.environ = append(r.environ, through(rebuilding), "MONGO_COLLECTION=indexed")
	r.try("operator", "rebuild", "--into", "reindexed")
	r.environ = append(r.environ, through(viewing), "MONGO_COLLECTION=customers")

	r.ctl(0, "rebuild diff customers again", through(viewing))
	r.ctl(0, "find --customer 1", through(viewing))
	r.ctl(0, "trace --customer 1", through(viewing))
	r.ctl(0, "reconcile --documents", through(viewing))
	r.try("operator", "doctor", "--role", "operator")
	c := r.start("viewer", "console", "console_started", through(viewing))
	r.look(addressOf(t, c, "address"), "/archive", "/api/v1/archive")
	r.stop(c)

	roles := mongoRoles(t)
	for role, m := range map[string]*recorder{"ingestion-worker": working, "ingestion-rebuild": rebuilding} {
		sent := distinct(strings.NewReplacer("reindexed", "again", "indexed", "customers").Replace(strings.Join(m.all(), "\n")))
		if diff := cmp.Diff(roles[role], sent); diff != "" {
			t.Errorf("%s (-roles.js +sent):\n%s", role, diff)
		}
	}
	var sent []string
	for _, need := range viewing.all() { // whose role is for all collections
		action, _, _ := strings.Cut(need, " ")
		sent = append(sent, action+" ")
	}
	if diff := cmp.Diff(roles["ingestion-viewer"], distinct(strings.Join(sent, "\n"))); diff != "" {
		t.Errorf("ingestion-viewer (-roles.js +sent):\n%s", diff)
	}
}

func distinct(lines string) []string {
	list := strings.Split(lines, "\n")
	slices.Sort(list)
	return slices.Compact(list)
}

// awaitPending waits until no entry waits or is held.
func (r *rig) awaitPending() {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		groups, err := r.admin.XInfoGroups(r.t.Context(), streamKey).Result()
		if err != nil || len(groups) != 1 {
			return false, fmt.Sprint(err, len(groups))
		}
		return groups[0].Pending+groups[0].Lag == 0, fmt.Sprintf("%d pending, lag %d", groups[0].Pending, groups[0].Lag)
	})
}
