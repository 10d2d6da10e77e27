package env

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/internal/test/env/servers"
)

// MongoServer is a MongoDB (FerretDB on SQLite) of the test's own.
type MongoServer struct {
	t    testing.TB
	addr string
	node mongoNode
}

// mongoNode is how a MongoServer runs.
type mongoNode interface {
	start(t testing.TB, addr string) (bound string)
	stop(t testing.TB)
	kill(t testing.TB)
}

// Mongo starts a FerretDB in this process; under the race detector, which makes
// SQLite many times slower, as a process of its own without it.
func Mongo(t testing.TB) *MongoServer {
	t.Helper()
	if raceEnabled {
		return MongoProcess(t)
	}
	note(t, servers.EmbeddedMongo)
	return startMongo(t, &embeddedNode{dir: dataDir(t)})
}

// MongoProcess starts a FerretDB as a process of its own, which can be killed.
func MongoProcess(t testing.TB) *MongoServer {
	t.Helper()
	note(t, servers.ProcessMongo)
	return startMongo(t, &processNode{bin: BuildPlain(t, "ingestion/cmd/standalone"), dir: dataDir(t)})
}

func startMongo(t testing.TB, node mongoNode) *MongoServer {
	t.Helper()
	return &MongoServer{t: t, node: node, addr: node.start(t, "127.0.0.1:0")}
}

// Addr returns the host and port, which stay the same across Stop and Start.
func (s *MongoServer) Addr() string { return s.addr }

// URI returns the value of MONGO_URI for the server.
func (s *MongoServer) URI() string { return "mongodb://" + s.addr + "/" }

// Database returns the test's database, with a new client that is disconnected
// when the test ends. Each call returns the same database.
func (s *MongoServer) Database(t testing.TB) *mongo.Database {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = client.Disconnect(ctx) // the test may have disconnected it itself
	})
	return client.Database("ingestion_test")
}

// Stop shuts the server down cleanly and waits for it; connected clients delay
// that by three seconds. Port and data are kept for Start.
func (s *MongoServer) Stop() {
	s.t.Helper()
	s.node.stop(s.t)
}

// Kill kills a server of MongoProcess and waits for its exit. Port and data are
// kept for Start.
func (s *MongoServer) Kill() {
	s.t.Helper()
	s.node.kill(s.t)
}

// Start restarts the server after Stop or Kill, on the same port and data.
func (s *MongoServer) Start() {
	s.t.Helper()
	s.node.start(s.t, s.addr)
}
