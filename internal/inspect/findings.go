package inspect

import (
	"cmp"
	"slices"
	"time"
)

// Severity says how bad a finding is.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"   // not in order
	Warning Severity = "warning" // in order, but it may not stay so, or something was lost
	Note    Severity = "note"    // in order, and worth knowing
)

func (s Severity) rank() int { return slices.Index([]Severity{Error, Warning, Note}, s) }

// Finding is something that an operator should know, and what to do about it.
type Finding struct {
	Severity Severity
	Code     string // what kind of finding it is, in lower case with underscores; fixed
	// Subject is the key of a partition, the address of a server or the name of a worker,
	// if the finding is about one. More is how many others it holds for.
	Subject string
	More    int
	Text    string // a sentence without its full stop
	Do      string // likewise, in the imperative; empty if there is nothing to do
	Command string // the command that does it, or the first one to run
}

// Limits are from when on a state is not in order.
type Limits struct {
	// MaxAge is how long an entry may wait. 0: 5 minutes.
	MaxAge time.Duration
}

// MaxAge is how long an entry may wait by default, as in the alert IngestionLag.
const MaxAge = 5 * time.Minute

// Findings judges the state. The worst findings come first, and of these the causes
// before the effects. There are none if all is well.
func (s *Status) Findings(limits Limits) []Finding {
	j := &judge{Status: s, maxAge: cmp.Or(limits.MaxAge, MaxAge)}
	for _, check := range []func(*judge){
		(*judge).servers, (*judge).memory, (*judge).persistence, (*judge).unreadable, (*judge).workers, (*judge).silent,
		(*judge).unopened, (*judge).accounts, (*judge).waiting, (*judge).held, (*judge).unarchived, (*judge).missing, (*judge).uncounted, (*judge).paused, (*judge).letters,
	} {
		check(j)
	}
	slices.SortStableFunc(j.findings, func(a, b Finding) int { return cmp.Compare(a.Severity.rank(), b.Severity.rank()) })
	return j.findings
}

// InOrder reports whether there is no error among the findings.
func InOrder(findings []Finding) bool {
	return !slices.ContainsFunc(findings, func(f Finding) bool { return f.Severity == Error })
}

// judge collects findings.
type judge struct {
	*Status
	maxAge   time.Duration
	findings []Finding
}

func (j *judge) add(f Finding) { j.findings = append(j.findings, f) }

// found is a partition for which something holds, and how much.
type found struct {
	Partition
	weight int64
}

// among returns the partition that weighs most and how many others weigh anything, or
// false if none does.
func (j *judge) among(weigh func(p Partition) int64) (most found, more int, ok bool) {
	for _, p := range j.Partitions {
		if p.Err != nil {
			continue
		}
		weight := weigh(p)
		if weight <= 0 {
			continue
		}
		if ok {
			more++
		}
		if !ok || weight > most.weight {
			most = found{p, weight}
		}
		ok = true
	}
	return most, more, ok
}

// down reports whether Redis told nothing at all.
func (j *judge) down() bool {
	if j.Redis.Err == nil || j.Control.Err == nil || j.List != nil && j.List.Err == nil {
		return false
	}
	return !slices.ContainsFunc(j.Partitions, func(p Partition) bool { return p.Err == nil })
}
