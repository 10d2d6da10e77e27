package main

import (
	"context"
	"encoding/json"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/record"
)

// customer is a record as a typical handler decodes it.
type customer struct {
	ID        string `json:"customerId" bson:"customerId"`
	Name      string `json:"name" bson:"name"`
	Email     string `json:"email" bson:"email"`
	CreatedAt string `json:"createdAt" bson:"createdAt"`
}

// handler inserts records one by one, as handlers of task queues and message
// routers do.
type handler struct{ documents *mongo.Collection }

func newHandler(uri string) (*handler, error) {
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return nil, err
	}
	return &handler{documents: client.Database("peers").Collection("customers")}, nil
}

// handle drops malformed records and treats a duplicate as success.
func (h *handler) handle(ctx context.Context, body []byte) error {
	var c customer
	if json.Unmarshal(body, &c) != nil || c.ID == "" || c.Name == "" || c.Email == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, c.CreatedAt)
	if err != nil {
		return nil
	}
	_, err = h.documents.InsertOne(ctx, struct {
		ID       string `bson:"_id"`
		customer `bson:",inline"`
	}{record.Identity(c.ID, c.Email, at), c})
	if mongo.IsDuplicateKeyError(err) {
		return nil
	}
	return err
}
