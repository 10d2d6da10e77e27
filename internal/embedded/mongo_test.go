package embedded_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"golang.org/x/sync/errgroup"

	"ingestion/internal/embedded"
)

func startMongo(t *testing.T, dir string) *embedded.Mongo {
	t.Helper()
	server, err := embedded.StartMongo(t.Context(), embedded.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

// use inserts one document through a new client and returns how many there are
// now.
func use(t *testing.T, server *embedded.Mongo) (int64, error) {
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		return 0, err
	}
	documents := client.Database("db").Collection("c")
	_, err = documents.InsertOne(t.Context(), bson.D{{Key: "v", Value: 1}})
	n, countErr := documents.CountDocuments(t.Context(), bson.D{})
	return n, errors.Join(err, countErr, client.Disconnect(t.Context()))
}

func wantAfterUse(t *testing.T, server *embedded.Mongo, want int64) {
	t.Helper()
	if n, err := use(t, server); err != nil || n != want {
		t.Errorf("%d documents (%v), want %d", n, err, want)
	}
}

func closeMongo(t *testing.T, server *embedded.Mongo) {
	t.Helper()
	for range 2 {
		if err := server.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMongoKeepsData(t *testing.T) {
	for _, name := range []string{"plain", "with space & ünïcode+", filepath.Join("not", "there", "yet")} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), name)
			first := startMongo(t, dir)
			wantAfterUse(t, first, 1)
			closeMongo(t, first)
			if _, err := os.Stat(filepath.Join(dir, "db.sqlite")); err != nil {
				t.Error(err)
			}
			second := startMongo(t, dir)
			wantAfterUse(t, second, 2)
			closeMongo(t, second)
		})
	}
}

func TestMongoCloseClosesFilesAndPort(t *testing.T) {
	server := startMongo(t, t.TempDir())
	wantAfterUse(t, server, 1)
	if runtime.GOOS == "linux" && openFiles(t, server.Dir()) == 0 {
		t.Fatal("no file is open while the server runs: openFiles looks in the wrong place")
	}
	closeMongo(t, server)
	if n := openFiles(t, server.Dir()); n != 0 {
		t.Errorf("%d files are still open", n)
	}
	again, err := embedded.StartMongo(t.Context(), embedded.Options{Addr: server.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	closeMongo(t, again)
}

// openFiles counts this process's open files under dir, on systems with /proc.
func openFiles(t *testing.T, dir string) int {
	t.Helper()
	n := 0
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, entry := range entries {
		if path, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name())); err == nil && strings.HasPrefix(path, dir) {
			n++
		}
	}
	return n
}

func TestMongoRemovesTemporaryDirectory(t *testing.T) {
	server := startMongo(t, "")
	wantAfterUse(t, server, 1)
	closeMongo(t, server)
	if _, err := os.Stat(server.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s still exists (%v)", server.Dir(), err)
	}
}

func TestMongoUnusableDirectories(t *testing.T) {
	used := startMongo(t, t.TempDir())
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "")

	for name, c := range map[string]struct{ dir, message string }{
		"in use":     {used.Dir(), "in use by another"},
		"a file":     {file, "must be writable"},
		"URI syntax": {filepath.Join(t.TempDir(), "50%?"), "must not contain"},
	} {
		t.Run(name, func(t *testing.T) {
			server, err := embedded.StartMongo(t.Context(), embedded.Options{Dir: c.dir})
			if err == nil {
				closeMongo(t, server)
			}
			if err == nil || !strings.Contains(err.Error(), c.message) {
				t.Errorf("%v, want an error with %q", err, c.message)
			}
		})
	}
}

func TestMongoClosesUnreadableDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "db.sqlite"), strings.Repeat("no database ", 1000))
	_, err := embedded.StartMongo(t.Context(), embedded.Options{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "must not contain foreign files") {
		t.Errorf("%v, want an error that names the cause", err)
	}
	if n := openFiles(t, dir); n != 0 {
		t.Errorf("%d files are still open", n)
	}
	runtime.GC() // FerretDB panics if it left something open
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestMongoConcurrentServers(t *testing.T) {
	var all errgroup.Group
	for range 6 {
		all.Go(func() error {
			server, err := embedded.StartMongo(t.Context(), embedded.Options{})
			if err != nil {
				return err
			}
			_, err = use(t, server)
			return errors.Join(err, server.Close())
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
}
