package store_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/store"
)

// What the driver says of a server that is not there is for those who know the driver.
func TestErrorsOfTheDriverAreExplained(t *testing.T) {
	client, err := mongo.Connect(options.Client().ApplyURI("mongodb://127.0.0.1:1").SetServerSelectionTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Disconnect(t.Context())
	_, raw := client.Database("d").ListCollectionNames(t.Context(), bson.D{})
	if raw == nil || !strings.Contains(raw.Error(), "opology") {
		t.Fatalf("the driver says %v: this test is of no use", raw)
	}
	got := store.Explain(fmt.Errorf("listing: %w", raw), time.Second)
	if !strings.HasPrefix(got.Error(), "MongoDB is unreachable: 127.0.0.1:1") || strings.Contains(got.Error(), "opology") {
		t.Errorf("%v", got)
	}
	if other := errors.New("other"); store.Explain(other, 0) != other || store.Explain(nil, 0) != nil {
		t.Error("an error of others is changed")
	}
}
