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

// shared is what all combinations have in common: the servers.
type shared struct {
	redis  *env.RedisServer
	direct *redis.Client
	mongo  *mongo.Client
	blades *blades

	mu    sync.Mutex
	lives []*life
}

// mourn has waitForTheDead wait for a process.
func (s *shared) mourn(l *life) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lives = append(s.lives, l)
}

// waitForTheDead returns when every goroutine of a dead process has noticed.
func (s *shared) waitForTheDead() {
	for _, l := range s.lives {
		<-l.done
	}
}

// world is that of one combination: a stream and a collection of its own.
type world struct {
	*shared
	name    string
	key     string
	log     *slog.Logger
	witness *load.Witness
	records []load.Record
	acked   map[load.EntryID]int
	plant   *plant // a bug; nil for none
	lease   time.Duration
	courses int // that come before lives
	extra   int // further ones
}

func (w *world) options() *redis.Options {
	return &redis.Options{
		Addr: w.redis.Addr, MaxRetries: -1, DialerRetries: 1, PoolSize: 8, ReadTimeout: 30 * time.Second, DialTimeout: 30 * time.Second,
		ContextTimeoutEnabled: true, DisableIdentity: true,
	}
}

func (w *world) collection() *mongo.Collection { return w.mongo.Database("crash").Collection(w.name) }

func (w *world) sources() *check.Sources {
	return &check.Sources{Redis: w.direct, Documents: w.collection(), Keys: []string{w.key}, Group: group}
}

// makeRecords are those of a combination, in the order in which they come: a
// course before each life.
func makeRecords(courses int) []load.Record {
	var records []load.Record
	for range courses {
		for k := range perCourse {
			r := load.Record{Number: len(records), Field: "data"}
			customer := fmt.Sprintf("customer %d", r.Number)
			twin := -1
			switch k {
			case 3:
				r.Bad, r.Body = load.ParseError, fmt.Sprintf("record %d, but no JSON", r.Number)
			case 4:
				r.Bad, r.Body = load.Invalid, fmt.Sprintf(`{"customerId":"bad-%d"}`, r.Number)
			case 5: // once more what came before
				twin = r.Number - 4
			case 6, 7:
				customer = load.Hot(0)
			case 8: // once more what came in the course before
				twin = max(r.Number-perCourse-1, 0)
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

const perCourse = 12

// open makes the group and lets the witness read from the beginning.
func (w *world) open(ctx context.Context, courses int) error {
	w.records, w.acked = makeRecords(courses), map[load.EntryID]int{}
	w.witness = load.NewWitness(w.direct, []string{w.key}, w.records)
	w.witness.Poll = time.Millisecond
	if err := w.witness.Open(ctx); err != nil {
		return err
	}
	return w.ghost("first").Open(ctx)
}

// feed brings the next course.
func (w *world) feed(ctx context.Context, course int) error {
	pipe := w.direct.Pipeline()
	added := make([]*redis.StringCmd, perCourse)
	for k := range added {
		added[k] = pipe.XAdd(ctx, &redis.XAddArgs{Stream: w.key, Values: []any{"data", w.records[course*perCourse+k].Body}})
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	for k, cmd := range added {
		w.acked[load.EntryID{ID: cmd.Val()}] = course*perCourse + k
	}
	return nil
}

// ghost is a process of long ago.
func (w *world) ghost(name string) *streams.Stream {
	stream, err := streams.NewStream(streams.StreamOptions{
		Client: w.direct, Key: w.key, Group: group, Consumer: "ghost-" + name, PollTimeout: time.Millisecond, ClaimIdle: 24 * time.Hour,
		DeadLetters: streams.DeadLetterOptions{On: true, Worker: "ghost"}, Log: w.log,
	})
	if err != nil {
		panic(err)
	}
	return stream
}

// haunt leaves behind what a process leaves that dies at work: an entry that is
// deferred and due, one that is inserted and not settled, and one that is read
// and no more, as often as if it had killed every worker that did.
func (w *world) haunt(ctx context.Context, course int) error {
	w.blades.set(w.name, nil)
	g := w.ghost(fmt.Sprint(course))
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
			s, err := store.New(w.collection(), store.Options{})
			if err != nil {
				return err
			}
			if _, err := s.Insert(ctx, []store.Document{{Record: r, StreamID: held[1].FirstID()}}); err != nil {
				return err
			}
		}
	}
	if len(held) > 2 {
		return w.direct.Do(ctx, "XCLAIM", w.key, group, fmt.Sprint("ghost-", course), 0, held[2].ID, "RETRYCOUNT", 9, "JUSTID").Err()
	}
	return nil
}

var ageScript = redis.NewScript(`
for _, p in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000)) do
  redis.call('XCLAIM', KEYS[1], ARGV[1], p[2], 0, p[1], 'IDLE', 3600000, 'RETRYCOUNT', p[4], 'JUSTID')
end
return 1`)

// age has the leases of all that is pending run out, which else takes its time.
func (w *world) age(ctx context.Context) error {
	return ageScript.Run(ctx, w.direct, []string{w.key}, group).Err()
}

var leftScript = redis.NewScript(`
local last
for _, g in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  if g[2] == ARGV[1] then last = g[8] end
end
return {redis.call('XPENDING', KEYS[1], ARGV[1])[1], #redis.call('XRANGE', KEYS[1], '(' .. last, '+', 'COUNT', 1), redis.call('ZCARD', KEYS[2])}`)

// outstanding is what is not finished.
func (w *world) outstanding(ctx context.Context) (n int64, text string, err error) {
	reply, err := leftScript.Run(ctx, w.direct, []string{w.key, "{" + w.key + "}:delayed"}, group).Int64Slice()
	if err != nil {
		return 0, "", err
	}
	return reply[0] + reply[1] + reply[2], fmt.Sprintf("%d pending, %d undelivered, %d deferred", reply[0], reply[1], reply[2]), nil
}

// judge checks what is left behind when all is done.
func (w *world) judge(ctx context.Context) (*check.Report, error) {
	e := &check.Evidence{Records: w.records, Acked: w.acked, Rule: check.Rule{Limit: limit, Window: window}}
	e.Entries, e.Places = w.witness.Testimony()
	if err := w.sources().Collect(ctx, e); err != nil {
		return nil, err
	}
	r := &check.Report{}
	check.Check(e, r)
	return r, nil
}

// forget removes the combination's keys and documents.
func (w *world) forget(ctx context.Context) error {
	tag := "{" + w.key + "}:"
	keys := []string{w.key, tag + "dead", tag + "delayed", tag + "delayed:data", tag + "ledger", tag + "suspects", tag + "limits"}
	for i := range w.records {
		keys = append(keys, tag+"limit:"+w.records[i].Key.CustomerID)
	}
	if err := w.direct.Unlink(ctx, keys...).Err(); err != nil {
		return err
	}
	return w.collection().Drop(ctx)
}
