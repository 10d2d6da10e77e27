package main

import (
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

func TestLateSenderDoesNotHideLatency(t *testing.T) {
	seen := newArrivals(2)
	now := time.Now()
	for _, sent := range []struct{ dueAgo, sentAgo time.Duration }{
		{101 * time.Millisecond, 100 * time.Millisecond},
		{500 * time.Millisecond, 100 * time.Millisecond},
	} {
		name := fmt.Sprintf("%d %d", now.Add(-sent.dueAgo).UnixNano(), now.Add(-sent.sentAgo).UnixNano())
		document, err := bson.Marshal(bson.D{{Key: "name", Value: name}})
		if err != nil {
			t.Fatal(err)
		}
		if seen.all() {
			t.Fatal("all records have arrived too early")
		}
		seen.see(document)
	}
	l := seen.latency()
	if !seen.all() || l.Late != 1 || l.LatestMs != 400 {
		t.Errorf("%d late, the latest by %v ms, want 1 by 400; all: %v", l.Late, l.LatestMs, seen.all())
	}
	const slack = 90
	if l.FromXADD.Max < 100 || l.FromXADD.Max > 100+slack || l.FromDue.Max < 500 || l.FromDue.P50 != l.FromDue.Max {
		t.Errorf("%+v", l)
	}
}
