package faulty

import (
	"fmt"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/test/mongo/wire"
)

const (
	duplicateKey         = 11000
	commandNotFound      = 59
	authenticationFailed = 18
	internalError        = 1
	duplicateField       = 40413
)

// apply executes a command with a fault and returns the reply.
func (s *Server) apply(call *Call, fault Fault) bson.D {
	if fault.Code != 0 {
		if fault.Applied {
			s.apply(call, Fault{})
		}
		return failure(fault.Code, "told to fail", fault.Labels...)
	}
	reply := s.execute(call, fault)
	if fault.WriteConcern != 0 {
		reply = append(reply, bson.E{Key: "writeConcernError", Value: bson.D{
			{Key: "code", Value: fault.WriteConcern}, {Key: "errmsg", Value: "told to fail"},
		}})
	}
	return reply
}

func (s *Server) execute(call *Call, fault Fault) bson.D {
	if field := repeatedField(call.Body); field != "" {
		return failure(duplicateField, "duplicate field "+field+" in the command")
	}
	if code := s.unfit(call.Name); code != 0 {
		return failure(code, "not in a state for that")
	}
	if s.locked(call) {
		return failure(unauthorized, "command "+call.Name+" requires authentication")
	}
	switch call.Name {
	case "hello":
		return s.hello(call)
	case "replSetInitiate":
		return s.replSetInitiate(call)
	case "getCmdLineOpts":
		return s.getCmdLineOpts()
	case "ping", "endSessions", "killCursors", "createIndexes":
		return ok()
	case "buildInfo":
		return s.buildInfo()
	case "insert":
		return s.insert(call, fault)
	case "update":
		return s.update(call)
	case "create":
		return s.create(call)
	case "listCollections":
		return s.listCollections(call)
	case "listIndexes":
		return s.listIndexes(call)
	case "find":
		return s.find(call)
	case "getMore":
		return s.getMore(call)
	case "count", "aggregate":
		return s.count(call)
	case "drop", "dropDatabase":
		return s.drop(call)
	case "saslStart":
		return s.saslStart(call)
	case "saslContinue":
		return s.saslContinue(call)
	}
	return failure(commandNotFound, "no such command: "+call.Name)
}

// repeatedField returns the name of a duplicate field of a command, which
// MongoDB refuses.
func repeatedField(body bson.Raw) string {
	elements, _ := body.Elements()
	seen := make(map[string]bool, len(elements))
	for _, e := range elements {
		if seen[e.Key()] {
			return e.Key()
		}
		seen[e.Key()] = true
	}
	return ""
}

func ok(fields ...bson.E) bson.D {
	return append(bson.D(fields), bson.E{Key: "ok", Value: 1.0})
}

func failure(code int32, message string, labels ...string) bson.D {
	d := bson.D{{Key: "ok", Value: 0.0}, {Key: "code", Value: code}, {Key: "errmsg", Value: message}}
	if len(labels) > 0 {
		d = append(d, bson.E{Key: "errorLabels", Value: labels})
	}
	return d
}

// hello replies as a standalone server, or as a member of Options.ReplicaSet. Without a
// topologyVersion the driver polls, which keeps its monitors simple.
func (s *Server) hello(call *Call) bson.D {
	fields := append(s.role(),
		bson.D{
			{Key: "helloOk", Value: true},
			{Key: "maxBsonObjectSize", Value: int32(16 << 20)}, {Key: "maxMessageSizeBytes", Value: int32(wire.MaxMessage)},
			{Key: "maxWriteBatchSize", Value: int32(100_000)}, {Key: "localTime", Value: time.Now()},
			{Key: "logicalSessionTimeoutMinutes", Value: int32(30)},
			{Key: "minWireVersion", Value: int32(0)}, {Key: "maxWireVersion", Value: int32(21)}, {Key: "readOnly", Value: false},
		}...)
	if _, err := call.Body.LookupErr("saslSupportedMechs"); err == nil {
		fields = append(fields, bson.E{Key: "saslSupportedMechs", Value: bson.A{"SCRAM-SHA-256"}})
	}
	return ok(fields...)
}

// role returns the fields by which a server says what it is.
func (s *Server) role() bson.D {
	if s.opts.ReplicaSet == "" {
		return bson.D{{Key: "ismaster", Value: true}, {Key: "isWritablePrimary", Value: true}}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replicas.hello(s.opts.ReplicaSet)
}

// unfit returns the code with which the server refuses a command in its state, else 0.
func (s *Server) unfit(command string) int32 {
	if s.opts.ReplicaSet == "" {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.replicas.unfit(command)
}

func (s *Server) buildInfo() bson.D {
	fields := bson.D{{Key: "version", Value: "7.0.0"}, {Key: "versionArray", Value: bson.A{int32(7), int32(0), int32(0), int32(0)}}}
	if s.opts.Ferret {
		fields = append(fields, bson.E{Key: "ferretdbVersion", Value: "v1.24.0"})
	}
	return ok(fields...)
}

func namespaceOf(call *Call) string {
	database, _ := call.Body.Lookup("$db").StringValueOK()
	name, _ := call.Body.Lookup(call.Name).StringValueOK()
	return database + "." + name
}

func (s *Server) insert(call *Call, fault Fault) bson.D {
	ordered := true
	if v, err := call.Body.LookupErr("ordered"); err == nil {
		ordered = v.Boolean()
	}
	refused := make(map[int]bool, len(fault.WriteErrors))
	var writeErrors bson.A
	for _, e := range fault.WriteErrors {
		if e.Index < len(call.Documents) {
			refused[e.Index] = true
			writeErrors = append(writeErrors, writeError(e, call.Documents[e.Index]))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	inserted, duplicates, err := s.insertLocked(namespaceOf(call), call.Documents, refused, ordered)
	if err != nil {
		return failure(internalError, err.Error())
	}
	for _, i := range duplicates {
		writeErrors = append(writeErrors, writeError(s.duplicate(i), call.Documents[i]))
	}
	fields := bson.D{{Key: "n", Value: int32(inserted)}}
	if len(writeErrors) > 0 {
		fields = append(fields, bson.E{Key: "writeErrors", Value: writeErrors})
	}
	return ok(fields...)
}

func (s *Server) duplicate(index int) WriteError {
	e := WriteError{Index: index, Code: duplicateKey}
	if !s.opts.Ferret {
		e.KeyPattern = bson.D{{Key: "_id", Value: int32(1)}}
	}
	return e
}

// writeError quotes the whole document in its message, as MongoDB's messages
// quote values: logging them would leak data.
func writeError(e WriteError, doc bson.Raw) bson.D {
	d := bson.D{
		{Key: "index", Value: int32(e.Index)}, {Key: "code", Value: e.Code},
		{Key: "errmsg", Value: fmt.Sprintf("E%d refused: %s", e.Code, doc)},
	}
	if e.KeyPattern != nil {
		d = append(d, bson.E{Key: "keyPattern", Value: e.KeyPattern}, bson.E{Key: "keyValue", Value: doc})
	}
	return d
}

func (s *Server) find(call *Call) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.collection(namespaceOf(call))
	filter, _ := call.Body.Lookup("filter").DocumentOK()
	docs, ok := c.match(filter)
	if !ok {
		return failure(commandNotFound, "faulty knows filters by _id only")
	}
	if _, err := call.Body.LookupErr("sort", "_id"); err == nil {
		sortByID(docs)
	}
	if limit, _ := call.Body.Lookup("limit").AsInt64OK(); limit > 0 && int(limit) < len(docs) {
		docs = docs[:limit]
	}
	size := 101
	if n, given := call.Body.Lookup("batchSize").AsInt64OK(); given {
		size = int(n)
	}
	return s.page("firstBatch", namespaceOf(call), 0, docs, size)
}

// match returns the documents that match a filter: {}, {_id: x} or {_id: {$in:
// […]}}, and in the latter two after the _id fields that have to be equal.
func (c *collection) match(filter bson.Raw) ([]bson.Raw, bool) {
	elements, err := filter.Elements()
	if err != nil || len(elements) == 0 {
		return c.all(), err == nil
	}
	if elements[0].Key() != "_id" {
		return nil, false
	}
	wanted := []bson.RawValue{elements[0].Value()}
	if operator, ok := wanted[0].DocumentOK(); ok {
		array, ok := operator.Lookup("$in").ArrayOK()
		if !ok {
			return nil, false
		}
		if wanted, err = array.Values(); err != nil {
			return nil, false
		}
	}
	var docs []bson.Raw
	for _, id := range wanted {
		if doc, there := c.byID[idKey(id)]; there && equal(doc, elements[1:]) {
			docs = append(docs, doc)
		}
	}
	return docs, true
}

// equal reports whether a document has these fields.
func equal(doc bson.Raw, fields []bson.RawElement) bool {
	return !slices.ContainsFunc(fields, func(e bson.RawElement) bool { return !doc.Lookup(e.Key()).Equal(e.Value()) })
}

// page replies with the next documents of a cursor and keeps the rest.
func (s *Server) page(field, namespace string, cursor int64, docs []bson.Raw, size int) bson.D {
	const maxBytes = 12 << 20
	batch, bytes := bson.A{}, 0
	for len(docs) > 0 && len(batch) < size && (bytes == 0 || bytes+len(docs[0]) < maxBytes) {
		bytes += len(docs[0])
		batch, docs = append(batch, docs[0]), docs[1:]
	}
	delete(s.cursors, cursor)
	if len(docs) == 0 {
		cursor = 0
	} else {
		if cursor == 0 {
			s.lastID++
			cursor = s.lastID
		}
		s.cursors[cursor] = docs
	}
	return ok(bson.E{Key: "cursor", Value: bson.D{
		{Key: field, Value: batch}, {Key: "id", Value: cursor}, {Key: "ns", Value: namespace},
	}})
}

func (s *Server) getMore(call *Call) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	cursor, _ := call.Body.Lookup("getMore").AsInt64OK()
	database, _ := call.Body.Lookup("$db").StringValueOK()
	name, _ := call.Body.Lookup("collection").StringValueOK()
	size := 1 << 20
	if n, given := call.Body.Lookup("batchSize").AsInt64OK(); given && n > 0 {
		size = int(n)
	}
	return s.page("nextBatch", database+"."+name, cursor, s.cursors[cursor], size)
}

// count replies to both count and the aggregation that CountDocuments sends; it
// ignores the filter.
func (s *Server) count(call *Call) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := int32(len(s.collection(namespaceOf(call)).ids))
	if call.Name == "count" {
		return ok(bson.E{Key: "n", Value: n})
	}
	batch := bson.A{}
	if n > 0 {
		batch = append(batch, bson.D{{Key: "_id", Value: int32(1)}, {Key: "n", Value: n}})
	}
	return whole(batch, namespaceOf(call))
}

// drop empties a collection or a database.
func (s *Server) drop(call *Call) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	prefix := namespaceOf(call)
	for namespace := range s.data {
		if namespace == prefix || call.Name == "dropDatabase" && inDatabase(namespace, prefix) {
			if err := s.forget(namespace); err != nil {
				return failure(internalError, err.Error())
			}
		}
	}
	return ok()
}
