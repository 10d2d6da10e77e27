package bench_test

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/limiter"
)

const (
	records = 500 // a batch
	allowed = 5
	minute  = time.Minute
)

// plain is the sliding window as it is often written: four commands a record.
// It looks to one side only, and judges a repeated record as a new one.
var plain = redis.NewScript(`
local t, window = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', t - window)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
redis.call('ZADD', KEYS[1], t, ARGV[4])
redis.call('PEXPIRE', KEYS[1], window)
return 1`)

// traffic is batches of 500 records, which have arrived within 50 ms. Time passes
// by `every` from one batch to the next, and each customer has equally many
// records in all.
type traffic struct {
	name      string
	customers int
	every     time.Duration
}

// The names say what becomes of the records at five a minute.
var traffics = []traffic{
	{"admitted, as many as allowed", records, minute / allowed},
	{"admitted, half as many", records, 2 * minute / allowed},
	{"admitted, all new customers", math.MaxInt, minute},
	{"one in five admitted", records, minute / allowed / allowed},
	{"refused", records, 0},
	{"refused but for five, one customer", 1, minute},
}

func (tr traffic) batch(number, start int64) []limiter.Request {
	requests := make([]limiter.Request, records)
	for i := range requests {
		id := number*records + int64(i)
		requests[i] = limiter.Request{
			CustomerID: fmt.Sprintf("customer-%d", id%int64(tr.customers)),
			Member:     fmt.Sprintf("%064x", uint64(id)*0x9E3779B97F4A7C15),
			At:         start + number*tr.every.Milliseconds() + int64(i)/10,
		}
	}
	return requests
}

// contest is a redis-server and the two who share it, with their keys apart.
type contest struct {
	b       *testing.B
	client  *redis.Client
	limiter *limiter.Limiter
	floor   int64
}

func newContest(b *testing.B) *contest {
	b.Helper()
	c := &contest{b: b, client: env.Redis(b, env.WithConfig("appendonly", "no")).Client(b)}
	c.limiter = must(limiter.New(c.client, limiter.Config{
		Limit: allowed, Window: minute, Lateness: time.Hour, Bases: []string{"ours"},
		Floor: func() int64 { return c.floor },
	}))
	if err := plain.Load(b.Context(), c.client).Err(); err != nil {
		b.Fatal(err)
	}
	return c
}

// ours judges a batch in one call and returns how many were admitted.
func (c *contest) ours(requests []limiter.Request) int {
	c.floor = requests[0].At
	verdicts, err := c.limiter.Judge(context.Background(), requests)
	if err != nil {
		c.b.Fatal(err)
	}
	n := 0
	for _, v := range verdicts {
		if v.Decision == limiter.Admitted {
			n++
		}
	}
	return n
}

// theirs judges a batch by the plain script, one call a record in one pipeline.
func (c *contest) theirs(requests []limiter.Request) int {
	ctx := context.Background()
	cmds, err := c.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, r := range requests {
			plain.EvalSha(ctx, pipe, []string{"{theirs}:limit:" + r.CustomerID}, r.At, minute.Milliseconds(), allowed, r.Member)
		}
		return nil
	})
	if err != nil {
		c.b.Fatal(err)
	}
	n := 0
	for _, cmd := range cmds {
		if cmd.(*redis.Cmd).Val() == int64(1) {
			n++
		}
	}
	return n
}

// processor is the processor time of Redis so far.
func (c *contest) processor() time.Duration {
	info := c.client.InfoMap(context.Background(), "cpu")
	sum := 0.0
	for _, field := range []string{"used_cpu_user", "used_cpu_sys"} {
		seconds, err := strconv.ParseFloat(info.Item("CPU", field), 64)
		if err != nil {
			c.b.Fatal(err)
		}
		sum += seconds
	}
	return time.Duration(sum * float64(time.Second))
}

// BenchmarkLimiter compares what a batch of 500 records costs Redis in processor
// time: judged in one call, and by the plain script in a pipeline of one call a
// record. They take turns on one server, so that a busy machine harms both alike;
// "ratio" is ours to theirs.
func BenchmarkLimiter(b *testing.B) {
	for _, tr := range traffics {
		b.Run(tr.name, func(b *testing.B) { newContest(b).run(tr) })
	}
}

func (c *contest) run(tr traffic) {
	// An arrival later than the clock of Redis would be judged at that clock.
	start := time.Now().Add(-30 * 24 * time.Hour).UnixMilli()
	judges := []func([]limiter.Request) int{c.ours, c.theirs}
	var spent [2]time.Duration
	var admitted [2]int
	const warmUp, turn = 10, 5
	number := int64(0)
	for ; number < warmUp; number++ {
		for _, judge := range judges {
			judge(tr.batch(number, start))
		}
	}
	for c.b.Loop() {
		for who, judge := range judges {
			before := c.processor()
			for n := range int64(turn) {
				admitted[who] += judge(tr.batch(number+n, start))
			}
			spent[who] += c.processor() - before
		}
		number += turn
	}
	n := float64(c.b.N * turn * records)
	c.b.ReportMetric(0, "ns/op")
	c.b.ReportMetric(float64(spent[0].Nanoseconds())/n, "ours-ns/record")
	c.b.ReportMetric(float64(spent[1].Nanoseconds())/n, "plain-ns/record")
	c.b.ReportMetric(float64(spent[0])/float64(spent[1]), "ratio")
	c.b.ReportMetric(float64(admitted[0])/n, "admitted/record")
}

// BenchmarkReserving measures the processor time of Redis for a record whose
// customer has a queue of reservations that reaches to the longest delay, an hour:
// each record is judged in the past of that queue and refused.
func BenchmarkReserving(b *testing.B) {
	for _, customers := range []int{1, records} {
		b.Run(fmt.Sprintf("%d customers", customers), func(b *testing.B) {
			c := newContest(b)
			c.limiter = must(limiter.New(c.client, limiter.Config{
				Limit: allowed, Window: minute, Lateness: time.Hour, Bases: []string{"ours"},
				Reserve: true, MaxDelay: time.Hour, Floor: func() int64 { return c.floor },
			}))
			tr := traffic{customers: customers}
			start := time.Now().Add(-30 * 24 * time.Hour).UnixMilli()
			const depth = allowed*60 + 20 // records of each customer that fill its queue
			number := int64(0)
			for ; number < depth*int64(customers)/records+1; number++ {
				c.ours(tr.batch(number, start))
			}
			before := c.processor()
			for b.Loop() {
				c.ours(tr.batch(number, start))
				number++
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64((c.processor()-before).Nanoseconds())/float64(b.N*records), "ours-ns/record")
		})
	}
}

// must is for what fails only if the benchmark itself is wrong.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
