package main

import (
	"io"
	"time"

	"ingestion/internal/answer"
	"ingestion/streams"
)

// The JSON form, described by docs/schema/ingestctl-reconcile.json. An unknown number is
// null, never 0.

type reportJSON struct {
	Version    int             `json:"version"`
	At         time.Time       `json:"at"`
	Stream     string          `json:"stream"`
	Group      string          `json:"group"`
	Verdict    streams.Verdict `json:"verdict"`
	Faults     []finding       `json:"faults"`
	Losses     []finding       `json:"losses"`
	Notes      []finding       `json:"notes"`
	Total      accountJSON     `json:"total"`
	Partitions []accountJSON   `json:"partitions"`
	Documents  *documentsJSON  `json:"documents,omitempty"`
	Queued     *queuedJSON     `json:"queued,omitempty"`
}

type accountJSON struct {
	Key           string           `json:"key,omitempty"`
	Epoch         int64            `json:"epoch"`
	Verdict       streams.Verdict  `json:"verdict"`
	Added         *int64           `json:"added"` // since the group was created
	Undelivered   int64            `json:"undelivered"`
	Pending       *int64           `json:"pending"`
	Delayed       int64            `json:"delayed"`
	Settled       *int64           `json:"settled"`
	Outcomes      map[string]int64 `json:"outcomes"` // null if unknown
	Missing       *int64           `json:"missing"`
	Moved         *int64           `json:"moved"` // to a list
	Length        int64            `json:"length"`
	Trimmed       *int64           `json:"trimmed"`
	Gone          *int64           `json:"gone"`
	GoneUnread    *int64           `json:"goneUnread"`
	GoneBefore    *int64           `json:"goneBefore"` // before the group was recreated
	Returned      *int64           `json:"returned"`
	DeadLetters   deadJSON         `json:"deadLetters"`
	FirstEntry    string           `json:"firstEntry,omitempty"`
	LastEntry     string           `json:"lastEntry,omitempty"`
	LastDelivered string           `json:"lastDelivered,omitempty"`
	OldestPending string           `json:"oldestPending,omitempty"`
	Watermark     string           `json:"watermark,omitempty"`
	Equations     []equationJSON   `json:"equations"`
}

type deadJSON struct {
	Written  *int64 `json:"written"`
	There    int64  `json:"there"`
	Replayed *int64 `json:"replayed"`
	Purged   *int64 `json:"purged"`
}

type equationJSON struct {
	Name       string `json:"name"`
	Formula    string `json:"formula"`
	Left       *int64 `json:"left"`
	Right      *int64 `json:"right"`
	Difference *int64 `json:"difference"`
}

type documentsJSON struct {
	Count   int64  `json:"count"`
	AtLeast *int64 `json:"atLeast"`
	AtMost  *int64 `json:"atMost"`
	Lost    *int64 `json:"lost"`  // of Count, those whose entries Redis lost
	Holds   *bool  `json:"holds"` // null if the bounds are unknown
}

type queuedJSON struct {
	Count   int64 `json:"count"` // entries that the producer's log calls queued
	There   int64 `json:"there"`
	Trimmed int64 `json:"trimmed"`
	Lost    int64 `json:"lost"`
}

// writeJSON writes the account as indented JSON.
func (r *report) writeJSON(w io.Writer) error {
	out := reportJSON{
		Version: 1, At: r.at.Truncate(time.Millisecond), Stream: r.stream, Group: r.total.Group, Verdict: r.verdict,
		Faults: append([]finding{}, r.faults...), Losses: append([]finding{}, r.losses...), Notes: append([]finding{}, r.notes...), Total: toJSON(r.total),
	}
	out.Total.Verdict = streams.Judge(r.accounts)
	for _, a := range r.accounts {
		out.Partitions = append(out.Partitions, toJSON(a))
	}
	if d := r.documents; d != nil {
		out.Documents = documentsOf(d)
	}
	if q := r.queued; q != nil {
		out.Queued = &queuedJSON{q.Count, q.There, q.Trimmed, int64(len(q.Lost))}
	}
	return printJSON(w, out)
}

func documentsOf(d *streams.Documents) *documentsJSON {
	out := &documentsJSON{Count: d.Count, AtLeast: answer.Known(d.Known, d.Least), AtMost: answer.Known(d.Known, d.Most), Lost: answer.Known(d.Known, d.Lost)}
	if holds := d.Holds(); d.Known {
		out.Holds = &holds
	}
	return out
}

func toJSON(a *streams.Account) accountJSON {
	counted := func(n int64) *int64 { return answer.Known(a.Opened(), n) }
	j := accountJSON{
		Key: a.Key, Epoch: a.Epoch, Verdict: a.Verdict(),
		Added: answer.Known(a.Known, a.Added-a.Base), Undelivered: a.Undelivered, Pending: answer.Known(a.GroupThere, a.Pending), Delayed: a.Delayed,
		Settled: counted(a.Settled()), Outcomes: answer.Outcomes(a), Missing: counted(a.Missing), Moved: counted(a.Moved),
		Length: a.Length, Trimmed: counted(a.Trimmed), Returned: counted(a.Returned),
		Gone: answer.Known(a.Known, a.Gone()), GoneUnread: answer.Known(a.Known && a.GroupThere, a.GoneUnread()), GoneBefore: counted(a.GoneBefore),
		DeadLetters: deadJSON{Written: counted(a.DeadWritten), There: a.DeadKept, Replayed: counted(a.DeadReplayed), Purged: counted(a.DeadPurged)},
		FirstEntry:  a.FirstEntry, LastEntry: a.LastEntry, LastDelivered: a.LastDelivered, OldestPending: a.OldestPending, Watermark: a.Watermark,
	}
	for _, e := range a.Equations() {
		j.Equations = append(j.Equations, equationJSON{
			Name: e.Name, Formula: e.Formula,
			Left: answer.Known(e.Known, e.Left), Right: answer.Known(e.Known, e.Right), Difference: answer.Known(e.Known, e.Difference()),
		})
	}
	return j
}
