package console

import (
	"errors"
	"testing"
	"time"

	"ingestion/internal/inspect"
	"ingestion/streams"
)

// There is no worker only if all that could tell of one could be read.
func TestWorkersThatAreUnknown(t *testing.T) {
	silent := []streams.Worker{{WorkerInfo: streams.WorkerInfo{Consumer: "w"}, Silent: time.Hour}}
	live := []streams.Worker{{WorkerInfo: streams.WorkerInfo{Consumer: "v"}}}
	full := inspect.Redis{Nodes: []inspect.Node{{Used: 100, MaxMemory: 100, Policy: "noeviction"}}}
	for name, c := range map[string]struct {
		status inspect.Status
		want   string
	}{
		"none":                      {inspect.Status{}, "✕ none"},
		"the registry fails":        {inspect.Status{Registered: inspect.Registered{Err: errors.New("x")}}, "? unknown"},
		"a partition fails":         {inspect.Status{Partitions: []inspect.Partition{{Err: errors.New("x")}}}, "? unknown"},
		"silent":                    {inspect.Status{Registered: inspect.Registered{Workers: silent}}, "✕ 0 live, 1 silent or stuck"},
		"silent at maxmemory":       {inspect.Status{Registered: inspect.Registered{Workers: silent}, Redis: full}, "? unknown"},
		"none at maxmemory":         {inspect.Status{Redis: full}, "? unknown"},
		"another one, at maxmemory": {inspect.Status{Registered: inspect.Registered{Workers: append(live, silent...)}, Redis: full}, "? 1 live, 1 unknown"},
		"live":                      {inspect.Status{Registered: inspect.Registered{Workers: live}}, "✓ 1 worker live"},
	} {
		c.status.Source.Lease = time.Minute
		v := values{}
		v.addWorkers(&state{Status: &c.status})
		if v["workers"] != c.want {
			t.Errorf("%s: %s, want %s", name, v["workers"], c.want)
		}
	}
}
