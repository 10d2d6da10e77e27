package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// Options says where a Mongo listens and stores its data.
type Options struct {
	// Addr is a host:port; "" means any free port of 127.0.0.1.
	Addr string
	// Dir is the data directory. It is created if necessary; existing data is
	// kept. "" means a temporary directory that Close removes.
	Dir string
}

// Mongo is a FerretDB on SQLite files. It speaks MongoDB's wire protocol, but
// ignores write concerns and does not name the index in a duplicate key error.
type Mongo struct {
	uri, addr string
	dir       *dataDir
	cancel    context.CancelFunc
	done      chan struct{}
	runErr    error // valid once done is closed
	close     func() error
}

// building guards ferretdb.New, which writes to a package variable.
var building sync.Mutex

// StartMongo starts a MongoDB. It accepts clients when StartMongo returns, and
// runs until Close; ctx bounds only the start.
func StartMongo(ctx context.Context, opts Options) (*Mongo, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("starting embedded MongoDB: %w", err)
	}
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	if err := probe("MongoDB", opts.Addr); err != nil {
		return nil, err
	}
	dir, err := openDataDir(opts.Dir)
	if err != nil {
		return nil, &DirError{Dir: opts.Dir, err: err}
	}
	server, err := build(opts.Addr, dir)
	if err != nil {
		return nil, errors.Join(err, dir.close())
	}
	return run(server, dir)
}

func build(addr string, dir *dataDir) (*ferretdb.FerretDB, error) {
	building.Lock()
	defer building.Unlock()
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: addr},
		Logger:    slog.New(slog.DiscardHandler),
		Handler:   "sqlite",
		SQLiteURL: dir.sqliteURL(),
	})
	if err != nil {
		return nil, fmt.Errorf("starting embedded MongoDB on %q with data directory %q, which must not contain foreign files: %w",
			addr, dir.path, err)
	}
	return server, nil
}

func run(server *ferretdb.FerretDB, dir *dataDir) (*Mongo, error) {
	uri := server.MongoDBURI()
	at, err := url.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("parsing the URI of the embedded MongoDB: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &Mongo{uri: uri, addr: at.Host, dir: dir, cancel: cancel, done: make(chan struct{})}
	m.close = sync.OnceValue(m.shutDown)
	go func() {
		defer close(m.done)
		m.runErr = server.Run(ctx)
	}()
	return m, nil
}

// Addr returns the host:port on which the server listens.
func (m *Mongo) Addr() string { return m.addr }

// URI returns the server's connection string.
func (m *Mongo) URI() string { return m.uri }

// Dir returns the data directory.
func (m *Mongo) Dir() string { return m.dir.path }

// Close stops accepting clients, waits up to three seconds for those connected to
// disconnect, closes the files and removes a temporary directory. Calls after the
// first return the same error.
func (m *Mongo) Close() error { return m.close() }

func (m *Mongo) shutDown() error {
	m.cancel()
	<-m.done
	return errors.Join(m.runErr, m.dir.close())
}
