package store

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// ReplicaSet is what Initiate found or made.
type ReplicaSet struct {
	// Name is "" if the server belongs to no replica set, or was not asked.
	Name string
	// Initiated reports that the call has initiated the set.
	Initiated bool
}

// Initiate initiates the replica set of a server that was started as a member of one (mongod
// --replSet) which nobody has initiated, with that server as its only member. The member's
// host is the one in the connection string, so it must be a name under which the clients and the
// server itself reach it. Servers without replica sets, sets that are initiated, and connection
// strings with several servers are left as they are, so Initiate may be called at every start.
//
// It waits for the server to answer, but not for the election of a primary: Await does. It
// fails at once if the error is Permanent, and when ctx ends; then the error wraps ctx's
// error and the last failure.
func Initiate(ctx context.Context, opts *options.ClientOptions) (ReplicaSet, error) {
	if !namesOneServer(opts) {
		return ReplicaSet{}, nil
	}
	direct := *opts
	direct.ReplicaSet = nil // with it, the driver takes a server without a set for none
	client, err := mongo.Connect(direct.SetDirect(true))
	if err != nil {
		return ReplicaSet{}, fmt.Errorf("store: connect to the server alone: %w", err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = client.Disconnect(ctx) // nothing is lost by a connection that stays open
	}()
	s, err := New(client.Database("admin").Collection("system.replset"), Options{MaxBackoff: time.Second})
	if err != nil {
		return ReplicaSet{}, err
	}
	m := member{store: s, host: opts.Hosts[0]}
	if opts.ReplicaSet != nil {
		m.wanted = *opts.ReplicaSet
	}
	err = s.retry(ctx, "initiate the replica set", Permanent, m.initiate)
	return m.set, err
}

// namesOneServer reports whether a direct connection is possible.
func namesOneServer(opts *options.ClientOptions) bool {
	balanced := opts.LoadBalanced != nil && *opts.LoadBalanced
	return len(opts.Hosts) == 1 && !balanced && !strings.HasPrefix(opts.GetURI(), "mongodb+srv://")
}

// member is a server that is to be the only member of its set.
type member struct {
	store  *Store // of a direct connection to the database admin
	host   string
	wanted string // the name of the set, "" if the server is to say it
	set    ReplicaSet
}

// initiate is one attempt.
func (m *member) initiate(ctx context.Context) error {
	hello, err := m.run(ctx, bson.D{{Key: "hello", Value: 1}})
	if err != nil {
		return err
	}
	uninitiated, _ := hello.Lookup("isreplicaset").BooleanOK()
	if !uninitiated {
		m.set.Name, _ = hello.Lookup("setName").StringValueOK()
		return nil
	}
	name, err := m.name(ctx)
	if err != nil {
		return err
	}
	_, err = m.run(ctx, bson.D{{Key: "replSetInitiate", Value: bson.D{
		{Key: "_id", Value: name},
		{Key: "members", Value: bson.A{bson.D{{Key: "_id", Value: 0}, {Key: "host", Value: m.host}}}},
	}}})
	if code := codeOf(err); err != nil && code != alreadyInitialized {
		return err
	}
	m.set = ReplicaSet{Name: name, Initiated: err == nil}
	return nil
}

// name returns the name of the set that the server was started with.
func (m *member) name(ctx context.Context) (string, error) {
	if m.wanted != "" {
		return m.wanted, nil
	}
	reply, err := m.run(ctx, bson.D{{Key: "getCmdLineOpts", Value: 1}})
	if err != nil {
		return "", err
	}
	flag, _ := reply.Lookup("parsed", "replication", "replSet").StringValueOK()
	setting, _ := reply.Lookup("parsed", "replication", "replSetName").StringValueOK()
	if name := cmp.Or(flag, setting); name != "" {
		return name, nil
	}
	return "", &Error{Class: Configuration, text: "the server does not say the name of its replica set: add replicaSet=NAME to the connection string"}
}

// The codes of the server's replies to replSetInitiate.
const (
	unauthorized            = 13
	alreadyInitialized      = 23
	nodeNotFound            = 74
	invalidReplicaSetConfig = 93
)

// run runs a command. The error is an *Error.
func (m *member) run(ctx context.Context, command bson.D) (bson.Raw, error) {
	timeout := m.store.pace.current().timeout
	reply, err := m.store.command(ctx, timeout, command)
	if err == nil {
		return reply, nil
	}
	failure := newError(classifyLookup(err), err, timeout)
	switch failure.Code {
	case unauthorized:
		failure.text = "the user in the connection string may not initiate the replica set (MongoDB code 13); " +
			"initiate it on the server, by rs.initiate() in mongosh, or give the user the role clusterManager"
	case invalidReplicaSetConfig:
		failure.Class = Configuration
		fallthrough
	case nodeNotFound:
		failure.text = fmt.Sprintf("the server refuses to be the only member %s of its replica set (MongoDB code %d); "+
			"it must reach itself under the name in the connection string, and replicaSet, if set there, must be as in its own configuration", m.host, failure.Code)
	}
	return nil, failure
}

// codeOf returns the server's code of an *Error, else 0.
func codeOf(err error) int32 {
	if failure, ok := err.(*Error); ok {
		return failure.Code
	}
	return 0
}
