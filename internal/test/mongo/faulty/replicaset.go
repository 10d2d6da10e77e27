package faulty

import (
	"go.mongodb.org/mongo-driver/v2/bson"
)

const (
	alreadyInitialized      = 23
	noReplicationEnabled    = 76
	invalidReplicaSetConfig = 93
	notWritablePrimary      = 10107
	notPrimaryOrSecondary   = 13436
)

// electionHellos is how many times the only member of a set says that it is secondary,
// after the initiation, before it is primary.
const electionHellos = 3

// replicaSet is the state of a server of Options.ReplicaSet. The server must be locked.
type replicaSet struct {
	member  string // "" until the set is initiated
	hellos  int    // since then
	primary bool
}

// hello returns the fields by which a member says what it is.
func (r *replicaSet) hello(name string) bson.D {
	if r.member == "" {
		return bson.D{
			{Key: "ismaster", Value: false}, {Key: "isWritablePrimary", Value: false}, {Key: "secondary", Value: false},
			{Key: "isreplicaset", Value: true}, {Key: "info", Value: "Does not have a valid replica set config"},
		}
	}
	r.hellos++
	r.primary = r.hellos > electionHellos
	fields := bson.D{
		{Key: "ismaster", Value: r.primary}, {Key: "isWritablePrimary", Value: r.primary}, {Key: "secondary", Value: !r.primary},
		{Key: "setName", Value: name}, {Key: "setVersion", Value: int32(1)}, {Key: "hosts", Value: bson.A{r.member}}, {Key: "me", Value: r.member},
	}
	if r.primary {
		fields = append(fields, bson.E{Key: "primary", Value: r.member})
	}
	return fields
}

// unfit returns the code with which a member refuses a command in its state, 0 if it
// does not.
func (r *replicaSet) unfit(command string) int32 {
	switch command {
	case "find", "getMore", "count", "aggregate", "listCollections", "listIndexes":
		if r.member == "" {
			return notPrimaryOrSecondary
		}
	case "insert", "update", "create", "createIndexes", "drop", "dropDatabase":
		if !r.primary {
			return notWritablePrimary
		}
	}
	return 0
}

// replSetInitiate wants a single member, by the address of the server, as a mongod has to find
// itself among the members.
func (s *Server) replSetInitiate(call *Call) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _ := call.Body.Lookup(call.Name, "_id").StringValueOK()
	host, _ := call.Body.Lookup(call.Name, "members", "0", "host").StringValueOK()
	switch {
	case s.opts.ReplicaSet == "":
		return failure(noReplicationEnabled, "This node was not started with replication enabled.")
	case s.replicas.member != "":
		return failure(alreadyInitialized, "already initialized")
	case name != s.opts.ReplicaSet:
		return failure(invalidReplicaSetConfig, "Attempting to initiate a replica set with name "+name+", but command line reports "+s.opts.ReplicaSet+"; rejecting")
	case host != s.addr:
		return failure(invalidReplicaSetConfig, "No host described in new configuration for replica set "+name+" maps to this node")
	}
	s.replicas.member = host
	return ok()
}

func (s *Server) getCmdLineOpts() bson.D {
	parsed := bson.D{{Key: "net", Value: bson.D{{Key: "bindIp", Value: "*"}}}}
	if s.opts.ReplicaSet != "" {
		parsed = append(parsed, bson.E{Key: "replication", Value: bson.D{{Key: "replSet", Value: s.opts.ReplicaSet}}})
	}
	return ok(bson.E{Key: "argv", Value: bson.A{"mongod"}}, bson.E{Key: "parsed", Value: parsed})
}
