package answer

import (
	"time"

	"ingestion/internal/inspect"
	"ingestion/limiter"
)

type (
	// Limit is the limit of a customer: see docs/schema/ingestctl-limits-get.json.
	Limit struct {
		CustomerID string  `json:"customerId"`
		Key        string  `json:"key"`
		Own        *string `json:"own"`
		Applies    bool    `json:"ownApplies"`
		Fault      *string `json:"fault"`
		Limit      string  `json:"limit"`
		Default    string  `json:"default"`
	}
	// LimitOfOne is the answer about one customer.
	LimitOfOne struct {
		Version int `json:"version"`
		Limit
	}
	// Limits are the customers that have a limit of their own.
	Limits struct {
		Version int     `json:"version"`
		Default string  `json:"default"`
		Total   int64   `json:"total"`
		Limits  []Limit `json:"limits"`
	}
	// LimitChange is what setting or removing a limit has done, or would do.
	LimitChange struct {
		Version    int    `json:"version"`
		CustomerID string `json:"customerId"`
		DryRun     bool   `json:"dryRun"`
		Changed    bool   `json:"changed"`
		Before     Limit  `json:"before"`
		After      Limit  `json:"after"`
	}
	// Verdict is what a record that arrived now would meet.
	Verdict struct {
		Decision string  `json:"decision"`
		At       *string `json:"at"`
	}
	// Window is a customer's sliding window: see docs/schema/ingestctl-limits-show.json.
	Window struct {
		Version       int      `json:"version"`
		At            string   `json:"at"`
		CustomerID    string   `json:"customerId"`
		Limit         string   `json:"limit"`
		Own           *string  `json:"own"`
		InWindow      int      `json:"inWindow"`
		Ahead         int      `json:"ahead"`
		Exact         bool     `json:"exact"`
		TotalPlaces   int      `json:"totalPlaces"`
		Places        []Place  `json:"places"`
		Verdict       *Verdict `json:"verdict"`
		Refusals      []string `json:"refusals"`
		RefusalsError *string  `json:"refusalsError"`
		Looked        Looked   `json:"looked"`
		Lately        *Lately  `json:"lately"`
		LatelyError   *string  `json:"latelyError"`
	}
	// Lately is how often a customer's records were over the limit.
	Lately struct {
		AtLeast int64 `json:"atLeast"`
		AtMost  int64 `json:"atMost"`
	}
	// Place is a place in a window.
	Place struct {
		ID      string `json:"_id"`
		At      string `json:"at"`
		Waiting bool   `json:"waiting"`
	}
	// Tally is what a limit made of records, or would have made.
	Tally struct {
		Limit               string  `json:"limit"`
		Admitted            int64   `json:"admitted"`
		Refused             int64   `json:"refused"`
		Deferred            int64   `json:"deferred"`
		LongestDelaySeconds float64 `json:"longestDelaySeconds"`
	}
	// Simulation is what another limit would have done: see docs/schema/ingestctl-limits-simulate.json.
	Simulation struct {
		Version    int      `json:"version"`
		At         string   `json:"at"`
		CustomerID string   `json:"customerId"`
		Policy     string   `json:"policy"`
		Since      *string  `json:"since"`
		From       *string  `json:"from"`
		To         *string  `json:"to"`
		Arrivals   int64    `json:"arrivals"`
		Invalid    int64    `json:"invalid"`
		PutBack    int64    `json:"putBack"`
		Simulated  Tally    `json:"simulated"`
		Current    Tally    `json:"current"`
		Actual     Actual   `json:"actual"`
		Looked     []Looked `json:"looked"`
	}
	// Actual is what is known to have become of the records.
	Actual struct {
		Ingested      *int64  `json:"ingested"`
		IngestedError *string `json:"ingestedError"`
		DeadLetters   int64   `json:"deadLetters"`
		Waiting       int64   `json:"waiting"`
	}
)

// LimitOf is the limit of a customer.
func LimitOf(l inspect.CustomerLimit) Limit {
	return Limit{
		CustomerID: l.CustomerID, Key: l.Key, Own: Text(l.Own), Fault: limitFault(l), Limit: l.Limit.String(), Default: l.Default.String(),
		Applies: l.Own != "" && l.Fault == nil && !l.Misplaced && l.Default.Mode != limiter.Off,
	}
}

// LimitsOf are limits of customers, of total ones.
func LimitsOf(limits []inspect.CustomerLimit, total int64, standard limiter.Limit) Limits {
	out := Limits{Version: 1, Default: standard.String(), Total: total, Limits: []Limit{}}
	for _, l := range limits {
		out.Limits = append(out.Limits, LimitOf(l))
	}
	return out
}

// LimitChangeOf is a change of a customer's limit.
func LimitChangeOf(before, after inspect.CustomerLimit) LimitChange {
	return LimitChange{
		Version: 1, CustomerID: before.CustomerID, Changed: before.Own != after.Own, Before: LimitOf(before), After: LimitOf(after),
	}
}

func limitFault(l inspect.CustomerLimit) *string {
	if l.Fault == nil && l.Misplaced {
		return Text("it is in the partition of another customer")
	}
	return Error(l.Fault)
}

func tallyOf(t inspect.Tally) Tally {
	return Tally{Limit: t.Limit.String(), Admitted: t.Admitted, Refused: t.Refused, Deferred: t.Deferred, LongestDelaySeconds: t.LongestDelay.Seconds()}
}

// WindowOf is a customer's window.
func WindowOf(w *inspect.CustomerWindow) Window {
	out := Window{
		Version: 1, At: Moment(time.UnixMilli(w.Now)), CustomerID: w.CustomerID, Limit: w.Limit.String(), Own: Text(w.Own),
		InWindow: w.InWindow, Ahead: w.Ahead, Exact: w.Exact, TotalPlaces: w.Places, Places: []Place{},
		Refusals: Times(w.Refusals), RefusalsError: Error(w.RefusalsErr), Looked: lookedOf([]inspect.Looked{w.Looked})[0],
		LatelyError: Error(w.LatelyErr),
	}
	if w.Lately != nil {
		out.Lately = &Lately{AtLeast: w.Lately.AtLeast, AtMost: w.Lately.AtMost}
	}
	for _, place := range w.Around {
		out.Places = append(out.Places, Place{ID: place.Member, At: Moment(time.UnixMilli(place.At)), Waiting: place.At > w.Now})
	}
	if w.Known {
		out.Verdict = &Verdict{Decision: w.Verdict.Decision.String()}
		if at := max(w.Verdict.Place, w.Verdict.RetryAt); at > 0 {
			out.Verdict.At = Text(Moment(time.UnixMilli(at)))
		}
	}
	return out
}

// SimulationOf is a simulation. policy is defer or reject.
func SimulationOf(sim *inspect.Simulation, policy string) Simulation {
	out := Simulation{
		Version: 1, At: Moment(sim.At), CustomerID: sim.CustomerID, Policy: policy, Since: Time(sim.Since), From: Time(sim.From), To: Time(sim.To),
		Arrivals: sim.Arrivals, Invalid: sim.Invalid, PutBack: sim.PutBack, Simulated: tallyOf(sim.Then), Current: tallyOf(sim.Now),
		Actual: Actual{IngestedError: Error(sim.Actual.IngestedErr), DeadLetters: sim.Actual.Refused, Waiting: sim.Actual.Waiting},
		Looked: lookedOf(sim.Looked),
	}
	if sim.Actual.IngestedErr == nil {
		out.Actual.Ingested = &sim.Actual.Ingested
	}
	return out
}
