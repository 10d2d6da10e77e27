package archiving_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"gocloud.dev/blob"

	"ingestion/archive"
	"ingestion/cmd/internal/archiving"
	"ingestion/internal/config"
	"ingestion/internal/test/env"
	"ingestion/record"
	"ingestion/streams"
)

const soon = 30 * time.Second

func TestMain(m *testing.M) { env.Main(m) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// rig is a stream of three partitions and a bucket.
type rig struct {
	t      *testing.T
	client *redis.Client
	cfg    *config.Config
	bucket *blob.Bucket
	keys   []string
	added  map[string][]string // IDs by key
}

func newRig(t *testing.T) *rig {
	server := env.Redis(t)
	cfg, err := config.Parse(map[string]string{
		"QUEUE_MODE": "stream", "STREAM_KEY": "s", "STREAM_PARTITIONS": "3", "STREAM_CLAIM_IDLE_MS": "300", "ARCHIVE_SEGMENT_SEC": "0.1",
	})
	must(t, err)
	bucket, err := archiving.OpenDirectory(t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, bucket.Close()) })
	return &rig{t: t, client: server.Client(t), cfg: cfg, bucket: bucket, keys: record.PartitionKeys("s", 3), added: map[string][]string{}}
}

// start archives until stop is called.
func (r *rig) start(name string) (stop func()) {
	r.t.Helper()
	cfg := *r.cfg
	cfg.StreamConsumer = name
	a, err := archiving.New(archiving.Options{Config: &cfg, Redis: r.client, Bucket: r.bucket, Log: slog.New(slog.DiscardHandler)})
	must(r.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := a.Run(ctx); err != nil {
			r.t.Error(err)
		}
		if hanging := a.Hangs(); len(hanging) > 0 {
			r.t.Error(hanging)
		}
	})
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	r.t.Cleanup(stop)
	return stop
}

func (r *rig) add(n int) {
	r.t.Helper()
	for _, key := range r.keys {
		for i := range n {
			id, err := r.client.XAdd(r.t.Context(), &redis.XAddArgs{Stream: key, Values: []any{"data", fmt.Sprint(i)}}).Result()
			must(r.t, err)
			r.added[key] = append(r.added[key], id)
		}
	}
}

// awaitArchived waits until the archive has each entry once.
func (r *rig) awaitArchived() {
	r.t.Helper()
	env.Eventually(r.t, soon, func() (bool, string) {
		for _, key := range r.keys {
			var ids []string
			for e, err := range archive.Open(r.bucket, key).Entries(r.t.Context(), "", "") {
				if err != nil && len(ids) > 0 {
					r.t.Fatal(err)
				}
				ids = append(ids, e.ID)
			}
			if !slices.Equal(ids, r.added[key]) {
				return false, fmt.Sprintf("%s: %d entries are archived, %d were added", key, len(ids), len(r.added[key]))
			}
		}
		return true, ""
	})
}

func TestOneArchiverTakesOverFromAnother(t *testing.T) {
	r := newRig(t)
	r.add(5)
	stop := r.start("first")
	r.awaitArchived()
	r.start("second")
	r.add(5)
	r.awaitArchived()
	stop()
	r.add(5)
	r.awaitArchived()
	for _, key := range r.keys {
		tail, err := archive.Open(r.bucket, key).Tail(t.Context())
		must(t, err)
		if tail.Archiver != "second" {
			t.Errorf("%s was last archived by %s", key, tail.Archiver)
		}
	}
}

// TestAGroupThatIsGoneComesBack deletes it, and then the stream, while nothing is to be
// archived.
func TestAGroupThatIsGoneComesBack(t *testing.T) {
	r := newRig(t)
	r.add(3)
	r.start("a")
	r.awaitArchived()
	there := func() (bool, string) {
		groups := r.client.XInfoGroups(t.Context(), r.keys[0]).Val()
		return slices.ContainsFunc(groups, func(g redis.XInfoGroup) bool { return g.Name == streams.ArchiveGroup }), "there is no group"
	}
	must(t, r.client.XGroupDestroy(t.Context(), r.keys[0], streams.ArchiveGroup).Err())
	env.Eventually(t, soon, there)
	must(t, r.client.Del(t.Context(), r.keys...).Err())
	env.Eventually(t, soon, there)
	r.add(3)
	r.awaitArchived()
}
