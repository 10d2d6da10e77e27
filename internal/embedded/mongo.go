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

// Options says where a Mongo listens and keeps its data.
type Options struct {
	// Addr is a host and port; "" means 127.0.0.1:0, a free port.
	Addr string
	// Dir holds the data and is made if it is not there. What it holds
	// already is served again. "" means a temporary folder that Close removes.
	Dir string
}

// Mongo is a FerretDB on SQLite files: it speaks MongoDB's wire protocol, but
// ignores write concerns and names no index in a duplicate key error.
type Mongo struct {
	uri, addr string
	dir       *dataDir
	cancel    context.CancelFunc
	done      chan struct{}
	runErr    error // to be read once done is closed
	close     func() error
}

// building guards ferretdb.New, which writes to a variable of its package.
var building sync.Mutex

// StartMongo starts a MongoDB. It answers when StartMongo returns and runs
// until Close; ctx bounds the start alone.
func StartMongo(ctx context.Context, opts Options) (*Mongo, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("embedded MongoDB is not started: %w", err)
	}
	if opts.Addr == "" {
		opts.Addr = "127.0.0.1:0"
	}
	if err := probe("MongoDB", opts.Addr); err != nil {
		return nil, err
	}
	dir, err := openDataDir(opts.Dir)
	if err != nil {
		return nil, err
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
		return nil, fmt.Errorf("embedded MongoDB cannot start on %q with its data in %q: see that the folder holds nothing but its own data: %w",
			addr, dir.path, err)
	}
	return server, nil
}

func run(server *ferretdb.FerretDB, dir *dataDir) (*Mongo, error) {
	uri := server.MongoDBURI()
	at, err := url.Parse(uri)
	if err != nil {
		return nil, fmt.Errorf("embedded MongoDB names itself %q: %w", uri, err)
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

// Addr is the host and port on which the server listens.
func (m *Mongo) Addr() string { return m.addr }

// URI is the server's address as MONGO_URI takes it.
func (m *Mongo) URI() string { return m.uri }

// Dir is the folder with the data.
func (m *Mongo) Dir() string { return m.dir.path }

// Close takes no new clients, gives those connected up to three seconds to
// disconnect, and returns when the server is down and its files are closed;
// a temporary folder is gone then. Calls after the first return the same.
func (m *Mongo) Close() error { return m.close() }

func (m *Mongo) shutDown() error {
	m.cancel()
	<-m.done
	return errors.Join(m.runErr, m.dir.close())
}
