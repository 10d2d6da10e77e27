package main

import (
	"strings"
	"time"

	"ingestion/archive/fold"
	"ingestion/internal/answer"
	"ingestion/internal/letters"
	"ingestion/record"
)

// rebuildJSON is the result of rebuild. docs/schema/ingestctl-rebuild.json describes it.
type rebuildJSON struct {
	Version    int                `json:"version"`
	Into       string             `json:"into"`
	Archive    bool               `json:"archive"`
	DryRun     bool               `json:"dryRun"`
	Resumed    bool               `json:"resumed"`
	StartedAt  *string            `json:"startedAt"`
	FinishedAt *string            `json:"finishedAt"`
	Seconds    float64            `json:"seconds"`
	Rate       float64            `json:"rate"`
	Rules      rulesJSON          `json:"rules"`
	Partitions []rebuiltPartition `json:"partitions"`
	Read       int64              `json:"read"`
	PutBack    int64              `json:"putBack"`
	Recorded   int64              `json:"recorded"`
	Outcomes   map[string]int64   `json:"outcomes"`
	Diff       *comparisonJSON    `json:"diff"`
}

type rulesJSON struct {
	Limit           int     `json:"limit"`
	WindowSeconds   float64 `json:"windowSeconds"`
	Policy          string  `json:"policy"`
	MaxDelaySeconds float64 `json:"maxDelaySeconds"`
	MaxRecordBytes  int     `json:"maxRecordBytes"`
	JudgeAgain      bool    `json:"judgeAgain"`
}

type rebuiltPartition struct {
	Key     string `json:"key"`
	After   string `json:"after"`
	End     string `json:"end"`
	Through string `json:"through"`
}

// comparisonJSON is the result of rebuild diff. docs/schema/ingestctl-rebuild-diff.json
// describes it.
type comparisonJSON struct {
	Version     int              `json:"version"`
	First       string           `json:"first"`
	Second      string           `json:"second"`
	Same        int64            `json:"same"`
	Missing     int64            `json:"missing"`
	Extra       int64            `json:"extra"`
	Changed     int64            `json:"changed"`
	Outside     int64            `json:"outside"`
	Fields      map[string]int64 `json:"fields"`
	Reasons     map[string]int64 `json:"reasons"`
	Masked      bool             `json:"masked"`
	Differences []differenceJSON `json:"differences"`
}

type differenceJSON struct {
	Kind       string       `json:"kind"`
	ID         string       `json:"_id"`
	CustomerID string       `json:"customerId,omitempty"`
	StreamID   string       `json:"streamId,omitempty"`
	Why        string       `json:"why,omitempty"`
	Values     []valuesJSON `json:"values,omitempty"`
}

type valuesJSON struct {
	Field  string  `json:"field"`
	First  *string `json:"first"`
	Second *string `json:"second"`
}

func rebuildJSONOf(s *session, f *rebuildFlags, state *fold.State, resumed bool, took time.Duration) *rebuildJSON {
	r := &rebuildJSON{
		Version: 1, Into: s.cfg.MongoDB + "." + f.into, Archive: f.archived, DryRun: f.dryRun, Resumed: resumed,
		StartedAt: answer.Time(state.StartedAt), Seconds: took.Seconds(), Read: state.Counts.Read, PutBack: state.Counts.PutBack, Recorded: state.Counts.Recorded, Outcomes: map[string]int64{},
		Rules: rulesJSON{
			Limit: state.Rules.Limit, WindowSeconds: state.Rules.Window.Seconds(), Policy: s.cfg.RateLimitPolicy,
			MaxDelaySeconds: state.Rules.MaxDelay.Seconds(), MaxRecordBytes: state.Rules.MaxRecordBytes, JudgeAgain: state.Rules.JudgeAgain,
		},
	}
	if state.FinishedAt != nil {
		r.FinishedAt = answer.Time(*state.FinishedAt)
	}
	for _, outcome := range record.Outcomes() {
		r.Outcomes[outcome.String()] = state.Counts.Outcomes[outcome.String()]
	}
	for _, p := range state.Partitions {
		r.Partitions = append(r.Partitions, rebuiltPartition{Key: p.Key, After: p.After, End: p.End, Through: p.Through})
	}
	return r
}

func comparisonOf(s *session, first, second string, c *comparing, found *fold.Comparison) *comparisonJSON {
	out := &comparisonJSON{
		Version: 1, First: s.cfg.MongoDB + "." + first, Second: s.cfg.MongoDB + "." + second,
		Same: found.Same, Missing: found.Missing, Extra: found.Extra, Changed: found.Changed, Outside: found.Outside,
		Fields: found.Fields, Reasons: found.Reasons, Masked: !c.reveal, Differences: []differenceJSON{},
	}
	for _, d := range found.Differences {
		one := differenceJSON{Kind: string(d.Kind), ID: d.ID, CustomerID: d.CustomerID, StreamID: d.StreamID, Why: d.Why}
		for _, v := range d.Values {
			one.Values = append(one.Values, valuesJSON{v.Field, c.value(v.Field, v.First), c.value(v.Field, v.Second)})
		}
		out.Differences = append(out.Differences, one)
	}
	return out
}

// value is a value to be shown, nil for a field that the document lacks.
func (c *comparing) value(field, text string) *string {
	if text == "" {
		return nil
	}
	switch {
	case c.reveal, field == "customerId", field == "streamId", field == "createdAt":
	case field == "name":
		text = letters.MaskedText(strings.Trim(text, `"`))
	case field == "email":
		text = letters.MaskedEmail(strings.Trim(text, `"`))
	default:
		text = "***"
	}
	return &text
}
