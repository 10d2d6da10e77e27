package inspect

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"ingestion/internal/plural"
	"ingestion/streams"
)

// unopened reports partitions that no worker has opened.
func (j *judge) unopened() {
	p, more, ok := j.among(func(p Partition) int64 { return weigh(!p.Opened()) })
	if !ok {
		return
	}
	f := Finding{
		Severity: Error, Code: "no_account", Subject: p.Key, More: more, Text: "there is no account: no worker has run with these settings (QUEUE_MODE, STREAM_KEY, STREAM_PARTITIONS), or Redis has lost its data",
		Do: "Start a worker with these settings", Command: "worker",
	}
	if p.GroupThere {
		f.Text = "the ledger is gone: there is no account of what was read before"
		f.Do, f.Command = "Restart the workers, which open a new one", "worker"
	}
	j.add(f)
}

// accounts reports what does not balance, or cannot.
func (j *judge) accounts() {
	p, more, ok := j.among(func(p Partition) int64 { return weigh(p.Opened() && p.Verdict() == streams.Unbalanced) })
	if ok {
		j.add(Finding{
			Severity: Error, Code: "unbalanced", Subject: p.Key, More: more, Text: "the account does not balance: " + strings.Join(p.Faults(), "; "),
			Do: "Look again in a minute, when workers have checked", Command: "ingestctl reconcile",
		})
	}
	p, more, ok = j.among(func(p Partition) int64 { return weigh(p.Opened() && p.Verdict() == streams.Unknown && p.Unaccounted) })
	if ok {
		j.add(Finding{
			Severity: Error, Code: "unaccounted", Subject: p.Key, More: more, Text: "the ledger was opened after the group had been read: nothing can be compared",
			Do: "Compare with MongoDB", Command: "ingestctl reconcile --documents",
		})
	}
}

// uncounted reports figures that are unknown, though the account is there.
func (j *judge) uncounted() {
	p, more, ok := j.among(func(p Partition) int64 { return weigh(p.Opened() && p.BacklogUnknown) })
	if ok {
		j.add(Finding{
			Severity: Warning, Code: "backlog_unknown", Subject: p.Key, More: more,
			Text: "how many entries are undelivered is unknown: another client deleted entries, and there are too many to count at each look",
			Do:   "Count them, which takes some seconds", Command: "ingestctl reconcile",
		})
	}
	p, more, ok = j.among(func(p Partition) int64 { return weigh(p.Uncounted) })
	if ok {
		j.add(Finding{
			Severity: Note, Code: "uncounted", Subject: p.Key, More: more,
			Text: "this Redis does not count the entries ever added, so the account cannot show whether another client deleted some",
		})
	}
}

func (j *judge) missing() {
	var missing int64
	p, more, ok := j.among(func(p Partition) int64 { missing += p.Missing; return p.Missing })
	if ok {
		j.add(Finding{
			Severity: Warning, Code: "missing", Subject: only(p, more),
			Text: fmt.Sprintf("%s without an outcome: another client deleted, skipped or dropped them", plural.Counted(missing, "entry is", "entries are")),
			Do:   "Send them again; the workers' log names them", Command: "ingestctl reconcile",
		})
	}
}

// waiting reports entries that no worker has taken for long.
func (j *judge) waiting() {
	if j.Control.Active {
		return
	}
	p, more, ok := j.among(func(p Partition) int64 { return j.tooOld(p, p.OldestUndelivered) })
	if ok {
		j.add(Finding{
			Severity: Error, Code: "lag", Subject: p.Key, More: more,
			Text: fmt.Sprintf("the oldest undelivered entry has waited for %s", Age(time.Duration(p.weight))),
			Do:   "If the lag does not fall, start more workers", Command: "ingestctl status --watch",
		})
	}
}

// held reports entries that are not finished though nothing waits before them: in a
// backlog all entries are old.
func (j *judge) held() {
	p, more, ok := j.among(func(p Partition) int64 {
		if j.tooOld(p, p.OldestUndelivered) > 0 {
			return 0
		}
		return j.tooOld(p, p.OldestPending)
	})
	if ok {
		j.add(Finding{
			Severity: Error, Code: "held", Subject: p.Key, More: more,
			Text: fmt.Sprintf("a worker has had an entry that arrived %s ago, and does not finish it", Age(time.Duration(p.weight))),
			Do:   "Find out which worker has it", Command: "ingestctl trace " + p.OldestPending,
		})
	}
}

// tooOld is the age of an entry in nanoseconds if that is too much, else 0.
func (j *judge) tooOld(p Partition, id string) int64 {
	age, ok := p.Age(id)
	if !ok || age <= j.maxAge {
		return 0
	}
	return int64(age)
}

func (j *judge) paused() {
	if !j.Control.Active {
		return
	}
	j.add(Finding{
		Severity: Note, Code: "paused", Text: fmt.Sprintf("%s has paused the queue %s", cmp.Or(j.Control.By, "someone"), PauseEnd(j.Control.Control)),
		Do: "Resume it when the reason is gone", Command: "ingestctl resume",
	})
}

// PauseEnd says until when the queue is paused.
func PauseEnd(c streams.Control) string {
	if c.Paused {
		return "until it is resumed"
	}
	return "until " + c.Until.UTC().Format(time.RFC3339)
}

func (j *judge) letters() {
	var letters int64
	p, more, ok := j.among(func(p Partition) int64 { letters += p.DeadKept; return p.DeadKept })
	f := Finding{
		Severity: Note, Code: "dead_letters", Do: "See which records were refused and why", Command: "ingestctl dead list",
	}
	if ok {
		f.Subject = only(p, more)
	} else if j.List != nil && j.List.Err == nil {
		f.Subject, letters = j.List.Key, j.List.DeadLetters
	}
	if letters > 0 {
		f.Text = plural.Counted(letters, "refused record is", "refused records are") + " kept as dead letters"
		if len(j.Accounts()) < len(j.Partitions) {
			f.Text = "at least " + f.Text
		}
		j.add(f)
	}
}

// only is the key of the partition, unless there are others: a sum is of no single one.
func only(p found, more int) string {
	if more > 0 {
		return ""
	}
	return p.Key
}

func weigh(holds bool) int64 {
	if holds {
		return 1
	}
	return 0
}
