package faulty

import (
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const namespaceExists = 48

// update replaces documents, or sets fields of them: {q: {_id: x, …}, u: document or {$set:
// …}, upsert}. Other fields of q have to be equal.
func (s *Server) update(call *Call) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	matched, upserted := 0, bson.A{}
	for i, one := range call.Documents {
		filter, _ := one.Lookup("q").DocumentOK()
		change, _ := one.Lookup("u").DocumentOK()
		upsert, _ := one.Lookup("upsert").BooleanOK()
		id, err := filter.LookupErr("_id")
		if err != nil {
			return failure(commandNotFound, "faulty knows updates by _id only")
		}
		found, _ := s.collection(namespaceOf(call)).match(filter)
		if len(found) == 0 && !upsert {
			continue
		}
		doc, err := changed(found, change, id)
		if err == nil {
			err = s.put(namespaceOf(call), doc)
		}
		if err != nil {
			return failure(internalError, err.Error())
		}
		if matched++; len(found) == 0 {
			upserted = append(upserted, bson.D{{Key: "index", Value: int32(i)}, {Key: "_id", Value: id}})
		}
	}
	reply := bson.D{{Key: "n", Value: int32(matched)}, {Key: "nModified", Value: int32(matched - len(upserted))}}
	if len(upserted) > 0 {
		reply = append(reply, bson.E{Key: "upserted", Value: upserted})
	}
	return ok(reply...)
}

// changed is the document with this _id after a change of the one found, if any was.
func changed(found []bson.Raw, change bson.Raw, id bson.RawValue) (bson.Raw, error) {
	fields, replaces := bson.D{}, true
	if set, ok := change.Lookup("$set").DocumentOK(); ok {
		change, replaces = set, false
	}
	if !replaces && len(found) > 0 {
		if err := bson.Unmarshal(found[0], &fields); err != nil {
			return nil, err
		}
	}
	elements, err := change.Elements()
	if err != nil {
		return nil, err
	}
	fields = with(fields, "_id", id)
	for _, e := range elements {
		fields = with(fields, e.Key(), e.Value())
	}
	return bson.Marshal(fields)
}

func with(fields bson.D, key string, value bson.RawValue) bson.D {
	at := slices.IndexFunc(fields, func(e bson.E) bool { return e.Key == key })
	if at < 0 {
		return append(fields, bson.E{Key: key, Value: value})
	}
	fields[at].Value = value
	return fields
}

// create fails if the collection exists, as MongoDB does.
func (s *Server) create(call *Call) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, exists := s.data[namespaceOf(call)]; exists {
		return failure(namespaceExists, "Collection "+namespaceOf(call)+" already exists.")
	}
	s.collection(namespaceOf(call))
	return ok()
}

// listCollections knows filters by name.
func (s *Server) listCollections(call *Call) bson.D {
	s.mu.Lock()
	defer s.mu.Unlock()
	database, _ := call.Body.Lookup("$db").StringValueOK()
	wanted, named := call.Body.Lookup("filter", "name").StringValueOK()
	list := bson.A{}
	for namespace := range s.data {
		name, in := strings.CutPrefix(namespace, database+".")
		if in && (!named || name == wanted) {
			list = append(list, bson.D{{Key: "name", Value: name}, {Key: "type", Value: "collection"}, {Key: "options", Value: bson.D{}}})
		}
	}
	return whole(list, database+".$cmd.listCollections")
}

// listIndexes returns the index that every collection has.
func (s *Server) listIndexes(call *Call) bson.D {
	index := bson.D{{Key: "v", Value: int32(2)}, {Key: "key", Value: bson.D{{Key: "_id", Value: int32(1)}}}, {Key: "name", Value: "_id_"}}
	return whole(bson.A{index}, namespaceOf(call))
}

// whole is a reply of one page.
func whole(list bson.A, namespace string) bson.D {
	return ok(bson.E{Key: "cursor", Value: bson.D{
		{Key: "firstBatch", Value: list}, {Key: "id", Value: int64(0)}, {Key: "ns", Value: namespace},
	}})
}

// sortByID sorts documents whose _ids are all strings as MongoDB does.
func sortByID(docs []bson.Raw) {
	slices.SortFunc(docs, func(a, b bson.Raw) int {
		return strings.Compare(a.Lookup("_id").StringValue(), b.Lookup("_id").StringValue())
	})
}
