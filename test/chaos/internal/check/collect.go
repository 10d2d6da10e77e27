package check

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/test/chaos/internal/load"
)

// Sources are the servers that hold the final state.
type Sources struct {
	Redis     *redis.Client
	Documents *mongo.Collection
	Keys      []string // the partitions' streams
	Group     string
}

// Collect adds the final state to the evidence.
func (s *Sources) Collect(ctx context.Context, e *Evidence) error {
	docs, err := s.documents(ctx)
	if err != nil {
		return fmt.Errorf("reading MongoDB: %w", err)
	}
	e.Documents = docs
	for p := range s.Keys {
		part, err := s.partition(ctx, p)
		if err != nil {
			return fmt.Errorf("reading the account of %s: %w", s.Keys[p], err)
		}
		e.Partitions = append(e.Partitions, part)
		dead, err := s.deadLetters(ctx, p)
		if err != nil {
			return fmt.Errorf("reading the dead letters of %s: %w", s.Keys[p], err)
		}
		e.Dead = append(e.Dead, dead...)
		if err := s.places(ctx, p, e.Places); err != nil {
			return fmt.Errorf("reading the windows of %s: %w", s.Keys[p], err)
		}
	}
	return nil
}

func (s *Sources) documents(ctx context.Context) ([]Document, error) {
	cursor, err := s.Documents.Find(ctx, bson.D{}, options.Find().SetBatchSize(5000))
	if err != nil {
		return nil, err
	}
	defer cursor.Close(ctx)
	var docs []Document
	for cursor.Next(ctx) {
		var d struct {
			ID         string    `bson:"_id"`
			CustomerID string    `bson:"customerId"`
			Name       string    `bson:"name"`
			Email      string    `bson:"email"`
			CreatedAt  time.Time `bson:"createdAt"`
			StreamID   string    `bson:"streamId"`
			IngestedAt time.Time `bson:"ingestedAt"`
		}
		if err := cursor.Decode(&d); err != nil {
			return nil, err
		}
		docs = append(docs, Document{ID: d.ID, Key: load.Key{CustomerID: d.CustomerID, Email: d.Email, CreatedAt: d.CreatedAt.UnixMilli()}, Name: d.Name, StreamID: d.StreamID, Ingested: ms(d.IngestedAt)})
	}
	return docs, cursor.Err()
}

// Outstanding counts the entries and deferred records that are not processed.
// uncounted is the number of partitions whose account does not balance: workers count
// missing entries within seconds after they have caught up.
func (s *Sources) Outstanding(ctx context.Context) (pending, undelivered, delayed, uncounted int64, err error) {
	for p := range s.Keys {
		part, err := s.partition(ctx, p)
		if err != nil {
			return 0, 0, 0, 0, err
		}
		pending, undelivered, delayed = pending+part.Pending, undelivered+part.Undelivered, delayed+part.Delayed
		if !part.balanced() {
			uncounted++
		}
	}
	return pending, undelivered, delayed, uncounted, nil
}

// balanced reports whether every entry that was added has its place in the account.
func (p *Partition) balanced() bool { return p.Added-p.Ledger["base"] == p.counted() }

func (p *Partition) counted() int64 {
	n := p.Pending + p.Undelivered + p.Ledger["missing"]
	for _, o := range outcomes {
		n += p.Ledger[o]
	}
	return n
}

func (s *Sources) partition(ctx context.Context, p int) (Partition, error) {
	key, tag := s.Keys[p], "{"+s.Keys[p]+"}"
	info, err := s.Redis.XInfoStream(ctx, key).Result()
	if err != nil {
		return Partition{}, err
	}
	part := Partition{Added: info.EntriesAdded, Length: info.Length, Ledger: map[string]int64{}}
	groups, err := s.Redis.XInfoGroups(ctx, key).Result()
	if err != nil {
		return part, err
	}
	ours := false
	for _, g := range groups {
		if g.Name == s.Group {
			ours, part.Pending = true, g.Pending
			if part.Undelivered, err = s.undelivered(ctx, key, g.LastDeliveredID); err != nil {
				return part, err
			}
		}
	}
	if !ours {
		return part, errors.New("the consumer group does not exist")
	}
	pipe := s.Redis.Pipeline()
	ledger, delayed, data, dead := pipe.HGetAll(ctx, tag+":ledger"), pipe.ZCard(ctx, tag+":delayed"), pipe.HLen(ctx, tag+":delayed:data"), pipe.XLen(ctx, tag+":dead")
	if _, err := pipe.Exec(ctx); err != nil {
		return part, err
	}
	part.Delayed, part.DelayedData, part.Dead = delayed.Val(), data.Val(), dead.Val()
	for name, value := range ledger.Val() {
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			part.Ledger[name] = n
		}
	}
	return part, nil
}

// undelivered counts the entries after the last delivered one. Redis' own lag is
// not reliable.
func (s *Sources) undelivered(ctx context.Context, key, last string) (n int64, err error) {
	for from := "(" + last; ; {
		page, err := s.Redis.XRangeN(ctx, key, from, "+", 1000).Result()
		if err != nil || len(page) == 0 {
			return n, err
		}
		n += int64(len(page))
		from = "(" + page[len(page)-1].ID
	}
}

func (s *Sources) deadLetters(ctx context.Context, p int) ([]DeadLetter, error) {
	var letters []DeadLetter
	for from := "-"; ; {
		page, err := s.Redis.XRangeN(ctx, "{"+s.Keys[p]+"}:dead", from, "+", 1000).Result()
		if err != nil || len(page) == 0 {
			return letters, err
		}
		for _, m := range page {
			text := func(name string) string { t, _ := m.Values[name].(string); return t }
			failed, err := time.Parse(time.RFC3339, text("failedAt"))
			if err != nil {
				return nil, fmt.Errorf("dead letter %s: %w", m.ID, err)
			}
			letters = append(letters, DeadLetter{
				Entry: load.EntryID{Partition: p, ID: text("streamId")}, Event: text("event"),
				Data: text("data"), Fields: netstrings(text("fields")), At: ms(failed),
			})
		}
		from = "(" + page[len(page)-1].ID
	}
}

// places adds the places in all windows of a partition.
func (s *Sources) places(ctx context.Context, p int, into map[string]map[load.Place]bool) error {
	prefix := "{" + s.Keys[p] + "}:limit:"
	for cursor := uint64(0); ; {
		keys, next, err := s.Redis.Scan(ctx, cursor, prefix+"*", 2000).Result()
		if err != nil {
			return err
		}
		pipe := s.Redis.Pipeline()
		replies := make([]*redis.ZSliceCmd, len(keys))
		for i, key := range keys {
			replies[i] = pipe.ZRangeWithScores(ctx, key, 0, -1)
		}
		if _, err := pipe.Exec(ctx); err != nil && len(keys) > 0 {
			return err
		}
		for i, key := range keys {
			customer := strings.TrimPrefix(key, prefix)
			if into[customer] == nil {
				into[customer] = map[load.Place]bool{}
			}
			for _, z := range replies[i].Val() {
				member, _, _ := strings.Cut(z.Member.(string), "@")
				into[customer][load.Place{Member: member, At: int64(z.Score)}] = true
			}
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
