package env_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/test/env"
)

func TestMongoServersAreSeparate(t *testing.T) {
	one, two := env.Mongo(t).Database(t), env.Mongo(t).Database(t)
	insert(t, one, "1")
	wantDocuments(t, one, 1)
	wantDocuments(t, two, 0)
}

func TestMongoStopsAndStarts(t *testing.T) {
	server := env.Mongo(t)
	db := server.Database(t)
	insert(t, db, "1")
	if err := db.Client().Disconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	server.Start()
	wantDocuments(t, server.Database(t), 1)
}

func TestMongoProcessKeepsPortAndData(t *testing.T) {
	server := env.MongoProcess(t)
	db := server.Database(t)
	insert(t, db, "1")
	server.Kill()
	server.Start()
	wantDocuments(t, db, 1)
	insert(t, db, "2")
	if err := db.Client().Disconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	server.Start()
	wantDocuments(t, server.Database(t), 2)
}

func insert(t *testing.T, db *mongo.Database, id string) {
	t.Helper()
	if _, err := db.Collection("c").InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}}); err != nil {
		t.Fatal(err)
	}
}

func wantDocuments(t *testing.T, db *mongo.Database, want int64) {
	t.Helper()
	if got, err := db.Collection("c").CountDocuments(t.Context(), bson.D{}); err != nil || got != want {
		t.Errorf("there are %d documents (%v), want %d", got, err, want)
	}
}
