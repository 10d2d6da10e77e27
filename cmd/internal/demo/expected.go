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

// counts are the outcomes of a number of records.
type counts struct {
	sent      int
	byOutcome map[record.Outcome]int
	conflicts int
}

func newCounts() *counts { return &counts{byOutcome: map[record.Outcome]int{}} }

func (c *counts) add(other *counts) {
	c.sent += other.sent
	c.conflicts += other.conflicts
	for outcome, n := range other.byOutcome {
		c.byOutcome[outcome] += n
	}
}

// exampleFile returns the example's bodies and the counts that were written
// down when the file was made, by a program that shares nothing with the worker.
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

// generate publishes made-up records for a while. The generator knows which it
// has spoilt; of the good ones each customer gets its limit.
func generate(ctx context.Context, cfg *config.Config, publisher *producer.Publisher) (*counts, error) {
	generator, err := producer.NewGenerator(producer.GeneratorOptions{
		Customers: cfg.GenCustomers, PerMinute: cfg.GenRPM, Jitter: cfg.GenJitter.Duration(),
		InvalidRate: cfg.GenInvalidRate, Seed: uint64(time.Now().UnixNano()), Duration: generateFor,
	})
	if err != nil {
		return nil, err
	}
	want, good := newCounts(), map[string]int{}
	err = generator.Run(ctx, func(ctx context.Context, made []producer.Generated) error {
		bodies := make([][]byte, len(made))
		for i, g := range made {
			bodies[i] = g.Body
			outcome := g.Want
			if outcome == record.Ingested {
				if good[g.CustomerID]++; good[g.CustomerID] > rateLimit {
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
