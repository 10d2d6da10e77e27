package streams

import (
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

var (
	//go:embed workers_list.lua
	workersListSource string
	workersListScript = redis.NewScript(workersListSource)
)

// Worker is a worker of a queue as it was last heard of.
type Worker struct {
	WorkerInfo
	StartedAt time.Time     // by the worker's clock
	At        time.Time     // when it last said that it lives, by the clock of Redis
	Silent    time.Duration // since At
	// Rival is another process that has used the same name between the last two times that
	// this one was heard of; nil if there is none.
	Rival *WorkerInfo
}

// Live reports whether the worker was heard of within the last three times it should have
// been. One that did not shut down cleanly stays listed for ten leases.
func (w *Worker) Live() bool { return w.Silent <= 3*workersPause+workersTimeout }

// ReadWorkers lists the workers of a queue by name. key is that of the list or of the first
// partition's stream. What no worker has written is left out. Errors come from Redis.
func ReadWorkers(ctx context.Context, client redis.UniversalClient, key string) ([]Worker, error) {
	hash := KeysOf(key).Workers
	reply, err := redisconn.Run(ctx, client, workersListScript, []string{hash}).Slice()
	if err != nil {
		return nil, wrap(err, "reading %s", hash)
	}
	now := time.UnixMilli(integer(reply[1]))
	pairs := texts(reply[0])
	var workers []Worker
	for i := 0; i+1 < len(pairs); i += 2 {
		var said struct {
			WorkerInfo
			At    int64       `json:"at"`
			Rival *WorkerInfo `json:"rival"`
		}
		if json.Unmarshal([]byte(pairs[i+1]), &said) != nil || said.At == 0 {
			continue
		}
		w := Worker{WorkerInfo: said.WorkerInfo, StartedAt: time.UnixMilli(said.Started), At: time.UnixMilli(said.At), Rival: said.Rival}
		w.Consumer, w.Silent = pairs[i], now.Sub(w.At)
		workers = append(workers, w)
	}
	slices.SortFunc(workers, func(a, b Worker) int { return cmp.Compare(a.Consumer, b.Consumer) })
	return workers, nil
}
