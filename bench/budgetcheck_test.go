//go:build !race

package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// measured is a figure with a budget. spare is the minimum margin of a new
// budget, and better says how to find the cause of an increase.
type measured struct {
	what   string
	value  float64
	spare  float64
	better string
}

// TestBudgets compares the cost of a record with the budgets: counts of
// allocations, commands and bytes, which, unlike time, do not depend on the
// load of the machine. It is skipped with the race detector, which allocates
// memory itself.
func TestBudgets(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
	all := slices.Concat(allocationsOfSteps(t), allocationsOfConsumer(t), costOfPipeline(t))
	var table strings.Builder
	for _, m := range all {
		i := slices.IndexFunc(budgets, func(b budget) bool { return b.what == m.what })
		fmt.Fprintf(&table, "\t{%q, %v}, // measured %.4g\n", m.what, m.roomy(), m.value)
		switch {
		case i < 0:
			t.Errorf("%s: measured %.4g, no budget: add a line to budgets_test.go", m.what, m.value)
		case m.value > budgets[i].allowed:
			t.Errorf("%s: measured %.4g, allowed %v. Find out what costs more than before: %s. "+
				"If it is worth that, raise the budget in budgets_test.go and say why in the commit.",
				m.what, m.value, budgets[i].allowed, m.better)
		}
	}
	for _, b := range budgets {
		if !slices.ContainsFunc(all, func(m measured) bool { return m.what == b.what }) {
			t.Errorf("%s is no longer measured: remove its budget from budgets_test.go", b.what)
		}
	}
	t.Logf("budgets computed from this run:\n%s", table.String())
}

// roomy returns the value plus an eighth, rounded up to three digits.
func (m measured) roomy() float64 {
	want := max(m.value*1.125, m.value+m.spare)
	unit := math.Pow(10, math.Floor(math.Log10(want))-2)
	text := strconv.FormatFloat(math.Ceil(want/unit)*unit, 'g', 6, 64)
	rounded, _ := strconv.ParseFloat(text, 64)
	return rounded
}

const (
	processors = 2 // each has pools of its own, so more of them allocate more
	tries      = 5 // the least counts: the collector empties pools at random
	warmUp     = 2
)

func allocationsOfSteps(t *testing.T) []measured {
	var all []measured
	for _, s := range steps {
		all = append(all, twoFigures(s.name, "Steps/"+s.name, leastOf(s.open(t)).per(batch))...)
	}
	return all
}

// allocationsOfConsumer separates the log line from the rest by running the
// consumer with a log and without.
func allocationsOfConsumer(t *testing.T) []measured {
	quiet, logging := leastOf(quietStep(t)), leastOf(loggingStep(t))
	return append(twoFigures("consumer without log", "'Pipeline/consumer$'", quiet.per(drained)),
		twoFigures("log line", "'Pipeline/consumer with log'", logging.minus(quiet).per(drained))...)
}

func twoFigures(what, bench string, a allocation) []measured {
	better := fmt.Sprintf("go test ./bench -run '^$' -bench %s -memprofile mem.out -memprofilerate 1, "+
		"then go tool pprof -sample_index=alloc_objects mem.out", bench)
	return []measured{
		{what + ": allocations", max(a.objects, 0), 0.02, better},
		{what + ": bytes allocated", max(a.bytes, 0), 10, better},
	}
}

// leastOf runs a step several times and returns its fewest allocations.
func leastOf(s step) allocation {
	least := allocation{math.Inf(1), math.Inf(1)}
	for i := range warmUp + tries {
		s.prepare()
		a := allocationsOf(s.work)
		if i >= warmUp {
			least = allocation{min(least.objects, a.objects), min(least.bytes, a.bytes)}
		}
	}
	return least
}

// costOfPipeline drains a backlog and compares the statistics of Redis before
// and after: the commands, including those in scripts, and the bytes.
func costOfPipeline(t *testing.T) []measured {
	client := newRedis(t)
	s := pipelineOn(t, client)
	all := twoFigures("pipeline", "Pipeline/pipeline", leastOf(s).per(drained))
	s.prepare()
	before := trafficOf(t, client)
	s.work()
	spent := trafficOf(t, client).since(before)
	const better = "go test ./bench -run Budgets -v lists the commands of the run"
	t.Logf("commands of Redis for %d records: %v", drained, spent.calls)
	return append(all,
		measured{"pipeline: Redis commands, including those in scripts", spent.commands() / drained, 0.02, better},
		measured{"pipeline: EVALSHA and XREADGROUP per batch of 500", float64(spent.calls["evalsha"]+spent.calls["xreadgroup"]) * batch / drained, 0.1, better},
		measured{"pipeline: bytes sent to Redis", float64(spent.in) / drained, 1, better},
		measured{"pipeline: bytes received from Redis", float64(spent.out) / drained, 1, better})
}

// traffic holds statistics of a Redis.
type traffic struct {
	calls   map[string]int64
	in, out int64 // bytes
}

func trafficOf(t *testing.T, client redis.UniversalClient) traffic {
	t.Helper()
	info, err := client.(*redis.Client).InfoMap(context.Background(), "commandstats", "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	number := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatalf("INFO of Redis: %v", err)
		}
		return n
	}
	all := traffic{map[string]int64{}, number(info["Stats"]["total_net_input_bytes"]), number(info["Stats"]["total_net_output_bytes"])}
	for name, text := range info["Commandstats"] {
		calls, _, _ := strings.Cut(strings.TrimPrefix(text, "calls="), ",")
		all.calls[strings.TrimPrefix(name, "cmdstat_")] = number(calls)
	}
	return all
}

// since returns the difference to before, without the commands that read the
// statistics.
func (a traffic) since(before traffic) traffic {
	spent := traffic{map[string]int64{}, a.in - before.in, a.out - before.out}
	for name, calls := range a.calls {
		if n := calls - before.calls[name]; n > 0 && name != "info" {
			spent.calls[name] = n
		}
	}
	return spent
}

func (a traffic) commands() float64 {
	var sum int64
	for _, n := range a.calls {
		sum += n
	}
	return float64(sum)
}
