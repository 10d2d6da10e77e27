package console

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"ingestion/internal/inspect"
	"ingestion/internal/plural"
	"ingestion/record"
	"ingestion/streams"
)

// values are the texts that change while a page is open, by name: elements with the name in
// data-live show them. A name that ends in .state has a class instead: ok, warn, error or note.
type values map[string]string

const unknown = "unknown"

// known is a number, or "unknown".
func known(n int64, isKnown bool) string {
	if !isKnown {
		return unknown
	}
	return plural.Thousands(n)
}

func valuesOf(s *state) values {
	v := values{"at": s.At.UTC().Format("15:04:05") + " UTC", "rate": s.Rate.String()}
	v.addControl(s)
	v.addVerdict(s)
	v.addServers(s)
	v.addWorkers(s)
	if s.List != nil {
		v["list"], v["dead"] = known(s.List.Length, s.List.Err == nil), known(s.List.DeadLetters, s.List.Err == nil)
		return v
	}
	v.addBalance(s)
	for i, p := range s.Partitions {
		v.addPartition("p."+strconv.Itoa(i)+".", p)
	}
	return v
}

func (r speed) String() string {
	when := " now"
	if r.Over > nowSpan {
		when = " in the last " + inspect.Age(r.Over)
	}
	switch {
	case !r.Known:
		return "rate unknown"
	case r.PerSecond >= 10:
		return plural.Thousands(int64(r.PerSecond+.5)) + "/s" + when
	default:
		return strconv.FormatFloat(r.PerSecond, 'f', 1, 64) + "/s" + when
	}
}

// addBalance says where the entries are, and what became of them.
func (v values) addBalance(s *state) {
	accounts := s.Accounts()
	all := len(accounts) > 0 && len(accounts) == len(s.Partitions)
	a := streams.Total(accounts)
	v["added"] = known(a.Added-a.Base, all && a.Known)
	v["undelivered"] = known(a.Undelivered, all && !s.backlogUnknown())
	v["undelivered.age"] = s.oldest(func(p inspect.Partition) string { return p.OldestUndelivered })
	v["pending"] = known(a.Pending, all && a.GroupThere)
	v["pending.age"] = s.oldest(func(p inspect.Partition) string { return p.OldestPending })
	v["settled"] = known(a.Settled(), all && a.Opened())
	v["missing"] = known(a.Missing, all && a.Opened())
	v["moved"] = known(a.Moved, all && a.Opened())
	v["delayed"] = known(a.Delayed, all)
	v["delayed.due"] = s.due(all)
	v["dead"] = known(a.DeadKept, all)
	v["length"] = known(a.Length, all)
	for _, o := range record.Outcomes() {
		v["outcome."+o.String()] = known(a.Outcomes[o], all && a.Opened())
	}
}

func (s *state) backlogUnknown() bool {
	for _, p := range s.Partitions {
		if p.Err != nil || p.BacklogUnknown {
			return true
		}
	}
	return false
}

func (s *state) due(all bool) string {
	if !all {
		return ""
	}
	var due int64
	for _, p := range s.Partitions {
		due += p.Due
	}
	if due == 0 {
		return ""
	}
	return plural.Thousands(due) + " due now"
}

// oldest is the age of the oldest of the entries with these IDs; "" if there is none. A partition that can't be read
// may have an older one.
func (s *state) oldest(id func(p inspect.Partition) string) string {
	most, words := time.Duration(-1), "oldest "
	for _, p := range s.Partitions {
		if p.Err != nil {
			words = "oldest at least "
			continue
		}
		if age, ok := p.Age(id(p)); ok {
			most = max(most, age)
		}
	}
	if most < 0 {
		return ""
	}
	return words + inspect.Age(most)
}

// partitionColumns are the values of a partition in the order of its table.
var partitionColumns = []string{"length", "undelivered", "age", "pending", "delayed", "dead", "bytes"}

func (v values) addPartition(name string, p inspect.Partition) {
	if p.Err != nil {
		for _, column := range partitionColumns {
			v[name+column] = unknown
		}
		return
	}
	v[name+"length"] = plural.Thousands(p.Length)
	v[name+"undelivered"] = known(p.Undelivered, !p.BacklogUnknown)
	v[name+"pending"] = known(p.Pending, p.GroupThere)
	v[name+"delayed"], v[name+"dead"] = plural.Thousands(p.Delayed), plural.Thousands(p.DeadKept)
	v[name+"age"] = "none waits"
	if age, ok := p.Age(p.OldestUndelivered); ok {
		v[name+"age"] = inspect.Age(age)
	}
	v[name+"bytes"] = size(p.Bytes)
}

// size is an amount of memory; negative if it is unknown.
func size(n int64) string {
	if n < 0 {
		return unknown
	}
	return humanize.IBytes(uint64(n))
}

// addControl says whether the queue is paused.
func (v values) addControl(s *state) {
	switch {
	case s.Control.Err != nil:
		v.badge("reading", "warn", "? unknown whether paused")
	case s.Control.Active:
		v.badge("reading", "warn", "‖ paused "+inspect.PauseEnd(s.Control.Control))
	default:
		v.badge("reading", "ok", "✓ not paused")
	}
}

func (v values) badge(name, state, text string) { v[name], v[name+".state"] = text, state }

// addVerdict says whether the account balances, and whether all is well.
func (v values) addVerdict(s *state) {
	worst := inspect.Note
	for _, f := range s.Findings {
		if f.Severity == inspect.Error || f.Severity == inspect.Warning && worst == inspect.Note {
			worst = f.Severity
		}
	}
	switch worst {
	case inspect.Error:
		v.badge("health", "error", "✕ not in order")
	case inspect.Warning:
		v.badge("health", "warn", "! in order, with warnings")
	default:
		v.badge("health", "ok", "✓ in order")
	}
	switch verdict := s.verdict(); verdict {
	case streams.Balanced:
		v.badge("verdict", "ok", "✓ balanced")
	case streams.Unknown:
		v.badge("verdict", "warn", "? unknown")
	default:
		v.badge("verdict", "error", "✕ "+string(verdict))
	}
}

// verdict is the worst of the partitions'; one that cannot be read makes it unknown.
func (s *state) verdict() streams.Verdict {
	accounts := s.Accounts()
	verdict := streams.Judge(accounts)
	if len(accounts) == 0 || verdict == streams.Balanced && len(accounts) < len(s.Partitions) {
		return streams.Unknown
	}
	return verdict
}

func (v values) addServers(s *state) {
	v.badge("redis", "ok", "✓ up")
	switch {
	case s.Redis.Err != nil && s.Control.Err == nil: // it answers, but does not tell how it is
		v.badge("redis", "warn", "? up, health unknown")
	case s.Redis.Err != nil:
		v.badge("redis", "error", "✕ does not answer")
	}
	for i, n := range s.Redis.Nodes {
		name := "redis." + strconv.Itoa(i)
		if n.Err != nil {
			v.badge("redis", "error", "✕ not all nodes answer")
			v[name] = unknown
			continue
		}
		v[name] = memory(n)
	}
	switch {
	case s.Asking:
		v.badge("mongo", "warn", "? has not answered yet")
	case s.Mongo == nil:
		v.badge("mongo", "note", "not asked")
	case s.Mongo.Err != nil:
		v.badge("mongo", "error", "✕ does not answer")
	default:
		v.badge("mongo", "ok", fmt.Sprintf("✓ up, %d ms", max(1, s.Mongo.Took.Milliseconds())))
	}
}

func memory(n inspect.Node) string {
	switch {
	case n.Used < 0:
		return "does not tell its memory"
	case n.MaxMemory > 0:
		return size(n.Used) + " of " + size(n.MaxMemory)
	default:
		return size(n.Used)
	}
}

func (v values) addWorkers(s *state) {
	live, silent, unclear := 0, 0, 0
	for _, w := range s.Workers() {
		switch w.State {
		case inspect.Live:
			live++
		case inspect.Stuck, inspect.Silent:
			silent++
		case inspect.Unclear:
			unclear++
		}
	}
	partly := len(s.Accounts()) < len(s.Partitions) // others may work in those that can't be read
	switch {
	case s.Registered.Err != nil, silent == 0 && live == 0 && (unclear > 0 || partly || s.Mute()):
		v.badge("workers", "warn", "? unknown")
	case silent > 0:
		v.badge("workers", "error", fmt.Sprintf("✕ %d live, %d silent or stuck", live, silent))
	case live == 0:
		v.badge("workers", "error", "✕ none")
	case unclear > 0:
		v.badge("workers", "warn", fmt.Sprintf("? %d live, %d unknown", live, unclear))
	default:
		v.badge("workers", "ok", fmt.Sprintf("✓ %s live", plural.Of(live, "worker", "workers")))
	}
}
