package fold

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// namespaceExists is MongoDB's code for a collection that is there already.
const namespaceExists = 48

// copyShape creates a collection with the options and the indexes of another one, so that
// it refuses the same documents. What it is given by hand stays. If the other one does not
// exist, it does nothing.
func copyShape(ctx context.Context, from, to *mongo.Collection) error {
	options, exists, err := optionsOf(ctx, from)
	if err == nil && exists {
		err = create(ctx, to, options)
	}
	if err == nil && exists {
		err = copyIndexes(ctx, from, to)
	}
	if err != nil {
		return fmt.Errorf("creating %s like %s: %w", to.Name(), from.Name(), err)
	}
	return nil
}

func create(ctx context.Context, coll *mongo.Collection, options bson.D) error {
	err := coll.Database().RunCommand(ctx, append(bson.D{{Key: "create", Value: coll.Name()}}, options...)).Err()
	var failure mongo.CommandError
	if errors.As(err, &failure) && failure.Code == namespaceExists {
		return nil
	}
	return err
}

func optionsOf(ctx context.Context, coll *mongo.Collection) (options bson.D, exists bool, err error) {
	list, err := coll.Database().ListCollections(ctx, bson.D{{Key: "name", Value: coll.Name()}})
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = list.Close(ctx) }()
	if !list.Next(ctx) {
		return nil, false, list.Err()
	}
	var found struct {
		Options bson.D `bson:"options"`
	}
	err = list.Decode(&found)
	return found.Options, true, err
}

func copyIndexes(ctx context.Context, from, to *mongo.Collection) error {
	list, err := from.Indexes().List(ctx)
	if err != nil {
		return err
	}
	var all []bson.M
	if err := list.All(ctx, &all); err != nil {
		return err
	}
	var indexes bson.A
	for _, index := range all {
		if index["name"] != "_id_" { // every collection has that
			indexes = append(indexes, index)
		}
	}
	if len(indexes) == 0 {
		return nil
	}
	return to.Database().RunCommand(ctx, bson.D{{Key: "createIndexes", Value: to.Name()}, {Key: "indexes", Value: indexes}}).Err()
}
