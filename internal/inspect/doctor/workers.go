package doctor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ingestion/internal/redisconn"
	"ingestion/streams"
)

// liveWorkers lists the workers that were heard of lately. Those with one partition and
// those with several are listed at different keys.
func (e *exam) liveWorkers(ctx context.Context) (live []streams.Worker, err error) {
	own := e.keys()[0]
	keys := []string{own}
	if other := e.otherFirstPartition(); other != "" {
		keys = append(keys, other)
	}
	for _, key := range keys {
		workers, err := streams.ReadWorkers(ctx, e.redis, key)
		if err != nil && key != own && redisconn.Fault(err) != "" {
			continue // workers with that number of partitions could not run either
		}
		if err != nil {
			return nil, err
		}
		for _, w := range workers {
			if w.Live() {
				live = append(live, w)
			}
		}
	}
	return live, nil
}

// otherFirstPartition is where workers would be listed that have several partitions if there
// is one here, and vice versa; "" in list mode.
func (e *exam) otherFirstPartition() string {
	switch {
	case !inStreamMode(e):
		return ""
	case e.cfg.StreamPartitions == 1:
		return e.cfg.StreamKey + ":0"
	default:
		return e.cfg.StreamKey
	}
}

func workerNames(ctx context.Context, e *exam, f *findings) error {
	live, err := e.liveWorkers(ctx)
	for _, w := range live {
		if w.Rival != nil {
			f.add(Error, fmt.Sprintf("two workers have the name %q: process %d on %s, and process %d on %s", w.Consumer, w.PID, w.Host, w.Rival.PID, w.Rival.Host),
				"each takes entries that the other holds for its own, so that leases are renewed and handed back by the wrong one",
				"give each worker a STREAM_CONSUMER of its own, or leave it unset")
		}
	}
	return err
}

func workerSettings(ctx context.Context, e *exam, f *findings) error {
	live, err := e.liveWorkers(ctx)
	if err != nil || len(live) == 0 {
		return err
	}
	const remedy = "give all workers the same value, and restart those that differ"
	for _, name := range settingsIn(live) {
		if values := valuesOf(live, name); len(values) > 1 {
			f.add(Error, fmt.Sprintf("the workers differ in %s: %s", name, strings.Join(values, "; ")),
				"what becomes of a record depends on which worker gets it", remedy)
		}
	}
	if len(f.list) > 0 {
		return nil
	}
	ours := e.cfg.Shared()
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if theirs, told := live[0].Settings[name]; told && theirs != ours[name] {
			f.add(Warning, fmt.Sprintf("here %s is %s, but for the workers it is %s", name, ours[name], theirs),
				"what you see with these settings is not what the workers do", "run ingestctl with the settings of the workers")
		}
	}
	return nil
}

func settingsIn(workers []streams.Worker) []string {
	names := map[string]bool{}
	for _, w := range workers {
		for name := range w.Settings {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// valuesOf lists the values of a setting, each with the workers that have it.
func valuesOf(workers []streams.Worker, name string) (list []string) {
	having := map[string][]string{}
	for _, w := range workers {
		if value, told := w.Settings[name]; told {
			having[value] = append(having[value], w.Consumer)
		}
	}
	return listed(having)
}

// listed says who has which value.
func listed(having map[string][]string) (list []string) {
	for _, value := range slices.Sorted(maps.Keys(having)) {
		who := having[value]
		slices.Sort(who)
		list = append(list, fmt.Sprintf("%s (%s)", value, strings.Join(who[:min(len(who), 2)], ", ")+more(who, 2)))
	}
	return list
}

func workerVersions(ctx context.Context, e *exam, f *findings) error {
	live, err := e.liveWorkers(ctx)
	having := map[string][]string{}
	for _, w := range live {
		having[w.Version] = append(having[w.Version], w.Consumer)
	}
	if len(having) > 1 {
		f.add(Warning, "the workers have different versions: "+strings.Join(listed(having), "; "),
			"what becomes of a record may depend on which worker gets it", "finish the upgrade")
	}
	return err
}
