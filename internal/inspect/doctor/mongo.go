package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"ingestion/internal/plural"
	"ingestion/internal/version"
	"ingestion/store"
)

// minMongo is the oldest version that the driver works with.
const minMongo = "4.2"

func mongoReachable(ctx context.Context, e *exam, f *findings) error {
	opts, err := e.cfg.MongoOptions(nil)
	if err != nil {
		f.add(Error, "MONGO_URI, MONGO_PASSWORD_FILE: "+err.Error(), "no program can connect to MongoDB", "correct the setting")
		return nil
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		f.add(Error, "MONGO_URI: the driver can't use it", "no program can connect to MongoDB", "check its options")
		return nil
	}
	e.mongo = client
	if err = e.readOnce(ctx); err == nil {
		e.hello, err = e.helloOf(ctx)
	}
	if err != nil {
		e.mongo = nil
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = client.Disconnect(ctx)
		f.add(Error, "MongoDB at "+e.cfg.MongoURI.String()+" can't be used: "+err.Error(), "workers wait, and stop reading the queue", "start MongoDB, or correct MONGO_URI, user and password")
	}
	return nil
}

// readOnce reads as a worker does at its start.
func (e *exam) readOnce(ctx context.Context) error {
	s, err := store.New(e.mongo.Database(e.cfg.MongoDB).Collection(e.cfg.MongoCollection), store.Options{CommandTimeout: checkTimeout})
	if err != nil {
		return err
	}
	return s.Check(ctx)
}

func (e *exam) helloOf(ctx context.Context) (bson.Raw, error) {
	return e.command(ctx, "admin", bson.D{{Key: "hello", Value: 1}})
}

// command runs a command that reads. MongoDB's texts quote values, so errors have the code only.
func (e *exam) command(ctx context.Context, database string, command bson.D) (bson.Raw, error) {
	reply, err := e.mongo.Database(database).RunCommand(ctx, command, options.RunCmd().SetReadPreference(readpref.Primary())).Raw()
	return reply, plainMongo(command[0].Key, err)
}

func plainMongo(command string, err error) error {
	var refused mongo.CommandError
	switch {
	case err == nil, errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &refused) && refused.Code == 13:
		return fmt.Errorf("the user may not run %s", command)
	case errors.As(err, &refused):
		return fmt.Errorf("MongoDB refuses %s (code %d %s)", command, refused.Code, refused.Name)
	default:
		return fmt.Errorf("MongoDB does not answer %s", command)
	}
}

func mongoVersion(ctx context.Context, e *exam, f *findings) error {
	info, err := e.command(ctx, "admin", bson.D{{Key: "buildInfo", Value: 1}})
	if err != nil {
		return err
	}
	v, _ := info.Lookup("version").StringValueOK()
	if v != "" && version.Older(v, minMongo) {
		f.add(Error, "this MongoDB is version "+v, "the driver does not support it", "upgrade to a version that MongoDB supports")
	}
	return nil
}

// isFerret reports whether the server is a FerretDB.
func (e *exam) isFerret(ctx context.Context) bool {
	info, err := e.command(ctx, "admin", bson.D{{Key: "buildInfo", Value: 1}})
	if err != nil {
		return false
	}
	for _, name := range []string{"ferretdb", "ferretdbVersion", "ferretdbFeatures"} {
		if _, err := info.LookupErr(name); err == nil {
			return true
		}
	}
	return false
}

func mongoReplicaSet(ctx context.Context, e *exam, f *findings) error {
	if e.isRouter() {
		return nil // the shards are behind it
	}
	if writable, told := e.hello.Lookup("isWritablePrimary").BooleanOK(); told && !writable {
		f.add(Error, "this MongoDB is no primary", "it refuses writes", "let MONGO_URI name the replica set: mongodb://h1,h2,h3/?replicaSet=NAME")
		return nil
	}
	if name, _ := e.hello.Lookup("setName").StringValueOK(); name == "" {
		what, why := "this MongoDB is no replica set", "a majority of one confirms each write, so documents are lost with its disk"
		remedy := "convert it to a replica set of three members"
		if e.isFerret(ctx) {
			what, why = "this is a FerretDB, which ignores write concerns", "documents are lost with its disk, or with the latest writes of its database"
			remedy = "use a replica set of MongoDB where documents must survive the loss of a server"
		}
		f.add(Warning, what, why, remedy)
		return nil
	}
	e.lookAtMembers(ctx, f)
	return nil
}

// isRouter reports whether the server is a mongos.
func (e *exam) isRouter() bool {
	message, _ := e.hello.Lookup("msg").StringValueOK()
	return message == "isdbgrid"
}

// maxMemberLag is how far a secondary may be behind the primary.
const maxMemberLag = 30 * time.Second

func (e *exam) lookAtMembers(ctx context.Context, f *findings) {
	hosts := append(textsIn(e.hello, "hosts"), textsIn(e.hello, "passives")...) // members with data
	written, _ := e.hello.Lookup("lastWrite", "lastWriteDate").TimeOK()
	answers, failures := make([]bson.Raw, len(hosts)), make([]error, len(hosts))
	together(len(hosts), func(i int) { answers[i], failures[i] = e.helloFrom(ctx, hosts[i]) })
	up := 0
	for i, host := range hosts {
		if failures[i] != nil {
			f.add(Warning, fmt.Sprintf("the member %s of the replica set does not answer from here", host),
				"each member that is down brings writes with majority closer to waiting for ever", "start it, or let this host reach it")
			continue
		}
		up++
		theirs, told := answers[i].Lookup("lastWrite", "lastWriteDate").TimeOK()
		if lag := written.Sub(theirs); told && !written.IsZero() && lag > maxMemberLag {
			f.add(Warning, fmt.Sprintf("the member %s is %v behind the primary", host, lag.Round(time.Second)),
				"if it is needed for a majority, inserts wait for it", "see its load, its disk and its network")
		}
	}
	if voting := len(hosts) + len(textsIn(e.hello, "arbiters")); up <= voting/2 {
		f.add(Error, fmt.Sprintf("only %d of %s that can confirm writes answer", up, plural.Of(len(hosts), "member", "members")),
			"inserts with write concern majority wait for ever", "start the other members")
	}
	if len(hosts) < 3 {
		f.add(Warning, fmt.Sprintf("the replica set has %s that can confirm writes", plural.Of(len(hosts), "member", "members")),
			"inserts wait for ever once one of them is down", "use three members with data")
	}
}

func textsIn(doc bson.Raw, field string) (list []string) {
	array, _ := doc.Lookup(field).ArrayOK()
	values, _ := array.Values()
	for _, value := range values {
		if text, ok := value.StringValueOK(); ok {
			list = append(list, text)
		}
	}
	return list
}

// helloFrom asks one member. That needs no login.
func (e *exam) helloFrom(ctx context.Context, host string) (bson.Raw, error) {
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	ours, err := e.cfg.MongoOptions(nil)
	if err != nil {
		return nil, err
	}
	opts := options.Client().SetHosts([]string{host}).SetDirect(true).SetServerSelectionTimeout(serverTimeout)
	opts.TLSConfig, opts.Dialer = ours.TLSConfig, ours.Dialer
	client, err := mongo.Connect(opts)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }()
	return client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}, options.RunCmd().SetReadPreference(readpref.Nearest())).Raw()
}

func mongoRights(ctx context.Context, e *exam, f *findings) error {
	status, err := e.command(ctx, "admin", bson.D{{Key: "connectionStatus", Value: 1}, {Key: "showPrivileges", Value: true}})
	if err != nil {
		return err
	}
	users, _ := status.Lookup("authInfo", "authenticatedUsers").ArrayOK()
	if list, err := users.Values(); err != nil || len(list) == 0 {
		return nil // no access control, or the find at the start would have failed
	}
	needed := slices.Clone(mongoActions[e.role])
	if bool(e.cfg.MongoIndexes) && slices.Contains(needed, "insert") {
		needed = append(needed, "createIndex")
	}
	privileges, _ := status.Lookup("authInfo", "authenticatedUserPrivileges").ArrayOK()
	list, _ := privileges.Values()
	for _, value := range list {
		if p, ok := value.DocumentOK(); ok && e.covers(p) {
			granted := textsIn(p, "actions")
			needed = slices.DeleteFunc(needed, func(action string) bool {
				return slices.Contains(granted, action) || slices.Contains(granted, "anyAction")
			})
		}
	}
	if len(needed) > 0 {
		f.add(Error, fmt.Sprintf("the MongoDB user may not %s in %s.%s", strings.Join(needed, ", "), e.cfg.MongoDB, e.cfg.MongoCollection),
			fmt.Sprintf("the %s can't read documents, or not write them", e.role), "give the user its role of deploy/mongo/roles.js, or readWrite on the database "+e.cfg.MongoDB)
	}
	return nil
}

// mongoActions are what each role does in the collection.
var mongoActions = map[Role][]string{
	Worker:   {"find", "insert"},
	Operator: {"find"},
	Viewer:   {"find"},
}

// covers reports whether a privilege is one to our collection.
func (e *exam) covers(privilege bson.Raw) bool {
	if any, ok := privilege.Lookup("resource", "anyResource").BooleanOK(); ok && any {
		return true
	}
	database, isCollection := privilege.Lookup("resource", "db").StringValueOK()
	collection, _ := privilege.Lookup("resource", "collection").StringValueOK()
	return isCollection && (database == "" || database == e.cfg.MongoDB) && (collection == "" || collection == e.cfg.MongoCollection)
}
