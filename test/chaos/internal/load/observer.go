package load

import (
	"context"
	"hash/maphash"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ObserverGroup is the observer's consumer group. Trimming has to wait for it as
// for any group.
const ObserverGroup = "observer"

// Entry is one entry that was on a stream.
type Entry struct {
	Number  int    // of the record; -1 if nobody sent it
	Origin  string // first ID of an entry that was put back
	AdmitAt int64  // ms, the time of its place in the window, if that is later
	Seen    int64  // ms, true time when it was first seen
}

// Place is an admission of a customer's record.
type Place struct {
	Member string // the document's _id
	At     int64  // ms
}

// Observer reads every entry of the streams through a consumer group of its own,
// and the windows of the hot customers before the limiter prunes them.
type Observer struct {
	Client *redis.Client // bypasses the links
	Keys   []string
	Poll   time.Duration // how long a read blocks
	byBody map[uint64]*Record
	seed   maphash.Seed

	mu      sync.Mutex
	entries map[EntryID]Entry
	places  map[string]map[Place]bool // by customer
}

// NewObserver returns an observer that recognizes the given records.
func NewObserver(client *redis.Client, keys []string, records []Record) *Observer {
	o := &Observer{
		Client: client, Keys: keys, Poll: 200 * time.Millisecond, seed: maphash.MakeSeed(), byBody: make(map[uint64]*Record, len(records)),
		entries: make(map[EntryID]Entry, len(records)), places: map[string]map[Place]bool{},
	}
	for i := range records {
		for fields := records[i].All(); len(fields) > 1; fields = fields[2:] {
			if fields[0] == records[i].Field { // the field that identifies it
				o.byBody[o.hash(fields[0], fields[1])] = &records[i]
			}
		}
	}
	return o
}

func (o *Observer) hash(field, body string) uint64 { return maphash.String(o.seed, field+"\x00"+body) }

// Open creates the observer's groups. Call it before anyone writes.
func (o *Observer) Open(ctx context.Context) error {
	for _, key := range o.Keys {
		if err := o.Client.XGroupCreateMkStream(ctx, key, ObserverGroup, "0").Err(); err != nil {
			return err
		}
	}
	return nil
}

// Run reads until ctx is done, and retries while Redis is down.
func (o *Observer) Run(ctx context.Context) {
	var readers sync.WaitGroup
	for p := range o.Keys {
		readers.Go(func() { o.readPartition(ctx, p) })
	}
	readers.Go(func() { o.watchWindows(ctx) })
	readers.Wait()
}

// readPartition reads one partition. After a failure it first reads again what is
// not acknowledged.
func (o *Observer) readPartition(ctx context.Context, partition int) {
	from := "0"
	for ctx.Err() == nil {
		n, err := o.read(ctx, partition, from)
		switch {
		case err != nil:
			from = "0"
			sleep(ctx, 50*time.Millisecond)
		case n == 0 && from == "0":
			from = ">"
		}
	}
}

func (o *Observer) read(ctx context.Context, partition int, from string) (int, error) {
	key := o.Keys[partition]
	reply, err := o.Client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: ObserverGroup, Consumer: "observer", Streams: []string{key, from}, Count: 500, Block: o.Poll,
	}).Result()
	if err == redis.Nil || err == nil && len(reply[0].Messages) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var ids []string
	for _, m := range reply[0].Messages {
		o.note(EntryID{partition, m.ID}, m.Values)
		ids = append(ids, m.ID)
	}
	return len(ids), o.Client.XAck(ctx, key, ObserverGroup, ids...).Err()
}

// ReadAll reads the entries that exist now.
func (o *Observer) ReadAll(ctx context.Context) error {
	for p := range o.Keys {
		for n := 1; n > 0; {
			var err error
			if n, err = o.read(ctx, p, ">"); err != nil {
				return err
			}
		}
	}
	return nil
}

// note keeps an entry as it was first seen.
func (o *Observer) note(id EntryID, values map[string]any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, known := o.entries[id]; known || len(values) == 0 {
		return
	}
	text := func(name string) string { s, _ := values[name].(string); return s }
	e := Entry{Number: -1, Seen: time.Now().UnixMilli()}
	var record Record
	for name := range values {
		if r, known := o.byBody[o.hash(name, text(name))]; known {
			e.Number, record = r.Number, *r
		}
	}
	for _, name := range []string{originField, oldOrigin} {
		if value := text(name); e.Origin == "" && !record.forges(name, value) {
			e.Origin = value
		}
	}
	for _, name := range []string{admitAtField, oldAdmitAt} {
		if value := text(name); e.AdmitAt == 0 && !record.forges(name, value) {
			e.AdmitAt, _ = strconv.ParseInt(value, 10, 64)
		}
	}
	o.entries[id] = e
}

// Note adds an entry that another client saw and may have deleted since.
func (o *Observer) Note(id EntryID, fields []string) {
	values := map[string]any{}
	for i := 0; i+1 < len(fields); i += 2 {
		values[fields[i]] = fields[i+1]
	}
	o.note(id, values)
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// watchWindows reads the hot customers' windows often enough to see every place
// before the limiter prunes it.
func (o *Observer) watchWindows(ctx context.Context) {
	for ctx.Err() == nil {
		_ = o.ReadWindows(ctx) // Redis may be down
		sleep(ctx, 300*time.Millisecond)
	}
}

// ReadWindows notes the places in the hot customers' windows.
func (o *Observer) ReadWindows(ctx context.Context) error {
	pipe := o.Client.Pipeline()
	replies := map[string]*redis.ZSliceCmd{}
	for k := range HotCustomers {
		customer := Hot(k)
		key := "{" + o.Keys[Home(customer, len(o.Keys))] + "}:limit:" + customer
		replies[customer] = pipe.ZRangeWithScores(ctx, key, 0, -1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for customer, reply := range replies {
		if o.places[customer] == nil {
			o.places[customer] = map[Place]bool{}
		}
		for _, z := range reply.Val() {
			// Further places of a record have a suffix after an @.
			member, _, _ := strings.Cut(z.Member.(string), "@")
			o.places[customer][Place{member, int64(z.Score)}] = true
		}
	}
	return nil
}

// Entries returns how many entries were seen so far.
func (o *Observer) Entries() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.entries)
}

// Observed returns everything seen: entries, and places by hot customer. Call it
// when Run has returned.
func (o *Observer) Observed() (map[EntryID]Entry, map[string]map[Place]bool) {
	return o.entries, o.places
}
