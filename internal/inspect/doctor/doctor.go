// Package doctor examines a deployment before it runs, or while it does: servers,
// settings, permissions, and what the workers say of themselves. It changes nothing.
//
// table.go lists the checks; each is a small function in the file of its theme.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ingestion/internal/config"
	"ingestion/internal/redisconn"
)

// Severity says how bad a finding is.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"   // records are refused, lost or judged wrongly, or will be
	Warning Severity = "warning" // a risk
	Unknown Severity = "unknown" // the check could not be made
)

// Finding is something that a check has found.
type Finding struct {
	Check    string // its name
	Severity Severity
	What     string // a sentence without a full stop, as are the next two
	Why      string // why it matters
	Remedy   string // what to do
}

// Check is one entry of the table.
type Check struct {
	Name  string // such as redis-version
	Theme string
	Title string // what is as it should be if nothing is found
}

// Result is what became of a check.
type Result struct {
	Check
	Findings []Finding
	Skipped  string // why the check was not made; "" if it was
}

// Role is what a program does with Redis.
type Role string

// The roles.
const (
	Worker   Role = "worker"
	Producer Role = "producer"
	Operator Role = "operator" // ingestctl
	Archiver Role = "archiver"
	Viewer   Role = "viewer" // the console that changes nothing, and /metrics/queue
)

// Roles lists all roles.
func Roles() []Role { return []Role{Worker, Producer, Operator, Archiver, Viewer} }

// Options says what to examine.
type Options struct {
	// Config has the settings. It is nil if they are invalid: then ConfigErr says why,
	// and no server is asked.
	Config    *config.Config
	ConfigErr error
	Role      Role // whose permissions are checked; "" is Worker
	// RightsOnly leaves out all checks but those of permissions, and also looks for rights
	// that the role does not need.
	RightsOnly bool
	// Done is called after each check, in the order of the table; may be nil.
	Done func(Result)
	// Now is the clock of this host; nil is time.Now.
	Now func() time.Time
}

// checkTimeout bounds each check.
const checkTimeout = 5 * time.Second

// Run makes all checks that apply, one after the other, each within five seconds, and
// returns their results in the order of Checks. A check that fails by itself is a finding
// of severity Unknown; the others go on.
func Run(ctx context.Context, opts Options) []Result {
	e := newExam(opts)
	defer e.close()
	var results []Result
	for _, c := range table {
		if ctx.Err() != nil {
			break
		}
		if c.applies != nil && !c.applies(e) || opts.RightsOnly && !slices.Contains(rightsChecks, c.Name) {
			continue
		}
		result := e.perform(ctx, c)
		results = append(results, result)
		if opts.Done != nil {
			opts.Done(result)
		}
	}
	return results
}

func (e *exam) perform(ctx context.Context, c check) Result {
	result := Result{Check: c.Check}
	if result.Skipped = e.skips(c); result.Skipped != "" {
		return result
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	found := &findings{check: c.Name}
	if err := c.run(ctx, e, found); err != nil {
		found.add(Unknown, "could not check: "+reasonOf(err), "", unknownRemedy(err))
	}
	result.Findings = found.list
	return result
}

// reasonOf is the text of an error without the names of functions of a library.
func reasonOf(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Sprintf("no answer within %v", checkTimeout)
	}
	return redisconn.Plain(err).Error()
}

func unknownRemedy(err error) string {
	if redisconn.Fault(err) != "" {
		return "give the user that right, or run doctor as a user that has it"
	}
	return "run doctor again"
}

// findings collects what one check finds.
type findings struct {
	check string
	list  []Finding
}

func (f *findings) add(severity Severity, what, why, remedy string) {
	f.list = append(f.list, Finding{Check: f.check, Severity: severity, What: what, Why: why, Remedy: remedy})
}

// Worst is the worst severity of all findings; "" if there is none.
func Worst(results []Result) Severity {
	for _, severity := range []Severity{Error, Warning, Unknown} {
		for _, r := range results {
			for _, f := range r.Findings {
				if f.Severity == severity {
					return severity
				}
			}
		}
	}
	return ""
}
