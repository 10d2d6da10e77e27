package crash_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/store"
	"ingestion/streams"
	"ingestion/test/chaos/internal/check"
	"ingestion/test/chaos/internal/load"
)

// servers are shared by all trials.
type servers struct {
	redis     *env.RedisServer
	direct    *redis.Client
	mongo     *mongo.Client
	injectors *injectors

	mu        sync.Mutex
	processes []*process
}

// track makes waitForProcesses wait for a process.
func (s *servers) track(l *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes = append(s.processes, l)
}

// waitForProcesses waits until the goroutines of all processes have ended.
func (s *servers) waitForProcesses() {
	for _, l := range s.processes {
		<-l.done
	}
}

// trial is one sequence of processes, with a stream and a collection of its own.
type trial struct {
	*servers
	name     string
	key      string
	log      *slog.Logger
	observer *load.Observer
	records  []load.Record
	acked    map[load.EntryID]int
	bug      *bug // nil if none is planted
	lease    time.Duration
	rounds   int // before the processes, one each
	extra    int // in addition
}

func (tr *trial) options() *redis.Options {
	return &redis.Options{
		Addr: tr.redis.Addr, MaxRetries: -1, DialerRetries: 1, PoolSize: 8, ReadTimeout: 30 * time.Second, DialTimeout: 30 * time.Second,
		ContextTimeoutEnabled: true, DisableIdentity: true,
	}
}

func (tr *trial) collection() *mongo.Collection {
	return tr.mongo.Database("crash").Collection(tr.name)
}

func (tr *trial) sources() *check.Sources {
	return &check.Sources{Redis: tr.direct, Documents: tr.collection(), Keys: []string{tr.key}, Group: group}
}

// makeRecords returns the records of a trial in the order of sending: one round
// before each process.
func makeRecords(rounds int) []load.Record {
	var records []load.Record
	for range rounds {
		for k := range perRound {
			r := load.Record{Number: len(records), Field: "data"}
			customer := fmt.Sprintf("customer %d", r.Number)
			twin := -1
			switch k {
			case 3:
				r.Bad, r.Body = load.ParseError, fmt.Sprintf("record %d, but no JSON", r.Number)
			case 4:
				r.Bad, r.Body = load.Invalid, fmt.Sprintf(`{"customerId":"bad-%d"}`, r.Number)
			case 5: // repeats a record of this round
				twin = r.Number - 4
			case 6, 7:
				customer = load.Hot(0)
			case 8: // repeats one of the round before
				twin = max(r.Number-perRound-1, 0)
			}
			if twin >= 0 && records[twin].Bad != "" {
				twin = -1
			}
			if r.Bad == "" {
				number := r.Number
				r.Key = load.Key{CustomerID: customer, Email: fmt.Sprintf("r%d@kontor.de", number), CreatedAt: int64(number) * 1000}
				r.Name = "Ada"
				again := ""
				if twin >= 0 {
					r.Key, r.Name = records[twin].Key, records[twin].Name
					again = fmt.Sprintf(`,"again":%d`, number)
				}
				r.Body = fmt.Sprintf(`{"customerId":%q,"name":%q,"email":%q,"createdAt":%q%s}`, r.Key.CustomerID, r.Name, r.Key.Email,
					time.UnixMilli(r.Key.CreatedAt).UTC().Format(time.RFC3339), again)
			}
			records = append(records, r)
		}
	}
	return records
}

const perRound = 12

// open creates the groups of the observer and of the service.
func (tr *trial) open(ctx context.Context, rounds int) error {
	tr.records, tr.acked = makeRecords(rounds), map[load.EntryID]int{}
	tr.observer = load.NewObserver(tr.direct, []string{tr.key}, tr.records)
	tr.observer.Poll = time.Millisecond
	if err := tr.observer.Open(ctx); err != nil {
		return err
	}
	return tr.deadWorker("first").Open(ctx)
}

// feed sends the records of a round.
func (tr *trial) feed(ctx context.Context, round int) error {
	pipe := tr.direct.Pipeline()
	added := make([]*redis.StringCmd, perRound)
	for k := range added {
		added[k] = pipe.XAdd(ctx, &redis.XAddArgs{Stream: tr.key, Values: []any{"data", tr.records[round*perRound+k].Body}})
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	for k, cmd := range added {
		tr.acked[load.EntryID{ID: cmd.Val()}] = round*perRound + k
	}
	return nil
}

// deadWorker returns the stream of a worker that died.
func (tr *trial) deadWorker(name string) *streams.Stream {
	return newStream(streams.StreamOptions{
		Client: tr.direct, Key: tr.key, Group: group, Consumer: "dead-" + name, PollTimeout: time.Millisecond, ClaimIdle: 24 * time.Hour,
		DeadLetters: streams.DeadLetterOptions{On: true, Worker: "dead"}, Log: tr.log,
	})
}

// leaveUnfinished leaves what a dying process leaves: an entry that is deferred and
// due, one that is inserted and not settled, and one that was only read, but so
// often that it is quarantined.
func (tr *trial) leaveUnfinished(ctx context.Context, round int) error {
	tr.injectors.set(tr.name, nil)
	g := tr.deadWorker(fmt.Sprint(round))
	held, err := g.Receive(ctx, 3)
	if err != nil {
		return err
	}
	good := func(d *streams.Delivery) (record.Record, bool) {
		r, err := record.Decoder{}.Decode(d.Body)
		return r, err == nil && !strings.HasPrefix(r.CustomerID, "hot-")
	}
	if len(held) > 0 {
		if _, ok := good(&held[0]); ok {
			if _, err := g.Settle(ctx, []streams.Settlement{{Delivery: &held[0], Outcome: record.Deferred, Due: time.Now()}}); err != nil {
				return err
			}
		}
	}
	if len(held) > 1 {
		if r, ok := good(&held[1]); ok {
			s, err := store.New(tr.collection(), store.Options{})
			if err != nil {
				return err
			}
			if _, err := s.Insert(ctx, []store.Document{{Record: r, StreamID: held[1].FirstID()}}); err != nil {
				return err
			}
		}
	}
	if len(held) > 2 {
		return tr.direct.Do(ctx, "XCLAIM", tr.key, group, fmt.Sprint("dead-", round), 0, held[2].ID, "RETRYCOUNT", 9, "JUSTID").Err()
	}
	return nil
}

var expireScript = redis.NewScript(`
for _, p in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000)) do
  redis.call('XCLAIM', KEYS[1], ARGV[1], p[2], 0, p[1], 'IDLE', 3600000, 'RETRYCOUNT', p[4], 'JUSTID')
end
return 1`)

// expireLeases expires the leases of all pending entries.
func (tr *trial) expireLeases(ctx context.Context) error {
	return expireScript.Run(ctx, tr.direct, []string{tr.key}, group).Err()
}

var leftScript = redis.NewScript(`
local last
for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  if g[2] == ARGV[1] then last = g[8] end
end
return {redis.call('XPENDING', KEYS[1], ARGV[1])[1], #redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', 1), redis.call('ZCARD', KEYS[2])}`)

// outstanding counts the entries that are not processed.
func (tr *trial) outstanding(ctx context.Context) (n int64, text string, err error) {
	reply, err := leftScript.Run(ctx, tr.direct, []string{tr.key, "{" + tr.key + "}:delayed"}, group).Int64Slice()
	if err != nil {
		return 0, "", err
	}
	return reply[0] + reply[1] + reply[2], fmt.Sprintf("%d pending, %d undelivered, %d deferred", reply[0], reply[1], reply[2]), nil
}

// verify checks the final state.
func (tr *trial) verify(ctx context.Context) (*check.Report, error) {
	e := &check.Evidence{Records: tr.records, Acked: tr.acked, Rule: check.Rule{Limit: limit, Window: window}}
	e.Entries, e.Places = tr.observer.Observed()
	if err := tr.sources().Collect(ctx, e); err != nil {
		return nil, err
	}
	r := &check.Report{}
	check.Check(e, r)
	return r, nil
}

// remove deletes the trial's keys and documents.
func (tr *trial) remove(ctx context.Context) error {
	tag := "{" + tr.key + "}:"
	keys := []string{tr.key, tag + "dead", tag + "delayed", tag + "delayed:data", tag + "ledger", tag + "suspects", tag + "limits"}
	for i := range tr.records {
		keys = append(keys, tag+"limit:"+tr.records[i].Key.CustomerID)
	}
	if err := tr.direct.Unlink(ctx, keys...).Err(); err != nil {
		return err
	}
	return tr.collection().Drop(ctx)
}
