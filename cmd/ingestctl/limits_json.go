package main

import (
	"time"

	"ingestion/internal/inspect"
	"ingestion/limiter"
)

// The JSON of limits, as docs/schema/ingestctl-limits-*.json say. What is unknown or
// absent is null.
type (
	limitJSON struct {
		CustomerID string  `json:"customerId"`
		Key        string  `json:"key"`
		Own        *string `json:"own"`
		Applies    bool    `json:"ownApplies"`
		Fault      *string `json:"fault"`
		Limit      string  `json:"limit"`
		Default    string  `json:"default"`
	}
	limitGetJSON struct {
		Version int `json:"version"`
		limitJSON
	}
	limitListJSON struct {
		Version int         `json:"version"`
		Default string      `json:"default"`
		Total   int64       `json:"total"`
		Limits  []limitJSON `json:"limits"`
	}
	limitChangeJSON struct {
		Version    int       `json:"version"`
		CustomerID string    `json:"customerId"`
		DryRun     bool      `json:"dryRun"`
		Changed    bool      `json:"changed"`
		Before     limitJSON `json:"before"`
		After      limitJSON `json:"after"`
	}
	verdictJSON struct {
		Decision string  `json:"decision"`
		At       *string `json:"at"`
	}
	limitShowJSON struct {
		Version       int          `json:"version"`
		At            string       `json:"at"`
		CustomerID    string       `json:"customerId"`
		Limit         string       `json:"limit"`
		Own           *string      `json:"own"`
		InWindow      int          `json:"inWindow"`
		Ahead         int          `json:"ahead"`
		Exact         bool         `json:"exact"`
		TotalPlaces   int          `json:"totalPlaces"`
		Places        []placeJSON  `json:"places"`
		Verdict       *verdictJSON `json:"verdict"`
		Refusals      []string     `json:"refusals"`
		RefusalsError *string      `json:"refusalsError"`
		Looked        lookedJSON   `json:"looked"`
		Lately        *latelyJSON  `json:"lately"`
		LatelyError   *string      `json:"latelyError"`
	}
	latelyJSON struct {
		AtLeast int64 `json:"atLeast"`
		AtMost  int64 `json:"atMost"`
	}
	placeJSON struct {
		ID      string `json:"_id"`
		At      string `json:"at"`
		Waiting bool   `json:"waiting"`
	}
	tallyJSON struct {
		Limit               string  `json:"limit"`
		Admitted            int64   `json:"admitted"`
		Refused             int64   `json:"refused"`
		Deferred            int64   `json:"deferred"`
		LongestDelaySeconds float64 `json:"longestDelaySeconds"`
	}
	simulationJSON struct {
		Version    int          `json:"version"`
		At         string       `json:"at"`
		CustomerID string       `json:"customerId"`
		Policy     string       `json:"policy"`
		Since      *string      `json:"since"`
		From       *string      `json:"from"`
		To         *string      `json:"to"`
		Arrivals   int64        `json:"arrivals"`
		Invalid    int64        `json:"invalid"`
		PutBack    int64        `json:"putBack"`
		Simulated  tallyJSON    `json:"simulated"`
		Current    tallyJSON    `json:"current"`
		Actual     actualJSON   `json:"actual"`
		Looked     []lookedJSON `json:"looked"`
	}
	actualJSON struct {
		Ingested      *int64  `json:"ingested"`
		IngestedError *string `json:"ingestedError"`
		DeadLetters   int64   `json:"deadLetters"`
		Waiting       int64   `json:"waiting"`
	}
)

func limitJSONOf(l inspect.CustomerLimit) limitJSON {
	return limitJSON{
		CustomerID: l.CustomerID, Key: l.Key, Own: textOrNull(l.Own), Fault: limitFault(l), Limit: l.Limit.String(), Default: l.Default.String(),
		Applies: l.Own != "" && l.Fault == nil && !l.Misplaced && l.Default.Mode != limiter.Off,
	}
}

func limitFault(l inspect.CustomerLimit) *string {
	if l.Fault == nil && l.Misplaced {
		return textOrNull("it is in the partition of another customer")
	}
	return errorOrNull(l.Fault)
}

func tallyOf(t inspect.Tally) tallyJSON {
	return tallyJSON{Limit: t.Limit.String(), Admitted: t.Admitted, Refused: t.Refused, Deferred: t.Deferred, LongestDelaySeconds: t.LongestDelay.Seconds()}
}

func timesOf(all []time.Time) []string {
	list := []string{}
	for _, at := range all {
		list = append(list, moment3339(at))
	}
	return list
}
