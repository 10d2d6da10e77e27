package producer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ingestion/producer"
	"ingestion/record"
)

func generate(t testing.TB, o producer.GeneratorOptions) []producer.Generated {
	t.Helper()
	if o.Clock == nil {
		o.Clock = newClock()
	}
	g, err := producer.NewGenerator(o)
	if err != nil {
		t.Fatal(err)
	}
	var all []producer.Generated
	err = g.Run(t.Context(), func(_ context.Context, batch []producer.Generated) error {
		all = append(all, batch...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if g.Made() != len(all) {
		t.Errorf("Made is %d after %d records", g.Made(), len(all))
	}
	return all
}

func options() producer.GeneratorOptions {
	return producer.GeneratorOptions{
		Customers: []string{"1", "2", "3", "4", "5"}, PerMinute: 5, Jitter: 500 * time.Millisecond, InvalidRate: 0.05, Seed: 42, Count: 100,
	}
}

func TestDecoderAgreesWithTheGenerator(t *testing.T) {
	o := options()
	o.Customers = nil
	for i := range 100 {
		o.Customers = append(o.Customers, fmt.Sprintf("kunde-%d", i))
	}
	o.Count, o.InvalidRate = 20_000, 0.5
	kinds, identities := map[record.Outcome]int{}, map[string]bool{}
	var decoder record.Decoder
	for _, g := range generate(t, o) {
		if bytes.ContainsAny(g.Body, "\r\n") || len(bytes.TrimSpace(g.Body)) == 0 {
			t.Fatalf("%q is not one line", g.Body)
		}
		kinds[g.Want]++
		got := record.Ingested
		r, err := decoder.Decode(g.Body)
		var refusal *record.Refusal
		if errors.As(err, &refusal) {
			got = refusal.Outcome
		}
		if got != g.Want {
			t.Fatalf("%s: outcome %v (%v), want %v", g.Body, got, err, g.Want)
		}
		if peeked, _ := record.PeekCustomerID(g.Body); peeked != g.CustomerID {
			t.Fatalf("%s: customer %q, want %q", g.Body, peeked, g.CustomerID)
		}
		if err == nil {
			if identities[r.ID] {
				t.Fatalf("%s: the identity occurred before", g.Body)
			}
			identities[r.ID] = true
		}
	}
	if share := float64(kinds[record.Ingested]) / 20_000; math.Abs(share-0.5) > 0.02 {
		t.Errorf("%.3f of the records are valid, want about half", share)
	}
	if kinds[record.Malformed] < 4_000 || kinds[record.Invalid] < 3_000 {
		t.Errorf("outcomes are unbalanced: %v", kinds)
	}
}

func TestSameSeedSameBodies(t *testing.T) {
	first, second := generate(t, options()), generate(t, options())
	other := options()
	other.Seed++
	third := generate(t, other)
	same := 0
	for i := range first {
		if !bytes.Equal(first[i].Body, second[i].Body) || first[i].Want != second[i].Want {
			t.Fatalf("record %d: %s is not %s", i, first[i].Body, second[i].Body)
		}
		if bytes.Equal(first[i].Body, third[i].Body) {
			same++
		}
	}
	if same > 0 {
		t.Errorf("%d bodies do not depend on the seed", same)
	}
}

func TestCustomersAreIndependent(t *testing.T) {
	of := func(all []producer.Generated) (lines []string) {
		for _, g := range all {
			if g.CustomerID == "3" {
				lines = append(lines, string(g.Body))
			}
		}
		return lines
	}
	o := options()
	o.Count, o.Duration = 0, 4*time.Minute
	together := of(generate(t, o))
	o.Customers = []string{"3"}
	if alone := of(generate(t, o)); strings.Join(alone, "\n") != strings.Join(together, "\n") {
		t.Errorf("alone:\n%s\ntogether:\n%s", strings.Join(alone, "\n"), strings.Join(together, "\n"))
	}
}

func TestFastRecordsDiffer(t *testing.T) {
	o := options()
	o.Customers, o.PerMinute, o.Count, o.InvalidRate = []string{"1"}, 60e6, 3000, 0
	o.Jitter = 50 * time.Microsecond
	identities := map[string]bool{}
	for _, g := range generate(t, o) {
		r, err := record.Decoder{}.Decode(g.Body)
		if err != nil || identities[r.ID] {
			t.Fatalf("%s: %v, or a repeated identity", g.Body, err)
		}
		identities[r.ID] = true
	}
}

func TestEpochIsTheFirstCreatedAt(t *testing.T) {
	o := options()
	o.InvalidRate, o.Count = 0, 1
	o.Epoch = time.Date(2026, 5, 4, 3, 2, 1, 987654000, time.UTC)
	r, err := record.Decoder{}.Decode(generate(t, o)[0].Body)
	if err != nil || !r.CreatedAt.Equal(o.Epoch) {
		t.Errorf("createdAt is %v (%v), want %v", r.CreatedAt, err, o.Epoch)
	}
}

func TestPaceDoesNotDrift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := newClock()
		start := clock.Now()
		perMinute := rapid.Float64Range(0.5, 600).Draw(t, "rpm")
		interval := time.Duration(float64(time.Minute) / perMinute)
		jitter := time.Duration(rapid.Int64Range(0, int64(interval/2)).Draw(t, "jitter"))
		g, err := producer.NewGenerator(producer.GeneratorOptions{
			Customers: []string{"a", "b"}, PerMinute: perMinute, Jitter: jitter, Seed: rapid.Uint64().Draw(t, "seed"), Count: 400, Clock: clock,
		})
		if err != nil {
			t.Fatal(err)
		}
		k := map[string]int{}
		var last time.Time
		moved := false
		err = g.Run(context.Background(), func(_ context.Context, batch []producer.Generated) error {
			for _, one := range batch {
				plan := start.Add(time.Duration(k[one.CustomerID]) * interval)
				if off := one.Due.Sub(plan); off.Abs() > jitter {
					t.Fatalf("record %d of %s is shifted by %v, jitter is %v", k[one.CustomerID], one.CustomerID, off, jitter)
				} else if off != 0 {
					moved = true
				}
				if one.Due.Before(last) || clock.Now().Before(one.Due) {
					t.Fatalf("record due at %v came at %v after one due at %v", one.Due, clock.Now(), last)
				}
				last = one.Due
				k[one.CustomerID]++
			}
			clock.pass(time.Duration(rapid.Int64Range(0, int64(interval/4)).Draw(t, "sending")))
			return nil
		})
		if err != nil || k["a"]+k["b"] != 400 || k["a"]-k["b"] < -1 || k["a"]-k["b"] > 1 {
			t.Fatalf("%v: %v", k, err)
		}
		if jitter > time.Microsecond && !moved {
			t.Fatal("no record has jitter")
		}
	})
}

func TestNoBurstAfterAnOutage(t *testing.T) {
	clock := newClock()
	start := clock.Now()
	o := options()
	o.Customers, o.PerMinute, o.Jitter, o.Count, o.Clock = []string{"1"}, 60, 0, 20, clock
	g, err := producer.NewGenerator(o)
	if err != nil {
		t.Fatal(err)
	}
	var due []time.Duration
	err = g.Run(t.Context(), func(_ context.Context, batch []producer.Generated) error {
		for _, one := range batch {
			due = append(due, one.Due.Sub(start))
		}
		if len(due) == 5 {
			clock.pass(time.Hour)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	// The record after the fifth was scheduled before the outage.
	if due[5] != 5*time.Second || due[6] != time.Hour+4*time.Second || due[7] != time.Hour+5*time.Second {
		t.Errorf("around the outage records were due at %v", due[4:8])
	}
}

func TestRunEndsAfterCountAndDuration(t *testing.T) {
	o := options()
	o.Count = 7
	if got := len(generate(t, o)); got != 7 {
		t.Errorf("%d records, want 7", got)
	}
	o.Count, o.Duration, o.Jitter = 0, 60*time.Second, 0
	if got := len(generate(t, o)); got != 25 { // at 0, 12, 24, 36 and 48 s
		t.Errorf("%d records in a minute of 5 customers, want 25", got)
	}
	o.PerMinute, o.Count, o.Duration = 6000, 3000, time.Hour
	if got := len(generate(t, o)); got != 3000 {
		t.Errorf("%d records, want 3000", got)
	}
}

func TestRunEndsWithTheContextAndEmit(t *testing.T) {
	o := options()
	o.Clock = newClock()
	g, err := producer.NewGenerator(o)
	if err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no more")
	if err := g.Run(t.Context(), func(context.Context, []producer.Generated) error { return broken }); err != broken {
		t.Errorf("got %v, want emit's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	runs := 0
	err = g.Run(ctx, func(context.Context, []producer.Generated) error { runs++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) || runs != 1 {
		t.Errorf("%v after %d batches, want the context's error after one", err, runs)
	}
}

func TestGeneratorLimits(t *testing.T) {
	o := options()
	o.PerMinute, o.Jitter, o.Count, o.InvalidRate = producer.MinPerMinute, producer.MaxJitter, 50, 0
	var last time.Time
	for _, g := range generate(t, o) {
		if g.Due.Before(last) || g.Due.Year() > 2200 {
			t.Fatalf("due at %v after %v", g.Due, last)
		}
		last = g.Due
	}
	for _, bad := range []producer.GeneratorOptions{
		{PerMinute: producer.MinPerMinute / 2},
		{PerMinute: 1, Jitter: producer.MaxJitter + 1},
		{PerMinute: 1, Jitter: 2_000_000 * time.Hour},
	} {
		bad.Customers = []string{"1"}
		if _, err := producer.NewGenerator(bad); err == nil || !strings.Contains(err.Error(), "out of range") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestNewGeneratorReportsEveryOption(t *testing.T) {
	_, err := producer.NewGenerator(producer.GeneratorOptions{
		Customers: []string{"a", " a", "", strings.Repeat("x", 257), "b\x07"}, PerMinute: math.NaN(), Jitter: -1, InvalidRate: 1.5, Count: -1,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range []string{`"a" occurs twice`, `"" is not a customer`, `xxx" is not`, `b\a`, "PerMinute: ", "Jitter: ", "InvalidRate: ", "Count: "} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
}
