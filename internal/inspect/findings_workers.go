package inspect

import (
	"fmt"

	"ingestion/internal/plural"
)

// workers reports that no worker runs, if all that could tell could be read.
func (j *judge) workers() {
	if j.Registered.Err != nil || len(j.Accounts()) < len(j.Partitions) || !j.used() {
		return
	}
	for _, w := range j.Workers() {
		if w.State == Live || w.State == Stuck {
			return
		}
	}
	if j.Mute() {
		j.add(Finding{
			Severity: Warning, Code: "workers_unknown", Text: "whether a worker runs is unknown: Redis is at maxmemory and refuses their signs of life",
			Do: "Make room in Redis and look again", Command: "ingestctl status",
		})
		return
	}
	f := Finding{Severity: Warning, Code: "no_workers", Text: "no worker runs", Do: "Start a worker", Command: "worker"}
	if j.anyWaits() {
		f.Severity = Error
		f.Text += ", and records wait"
	}
	j.add(f)
}

// used reports whether a worker has ever opened a partition, or whether that is unknown.
func (j *judge) used() bool {
	if j.Source.IsList() {
		return true
	}
	for _, p := range j.Partitions {
		if p.Opened() && p.GroupThere {
			return true
		}
	}
	return false
}

func (j *judge) anyWaits() bool {
	if j.List != nil && j.List.Err == nil && j.List.Length > 0 {
		return true
	}
	for _, p := range j.Partitions {
		if p.BacklogUnknown || p.Unfinished() > 0 {
			return true
		}
	}
	return false
}

// silent reports workers that hold entries and do not renew their leases.
func (j *judge) silent() {
	var first *Worker
	more := -1
	for _, w := range j.Workers() {
		if w.Stuck == 0 {
			continue
		}
		if first == nil {
			first = &w
		}
		more++
	}
	if first == nil {
		return
	}
	f := Finding{
		Severity: Error, Code: "silent_worker", Subject: first.Name, More: more,
		Text: fmt.Sprintf("the worker has been silent for %s and holds %s", Age(first.Quiet), plural.Counted(first.Stuck, "entry", "entries")),
		Do:   "Restart the worker and see if others take over", Command: "ingestctl status --watch",
	}
	if j.Control.Active { // then nobody takes it over
		f.Severity, f.Do, f.Command = Warning, "Resume the queue, so that others take over", "ingestctl resume"
	}
	j.add(f)
}
