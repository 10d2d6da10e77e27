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

// WitnessGroup is the consumer group by which the witness reads. Trimming has to
// wait for it as for any group.
const WitnessGroup = "witness"

// Entry is one entry that was on a stream.
type Entry struct {
	Number  int    // of the record; -1 for one that nobody sent
	Origin  string // the first ID of one that was put back
	AdmitAt int64  // ms, the place that was reserved for it
	Seen    int64  // ms, true time at which it was seen
}

// Place is an admission of a customer's record.
type Place struct {
	Member string // the document's _id
	At     int64  // ms
}

// Witness reads every entry of the streams through a group of its own, and looks
// at the windows of the hot customers before what is old in them is dropped.
type Witness struct {
	Client *redis.Client // straight to Redis, past all faults but its death
	Keys   []string
	Poll   time.Duration // how long a read waits for more
	byBody map[uint64]*Record
	seed   maphash.Seed

	mu      sync.Mutex
	entries map[EntryID]Entry
	places  map[string]map[Place]bool // by customer
}

// NewWitness knows the records that may come.
func NewWitness(client *redis.Client, keys []string, records []Record) *Witness {
	w := &Witness{
		Client: client, Keys: keys, Poll: 200 * time.Millisecond, seed: maphash.MakeSeed(), byBody: make(map[uint64]*Record, len(records)),
		entries: make(map[EntryID]Entry, len(records)), places: map[string]map[Place]bool{},
	}
	for i := range records {
		for fields := records[i].All(); len(fields) > 1; fields = fields[2:] {
			if fields[0] == records[i].Field { // the only one that no other entry has
				w.byBody[w.hash(fields[0], fields[1])] = &records[i]
			}
		}
	}
	return w
}

func (w *Witness) hash(field, body string) uint64 { return maphash.String(w.seed, field+"\x00"+body) }

// Open makes the witness' groups, before anybody else writes.
func (w *Witness) Open(ctx context.Context) error {
	for _, key := range w.Keys {
		if err := w.Client.XGroupCreateMkStream(ctx, key, WitnessGroup, "0").Err(); err != nil {
			return err
		}
	}
	return nil
}

// Run reads until ctx ends. While Redis is away it tries again.
func (w *Witness) Run(ctx context.Context) {
	var readers sync.WaitGroup
	for p := range w.Keys {
		readers.Go(func() { w.follow(ctx, p) })
	}
	readers.Go(func() { w.watchHot(ctx) })
	readers.Wait()
}

// follow reads one partition. What was read and not acknowledged before a failure
// is read again first.
func (w *Witness) follow(ctx context.Context, partition int) {
	from := "0"
	for ctx.Err() == nil {
		n, err := w.read(ctx, partition, from)
		switch {
		case err != nil:
			from = "0"
			pause(ctx, 50*time.Millisecond)
		case n == 0 && from == "0":
			from = ">"
		}
	}
}

func (w *Witness) read(ctx context.Context, partition int, from string) (int, error) {
	key := w.Keys[partition]
	reply, err := w.Client.XReadGroup(ctx, &redis.XReadGroupArgs{
		Group: WitnessGroup, Consumer: "witness", Streams: []string{key, from}, Count: 500, Block: w.Poll,
	}).Result()
	if err == redis.Nil || err == nil && len(reply[0].Messages) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var ids []string
	for _, m := range reply[0].Messages {
		w.note(EntryID{partition, m.ID}, m.Values)
		ids = append(ids, m.ID)
	}
	return len(ids), w.Client.XAck(ctx, key, WitnessGroup, ids...).Err()
}

// ReadAll reads what there is now.
func (w *Witness) ReadAll(ctx context.Context) error {
	for p := range w.Keys {
		for n := 1; n > 0; {
			var err error
			if n, err = w.read(ctx, p, ">"); err != nil {
				return err
			}
		}
	}
	return nil
}

// note keeps the first look at an entry: at a later one it may be gone.
func (w *Witness) note(id EntryID, values map[string]any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.entries[id]; known || len(values) == 0 {
		return
	}
	text := func(name string) string { s, _ := values[name].(string); return s }
	e := Entry{Number: -1, Seen: time.Now().UnixMilli()}
	var record Record
	for name := range values {
		if r, known := w.byBody[w.hash(name, text(name))]; known {
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
	w.entries[id] = e
}

// Note takes the word of somebody who has seen an entry and then deleted it.
func (w *Witness) Note(id EntryID, fields []string) {
	values := map[string]any{}
	for i := 0; i+1 < len(fields); i += 2 {
		values[fields[i]] = fields[i+1]
	}
	w.note(id, values)
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// watchHot looks at the hot customers' windows often enough to see every place
// before the limiter drops it.
func (w *Witness) watchHot(ctx context.Context) {
	for ctx.Err() == nil {
		_ = w.LookAtHot(ctx) // Redis may be away
		pause(ctx, 300*time.Millisecond)
	}
}

// LookAtHot notes the places that the hot customers' windows hold now.
func (w *Witness) LookAtHot(ctx context.Context) error {
	pipe := w.Client.Pipeline()
	looks := map[string]*redis.ZSliceCmd{}
	for k := range HotCustomers {
		customer := Hot(k)
		key := "{" + w.Keys[Home(customer, len(w.Keys))] + "}:limit:" + customer
		looks[customer] = pipe.ZRangeWithScores(ctx, key, 0, -1)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for customer, look := range looks {
		if w.places[customer] == nil {
			w.places[customer] = map[Place]bool{}
		}
		for _, z := range look.Val() {
			// Further places of one record have names behind an @.
			member, _, _ := strings.Cut(z.Member.(string), "@")
			w.places[customer][Place{member, int64(z.Score)}] = true
		}
	}
	return nil
}

// Entries is how many entries were seen so far.
func (w *Witness) Entries() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.entries)
}

// Testimony is all that was seen: entries, and places by hot customer. It is
// complete when Run has returned.
func (w *Witness) Testimony() (map[EntryID]Entry, map[string]map[Place]bool) {
	return w.entries, w.places
}
