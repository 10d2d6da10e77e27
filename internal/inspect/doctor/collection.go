package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"ingestion/internal/config"
)

// collection returns what MongoDB knows of the collection; nil if it does not exist yet.
func (e *exam) collection(ctx context.Context) (bson.Raw, error) {
	reply, err := e.command(ctx, e.cfg.MongoDB, bson.D{
		{Key: "listCollections", Value: 1}, {Key: "filter", Value: bson.D{{Key: "name", Value: e.cfg.MongoCollection}}},
	})
	if err != nil {
		return nil, err
	}
	for _, doc := range firstBatch(reply) {
		if name, _ := doc.Lookup("name").StringValueOK(); name == e.cfg.MongoCollection {
			return doc, nil
		}
	}
	return nil, nil
}

func firstBatch(reply bson.Raw) (docs []bson.Raw) {
	array, _ := reply.Lookup("cursor", "firstBatch").ArrayOK()
	values, _ := array.Values()
	for _, value := range values {
		if doc, ok := value.DocumentOK(); ok {
			docs = append(docs, doc)
		}
	}
	return docs
}

func mongoCollection(ctx context.Context, e *exam, f *findings) error {
	info, err := e.collection(ctx)
	if err != nil || info == nil {
		return err
	}
	name := e.cfg.MongoDB + "." + e.cfg.MongoCollection
	const remedy = "choose another MONGO_COLLECTION, or create it as an ordinary collection"
	switch kind, _ := info.Lookup("type").StringValueOK(); kind {
	case "view":
		f.add(Error, name+" is a view", "nothing can be inserted into it", remedy)
	case "timeseries":
		f.add(Error, name+" is a time-series collection", "its _id is not unique, so records delivered twice are stored twice", remedy)
	}
	if capped, _ := info.Lookup("options", "capped").BooleanOK(); capped {
		f.add(Error, name+" is a capped collection", "MongoDB deletes the oldest documents when it is full", remedy)
	}
	if e.isRouter() {
		return e.lookAtShards(ctx, name, f)
	}
	return nil
}

// lookAtShards finds a shard key other than the _id.
func (e *exam) lookAtShards(ctx context.Context, name string, f *findings) error {
	reply, err := e.command(ctx, "config", bson.D{{Key: "find", Value: "collections"}, {Key: "filter", Value: bson.D{{Key: "_id", Value: name}}}})
	if err != nil {
		return err
	}
	for _, sharded := range firstBatch(reply) {
		if fields := fieldsIn(sharded.Lookup("key")); !slices.Equal(fields, []string{"_id"}) {
			f.add(Error, fmt.Sprintf("%s is sharded by %s", name, strings.Join(fields, ", ")),
				"an _id is unique on each shard only, so a record that is delivered twice, or sent again with another value there, may be stored twice",
				"shard the collection by _id (hashed)")
		}
	}
	return nil
}

func mongoIndexes(ctx context.Context, e *exam, f *findings) error {
	reply, err := e.command(ctx, e.cfg.MongoDB, bson.D{{Key: "listIndexes", Value: e.cfg.MongoCollection}})
	if err != nil && strings.Contains(err.Error(), "code 26 ") { // NamespaceNotFound
		return nil
	}
	if err != nil {
		return err
	}
	for _, index := range firstBatch(reply) {
		name, _ := index.Lookup("name").StringValueOK()
		fields := fieldsIn(index.Lookup("key"))
		if slices.Equal(fields, []string{"_id"}) {
			continue
		}
		if unique, _ := index.Lookup("unique").BooleanOK(); unique {
			f.add(Error, fmt.Sprintf("the index %s is unique (%s)", name, strings.Join(fields, ", ")),
				"records whose values are there already are refused as rejected", "drop it, or create it again without unique")
		}
		if _, err := index.LookupErr("expireAfterSeconds"); err == nil {
			f.add(Warning, fmt.Sprintf("the index %s makes documents expire (%s)", name, strings.Join(fields, ", ")),
				"reconcile --documents can't tell expired documents from lost ones, and a record that is sent again is stored again", "drop it, if that is not wanted")
		}
	}
	return nil
}

func fieldsIn(value bson.RawValue) (names []string) {
	doc, _ := value.DocumentOK()
	elements, _ := doc.Elements()
	for _, element := range elements {
		names = append(names, element.Key())
	}
	return names
}

// documentFields has the fields of a document and their BSON types.
func (e *exam) documentFields() map[string]string {
	fields := map[string]string{"_id": "string", "customerId": "string", "name": "string", "email": "string", "createdAt": "date", "ingestedAt": "date"}
	if e.cfg.QueueMode == config.ModeStream {
		fields["streamId"] = "string"
	} else {
		fields["insertId"] = "objectId"
	}
	return fields
}

func mongoValidator(ctx context.Context, e *exam, f *findings) error {
	info, err := e.collection(ctx)
	if err != nil || info == nil {
		return err
	}
	validator, there := info.Lookup("options", "validator").DocumentOK()
	elements, _ := validator.Elements()
	if level, _ := info.Lookup("options", "validationLevel").StringValueOK(); !there || len(elements) == 0 || level == "off" {
		return nil
	}
	accepted, tried := e.try(ctx, validator)
	if tried && accepted {
		return nil
	}
	severity, why := Error, "records are refused as rejected"
	if action, _ := info.Lookup("options", "validationAction").StringValueOK(); action == "warn" {
		severity, why = Warning, "MongoDB writes a line into its log for each document"
	}
	const remedy = "change the rule (collMod), or choose another MONGO_COLLECTION"
	var conflicts, others []string
	for _, element := range elements {
		if schema, isSchema := element.Value().DocumentOK(); isSchema && element.Key() == "$jsonSchema" {
			conflicts = append(conflicts, e.conflicts(schema)...)
		} else {
			others = append(others, element.Key())
		}
	}
	for _, conflict := range conflicts {
		f.add(severity, "the collection's validation rule "+conflict, why, remedy)
	}
	switch {
	case len(conflicts) > 0:
	case tried:
		f.add(severity, "the collection's validation rule refuses a document such as the service writes", why, remedy)
	case len(others) > 0:
		f.add(Warning, "the collection has a validation rule on "+strings.Join(others, ", ")+", which can't be judged from here",
			"if documents of the service do not satisfy it, "+why, "compare it with the document in docs/validation.md")
	}
	return nil
}

// try asks MongoDB whether a document such as the service writes satisfies a rule, without
// writing it. Servers before 6.0 and FerretDB can't tell.
func (e *exam) try(ctx context.Context, validator bson.Raw) (accepted, tried bool) {
	now := e.now()
	document := bson.D{
		{Key: "_id", Value: strings.Repeat("0123456789abcdef", 4)}, {Key: "customerId", Value: "1"}, {Key: "name", Value: "Ada Lovelace"},
		{Key: "email", Value: "ada@lovelace.org"}, {Key: "createdAt", Value: now.Add(-time.Minute)}, {Key: "ingestedAt", Value: now},
	}
	if e.cfg.QueueMode == config.ModeStream {
		document = append(document, bson.E{Key: "streamId", Value: fmt.Sprintf("%d-0", now.UnixMilli())})
	} else {
		document = append(document, bson.E{Key: "insertId", Value: bson.NewObjectID()})
	}
	reply, err := e.command(ctx, e.cfg.MongoDB, bson.D{
		{Key: "aggregate", Value: 1}, {Key: "cursor", Value: bson.D{}},
		{Key: "pipeline", Value: bson.A{bson.D{{Key: "$documents", Value: bson.A{document}}}, bson.D{{Key: "$match", Value: validator}}}},
	})
	if err != nil {
		return false, false
	}
	return len(firstBatch(reply)) > 0, true
}

// conflicts lists what a schema demands that no document of the service has.
func (e *exam) conflicts(schema bson.Raw) (list []string) {
	ours := e.documentFields()
	var lacking []string
	for _, name := range textsIn(schema, "required") {
		if _, have := ours[name]; !have {
			lacking = append(lacking, name)
		}
	}
	if len(lacking) > 0 {
		list = append(list, "requires fields that the service does not write: "+strings.Join(lacking, ", "))
	}
	properties, _ := schema.Lookup("properties").DocumentOK()
	named := fieldsIn(schema.Lookup("properties"))
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if types := typesIn(properties.Lookup(name)); len(types) > 0 && !slices.Contains(types, ours[name]) {
			list = append(list, fmt.Sprintf("wants %s to be %s, but it is of type %s", name, strings.Join(types, " or "), ours[name]))
		}
	}
	if others, told := schema.Lookup("additionalProperties").BooleanOK(); told && !others {
		if unnamed := without(slices.Sorted(maps.Keys(ours)), named); len(unnamed) > 0 {
			list = append(list, "allows no field that it does not name, such as "+strings.Join(unnamed, ", "))
		}
	}
	return list
}

// typesIn lists the types that a property may have; none if it may have any.
func typesIn(property bson.RawValue) []string {
	doc, ok := property.DocumentOK()
	if !ok {
		return nil
	}
	for _, keyword := range []string{"bsonType", "type"} {
		if one, ok := doc.Lookup(keyword).StringValueOK(); ok {
			return []string{one}
		}
		if several := textsIn(doc, keyword); len(several) > 0 {
			return several
		}
	}
	return nil
}

func without(list, others []string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return slices.Contains(others, s) })
}
