package app

import (
	"context"
	"fmt"
	"log/slog"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/internal/config"
)

// EachDocument calls visit with the fields of each document of the configured collection
// that a record has, and its _id; at most limit documents, 0 for all. It writes nothing.
// visit must not keep the document.
func EachDocument(ctx context.Context, cfg *config.Config, log *slog.Logger, limit int64, visit func(bson.Raw)) error {
	client, _, err := connectToRead(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer func() { _ = disconnect(ctx, client) }()
	fields := bson.D{{Key: "customerId", Value: 1}, {Key: "name", Value: 1}, {Key: "email", Value: 1}, {Key: "createdAt", Value: 1}}
	found, err := client.Database(cfg.MongoDB).Collection(cfg.MongoCollection).Find(ctx, bson.D{}, options.Find().SetProjection(fields).SetLimit(limit))
	if err == nil {
		defer func() { _ = found.Close(context.WithoutCancel(ctx)) }()
		for found.Next(ctx) {
			visit(found.Current)
		}
		err = found.Err()
	}
	if err != nil {
		return fmt.Errorf("reading %s.%s: %w", cfg.MongoDB, cfg.MongoCollection, err)
	}
	return nil
}
