package env

import (
	"cmp"
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/internal/test/env/container"
	"ingestion/internal/test/env/servers"
)

// SharedMongoServer is a MongoDB that others may use at the same time: a test
// uses only its Database.
type SharedMongoServer struct {
	URI      string
	Database string // differs from test to test

	client *mongo.Client
}

// SharedMongo finds a MongoDB for a test that does not need to control the
// server, and logs which one:
//
//  1. a container, if INTEGRATION_MONGO is "container" (which must succeed
//     then) or "auto"; MONGO_IMAGE names the image, else mongo:7;
//  2. the FerretDB of Mongo.
//
// The test's database is dropped when it ends. A container is shared like that
// of SharedRedis.
func SharedMongo(t testing.TB) *SharedMongoServer {
	t.Helper()
	s := &SharedMongoServer{URI: sharedMongoURI(t), Database: "test_" + strings.ToLower(rand.Text())}
	client, err := mongo.Connect(options.Client().ApplyURI(s.URI))
	if err != nil {
		t.Fatal(err)
	}
	s.client = client
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		if err := s.client.Database(s.Database).Drop(ctx); err != nil {
			t.Errorf("the database %s remains in the shared MongoDB: %v", s.Database, err)
		}
		_ = client.Disconnect(ctx) // nothing of the test depends on it
	})
	return s
}

// sharedMongoURI finds the server and notes its kind.
func sharedMongoURI(t testing.TB) string {
	t.Helper()
	switch want := os.Getenv("INTEGRATION_MONGO"); want {
	case "container", "auto":
		image := cmp.Or(os.Getenv("MONGO_IMAGE"), "mongo:7")
		if uri, ok := containerURL(t, "INTEGRATION_MONGO", want == "container", image, container.Mongo); ok {
			note(t, servers.ContainerMongo)
			t.Logf("MongoDB of this test: %s", servers.ContainerMongo)
			return uri
		}
	case "", "local":
	default:
		t.Fatalf("INTEGRATION_MONGO must be container, auto or local, not %q", want)
	}
	return Mongo(t).URI()
}

// Collection returns a collection of the test's database.
func (s *SharedMongoServer) Collection(name string) *mongo.Collection {
	return s.client.Database(s.Database).Collection(name)
}
