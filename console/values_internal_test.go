package console

import (
	"errors"
	"testing"
	"time"

	"ingestion/internal/inspect"
	"ingestion/streams"
)

// What cannot be known is unknown, in the sums as well, and no number is made of the rest.
func TestValuesThatAreUnknown(t *testing.T) {
	partition := func(change func(*streams.Snapshot)) inspect.Partition {
		s := &streams.Snapshot{Account: &streams.Account{Epoch: 1, Known: true, StreamThere: true, GroupThere: true}}
		change(s)
		return inspect.Partition{Snapshot: s}
	}
	whole := partition(func(*streams.Snapshot) {})
	vague := partition(func(s *streams.Snapshot) { s.BacklogUnknown = true })
	alone := partition(func(s *streams.Snapshot) { s.GroupThere = false })
	due := partition(func(s *streams.Snapshot) { s.Due, s.Delayed = 1200, 1500 })
	unread := inspect.Partition{Err: errors.New("x")}
	of := func(partitions ...inspect.Partition) state {
		return state{Status: &inspect.Status{Partitions: partitions}}
	}
	redis := func(r inspect.Redis, control error) state {
		return state{Status: &inspect.Status{Redis: r, Control: inspect.Control{Err: control}}}
	}
	mongo := func(m *inspect.Mongo, asking bool) state {
		return state{Status: &inspect.Status{Mongo: m}, Asking: asking}
	}
	for name, c := range map[string]struct {
		state state
		want  map[string]string
	}{
		"all":            {of(whole, whole), map[string]string{"undelivered": "0", "pending": "0", "settled": "0", "verdict": "✓ balanced", "delayed.due": ""}},
		"a backlog":      {of(whole, vague), map[string]string{"undelivered": "unknown", "p.0.undelivered": "0", "p.1.undelivered": "unknown", "pending": "0"}},
		"no group":       {of(alone), map[string]string{"pending": "unknown", "p.0.pending": "unknown"}},
		"due":            {of(whole, due), map[string]string{"delayed": "1,500", "delayed.due": "1,200 due now"}},
		"a partition":    {of(due, unread), map[string]string{"settled": "unknown", "delayed": "unknown", "delayed.due": "", "p.0.delayed": "1,500", "p.1.delayed": "unknown"}},
		"a verdict":      {of(whole, unread), map[string]string{"verdict": "? unknown", "undelivered": "unknown"}},
		"Redis":          {redis(inspect.Redis{Err: errors.New("x")}, errors.New("x")), map[string]string{"redis": "✕ does not answer", "redis.state": "error", "reading": "? unknown whether paused"}},
		"its health":     {redis(inspect.Redis{Err: errors.New("x")}, nil), map[string]string{"redis": "? up, health unknown", "redis.state": "warn"}},
		"one node":       {redis(inspect.Redis{Nodes: []inspect.Node{{Used: 1024}, {Err: errors.New("x")}}}, nil), map[string]string{"redis": "✕ not all nodes answer", "redis.state": "error", "redis.0": "1.0 KiB", "redis.1": "unknown"}},
		"no MongoDB":     {mongo(nil, false), map[string]string{"mongo": "not asked", "mongo.state": "note"}},
		"a slow one":     {mongo(nil, true), map[string]string{"mongo": "? has not answered yet", "mongo.state": "warn"}},
		"one that fails": {mongo(&inspect.Mongo{Err: errors.New("x")}, false), map[string]string{"mongo": "✕ does not answer", "mongo.state": "error"}},
	} {
		got := valuesOf(&c.state)
		for value, want := range c.want {
			if got[value] != want {
				t.Errorf("%s: %s is %q, want %q", name, value, got[value], want)
			}
		}
	}
}

// What waits for the archive is unknown if a partition does not tell, and served only if all are.
func TestArchiveOfAllPartitions(t *testing.T) {
	with := func(a streams.ArchiveState) inspect.Partition {
		return inspect.Partition{Snapshot: &streams.Snapshot{Archive: a}}
	}
	three, vague, alone := with(streams.ArchiveState{On: true, Served: true, Lag: 3}), with(streams.ArchiveState{On: true, Served: true, Lag: -1}), with(streams.ArchiveState{On: true, Lag: 4})
	for name, c := range map[string]struct {
		partitions []inspect.Partition
		want       archiveState
	}{
		"none":              {[]inspect.Partition{with(streams.ArchiveState{}), {Err: errors.New("x")}}, archiveState{Served: true}},
		"known":             {[]inspect.Partition{three, three}, archiveState{On: true, Served: true, Lag: 6}},
		"unknown at last":   {[]inspect.Partition{three, vague}, archiveState{On: true, Served: true, Lag: -1}},
		"unknown at first":  {[]inspect.Partition{vague, three}, archiveState{On: true, Served: true, Lag: -1}},
		"one is not served": {[]inspect.Partition{alone, three}, archiveState{On: true, Lag: 7}},
	} {
		if got := archiveOf(&inspect.Status{Partitions: c.partitions}); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

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
