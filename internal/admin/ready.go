package admin

import (
	"context"
	"sync"
	"time"
)

// Dependency is something without which the program can't do its work.
type Dependency struct {
	Name string
	// Check returns why it can't be used now, or nil. It ends soon after ctx.
	Check func(ctx context.Context) *Fault
}

// Fault is why a dependency can't be used.
type Fault struct {
	Reason string    // for an operator
	Action string    // what the program does about it
	Since  time.Time // zero: since a check has found it
}

// Report is the answer of /readyz.
type Report struct {
	Ready        bool             `json:"ready"`
	Dependencies map[string]State `json:"dependencies"`
}

// State is that of one dependency.
type State struct {
	OK     bool      `json:"ok"`
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
	Action string    `json:"action,omitempty"`
}

const (
	checkTimeout = 2 * time.Second
	checkEvery   = time.Second // at most, however often the report is asked for
)

// Readiness checks dependencies when it is asked. It is safe for concurrent use.
type Readiness struct {
	dependencies []Dependency

	mu      sync.Mutex // held while they are checked
	checked time.Time
	states  map[string]State
}

// NewReadiness returns the readiness of a program with these dependencies.
func NewReadiness(dependencies ...Dependency) *Readiness {
	return &Readiness{dependencies: dependencies}
}

// Report checks the dependencies, unless that was done within the last second.
func (r *Readiness) Report(ctx context.Context) Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Since(r.checked) > checkEvery {
		r.check(ctx)
	}
	report := Report{Ready: true, Dependencies: r.states}
	for _, state := range r.states {
		report.Ready = report.Ready && state.OK
	}
	return report
}

// check does not end with the request, since others get its result too.
func (r *Readiness) check(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
	defer cancel()
	faults := make([]*Fault, len(r.dependencies))
	var wait sync.WaitGroup
	for i, d := range r.dependencies {
		wait.Go(func() { faults[i] = d.Check(ctx) })
	}
	wait.Wait()
	r.checked = time.Now()
	states := make(map[string]State, len(r.dependencies)) // the last ones may be on their way to a client
	for i, d := range r.dependencies {
		states[d.Name] = next(r.states[d.Name], faults[i], r.checked)
	}
	r.states = states
}

// next returns the state after a check at the given time.
func next(last State, fault *Fault, at time.Time) State {
	state := State{OK: fault == nil, Since: at}
	if state.OK == last.OK && !last.Since.IsZero() {
		state.Since = last.Since
	}
	if fault != nil {
		state.Reason, state.Action = fault.Reason, fault.Action
		if !fault.Since.IsZero() {
			state.Since = fault.Since
		}
	}
	state.Since = state.Since.UTC().Truncate(time.Millisecond)
	return state
}
