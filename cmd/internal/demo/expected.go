package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"ingestion/examples"
	"ingestion/internal/config"
	"ingestion/producer"
	"ingestion/record"
)

// counts says how many records had, or are expected to have, each outcome.
type counts struct {
	sent      int // all records
	byOutcome map[record.Outcome]int
	conflicts int // duplicates with another name
}

func newCounts() *counts { return &counts{byOutcome: map[record.Outcome]int{}} }

func (c *counts) add(other *counts) {
	c.sent += other.sent
	c.conflicts += other.conflicts
	for outcome, n := range other.byOutcome {
		c.byOutcome[outcome] += n
	}
}

// exampleFile returns the bodies of the example file and the expected counts. The
// program that made the file wrote them; it shares no rules with the worker.
func exampleFile() (*counts, [][]byte, error) {
	var expected map[string]int
	if err := json.Unmarshal(examples.Expected, &expected); err != nil {
		return nil, nil, fmt.Errorf("examples/customers.expected.json: %w", err)
	}
	want := newCounts()
	want.conflicts = expected["conflict"]
	for _, outcome := range record.Outcomes() {
		want.byOutcome[outcome] = expected[outcome.String()]
	}
	var bodies [][]byte
	for line := range bytes.Lines(examples.Customers) {
		bodies = append(bodies, bytes.TrimSuffix(line, []byte("\n")))
	}
	want.sent = len(bodies)
	return want, bodies, nil
}

// generate publishes generated records for generateFor, and returns the expected
// counts. The generator knows which of them are invalid; of the valid ones,
// rateLimit of each customer are ingested.
func generate(ctx context.Context, cfg *config.Config, publisher *producer.Publisher) (*counts, error) {
	generator, err := producer.NewGenerator(producer.GeneratorOptions{
		Customers: cfg.GenCustomers, PerMinute: cfg.GenRPM, Jitter: cfg.GenJitter.Duration(),
		InvalidRate: cfg.GenInvalidRate, Seed: uint64(time.Now().UnixNano()), Duration: generateFor,
	})
	if err != nil {
		return nil, err
	}
	want, valid := newCounts(), map[string]int{}
	err = generator.Run(ctx, func(ctx context.Context, made []producer.Generated) error {
		bodies := make([][]byte, len(made))
		for i, g := range made {
			bodies[i] = g.Body
			outcome := g.Want
			if outcome == record.Ingested {
				if valid[g.CustomerID]++; valid[g.CustomerID] > rateLimit {
					outcome = record.RateLimited
				}
			}
			want.sent++
			want.byOutcome[outcome]++
		}
		_, err := publisher.Publish(ctx, bodies)
		return err
	})
	return want, err
}
