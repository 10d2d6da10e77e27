package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"ingestion/internal/config"
	"ingestion/internal/plural"
	"ingestion/record"
	"ingestion/streams"
)

// observed is what became of the records, as seen in four places.
type observed struct {
	ledger      map[record.Outcome]int
	logged      counts
	documents   int
	deadLetters int
}

// awaitSettled waits until the ledger has counted one outcome for each record
// sent.
func awaitSettled(ctx context.Context, out io.Writer, cfg *config.Config, client redis.UniversalClient, want *counts) error {
	fmt.Fprintf(out, "Waiting until the worker has settled all %d records …\n", want.sent)
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		ledger, err := readLedger(ctx, cfg, client)
		if err != nil {
			return err
		}
		settled := 0
		for _, n := range ledger {
			settled += n
		}
		if settled >= want.sent {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("only %d of %s settled in time: %w", settled, plural.Of(want.sent, "record", "records"), ctx.Err())
		}
	}
}

func readLedger(ctx context.Context, cfg *config.Config, client redis.UniversalClient) (map[record.Outcome]int, error) {
	ledger := map[record.Outcome]int{}
	for _, key := range record.PartitionKeys(cfg.StreamKey, cfg.StreamPartitions) {
		fields, err := client.HGetAll(ctx, streams.KeysOf(key).Ledger).Result()
		if err != nil {
			return nil, fmt.Errorf("reading the ledger: %w", err)
		}
		for _, outcome := range record.Outcomes() {
			n, _ := strconv.Atoi(fields[outcome.String()])
			ledger[outcome] += n
		}
	}
	return ledger, nil
}

func observe(ctx context.Context, cfg *config.Config, client redis.UniversalClient, mongoURI, logPath string) (*observed, error) {
	var o observed
	var err error
	if o.ledger, err = readLedger(ctx, cfg, client); err != nil {
		return nil, err
	}
	for _, key := range record.PartitionKeys(cfg.StreamKey, cfg.StreamPartitions) {
		o.deadLetters += int(client.XLen(ctx, streams.KeysOf(key).Dead).Val())
	}
	if o.documents, err = countDocuments(ctx, cfg, mongoURI); err != nil {
		return nil, err
	}
	o.logged, err = readLog(logPath)
	return &o, err
}

func countDocuments(ctx context.Context, cfg *config.Config, uri string) (int, error) {
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return 0, err
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }()
	n, err := client.Database(cfg.MongoDB).Collection(cfg.MongoCollection).CountDocuments(ctx, bson.D{})
	if err != nil {
		return 0, fmt.Errorf("counting the documents: %w", err)
	}
	return int(n), nil
}

func readLog(path string) (counts, error) {
	logged := newCounts()
	file, err := os.Open(path)
	if err != nil {
		return *logged, fmt.Errorf("reading the log: %w", err)
	}
	defer file.Close()
	events := map[string]record.Outcome{}
	for _, outcome := range record.Outcomes() {
		events[outcome.String()] = outcome
	}
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var line struct {
			Event    string
			Conflict bool
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return *logged, fmt.Errorf("the log has a line that is not JSON: %w", err)
		}
		outcome, ok := events[line.Event]
		if !ok {
			continue
		}
		logged.sent++
		logged.byOutcome[outcome]++
		if line.Conflict {
			logged.conflicts++
		}
	}
	return *logged, lines.Err()
}
