package main

import (
	"encoding/json"
	"io"
	"time"

	"ingestion/cmd/ingestctl/internal/sheet"
	"ingestion/internal/inspect"
	"ingestion/internal/logging"
	"ingestion/record"
	"ingestion/streams"
)

// The JSON form, described by docs/schema/ingestctl-status.json. What is unknown is null,
// never 0.

type statusJSON struct {
	Version    int             `json:"version"`
	At         time.Time       `json:"at"`
	TookMs     int64           `json:"tookMs"`
	Mode       string          `json:"mode"`
	Keys       []string        `json:"keys"`
	Group      *string         `json:"group"`
	InOrder    bool            `json:"inOrder"`
	ToDo       *toDoJSON       `json:"toDo"`
	Findings   []findingJSON   `json:"findings"`
	Total      *balanceJSON    `json:"total"`
	Partitions []partitionJSON `json:"partitions"`
	List       *listJSON       `json:"list"`
	Workers    []workerJSON    `json:"workers"`
	Control    controlJSON     `json:"control"`
	Refused    refusedJSON     `json:"refused"`
	History    historyJSON     `json:"history"`
	Redis      redisJSON       `json:"redis"`
	Mongo      *mongoJSON      `json:"mongo"`
}

type toDoJSON struct {
	Text    string `json:"text"`
	Command string `json:"command"`
}

type findingJSON struct {
	Severity inspect.Severity `json:"severity"`
	Code     string           `json:"code"`
	Subject  string           `json:"subject,omitempty"`
	More     int              `json:"more"`
	Text     string           `json:"text"`
	ToDo     *toDoJSON        `json:"toDo"`
}

// balanceJSON is where the entries of a partition, or of all, are.
type balanceJSON struct {
	Verdict     streams.Verdict  `json:"verdict"`
	Epoch       int64            `json:"epoch"`
	Added       *int64           `json:"added"`
	Undelivered *int64           `json:"undelivered"`
	Pending     *int64           `json:"pending"`
	Settled     *int64           `json:"settled"`
	Missing     *int64           `json:"missing"`
	Moved       *int64           `json:"moved"`
	Outcomes    map[string]int64 `json:"outcomes"` // null if unknown
	Delayed     int64            `json:"delayed"`
	Due         int64            `json:"due"`
	DeadLetters int64            `json:"deadLetters"`
	Length      int64            `json:"length"`
	// Seconds since the oldest one arrived; null if there is none.
	OldestUndeliveredSeconds *float64 `json:"oldestUndeliveredSeconds"`
	OldestPendingSeconds     *float64 `json:"oldestPendingSeconds"`
}

type partitionJSON struct {
	Key          string  `json:"key"`
	Error        *string `json:"error"`
	*balanceJSON         // absent if there is an error
	Bytes        *int64  `json:"bytes"`
	// Archive is null if the partition is not archived, or could not be read.
	Archive *archiveJSON `json:"archive"`
}

type archiveJSON struct {
	Served        bool     `json:"served"`
	Archived      string   `json:"archived"` // ID of the last entry that is
	Entries       *int64   `json:"entries"`  // that are not archived
	OldestSeconds *float64 `json:"oldestSeconds"`
}

type listJSON struct {
	Key         string  `json:"key"`
	Error       *string `json:"error"`
	Length      *int64  `json:"length"`
	DeadLetters *int64  `json:"deadLetters"`
}

type workerJSON struct {
	Name        string              `json:"name"`
	State       inspect.WorkerState `json:"state"`
	Held        *int64              `json:"held"`
	StuckHeld   *int64              `json:"stuckHeld"` // of Held, those whose leases have expired
	IdleSeconds *float64            `json:"idleSeconds"`
	Version     *string             `json:"version"`
	Host        *string             `json:"host"`
}

type refusedJSON struct {
	Error     *string        `json:"error"`
	Customers []customerJSON `json:"customers"`
}

type customerJSON struct {
	CustomerID string `json:"customerId"`
	AtMost     int64  `json:"atMost"`
	AtLeast    int64  `json:"atLeast"`
}

// historyJSON is the last hour by minute. Minutes in which no worker ran are absent.
type historyJSON struct {
	Error   *string      `json:"error"`
	Minutes []periodJSON `json:"minutes"`
}

type periodJSON struct {
	Start       time.Time        `json:"start"`
	Outcomes    map[string]int64 `json:"outcomes"` // those that occurred
	Undelivered *int64           `json:"undelivered"`
	Pending     *int64           `json:"pending"`
	Delayed     *int64           `json:"delayed"`
	DeadLetters *int64           `json:"deadLetters"`
}

type controlJSON struct {
	Error  *string    `json:"error"`
	Paused *bool      `json:"paused"`
	Until  *time.Time `json:"until"`
	By     string     `json:"by"`
	At     *time.Time `json:"at"`
}

type redisJSON struct {
	Error *string    `json:"error"`
	Nodes []nodeJSON `json:"nodes"`
}

type nodeJSON struct {
	Addr           string   `json:"addr"`
	Version        string   `json:"version"`
	UptimeSeconds  *float64 `json:"uptimeSeconds"`
	UsedBytes      *int64   `json:"usedBytes"`
	MaxMemoryBytes *int64   `json:"maxMemoryBytes"`
	Policy         string   `json:"policy"`
	AOF            bool     `json:"aof"`
	Trouble        string   `json:"trouble"`
}

type mongoJSON struct {
	Error  *string `json:"error"`
	TookMs int64   `json:"tookMs"`
}

// writeStatusJSON writes one object, in one line if indent is empty.
func writeStatusJSON(w io.Writer, sh sheet.Sheet, indent string) error {
	encoder := json.NewEncoder(logging.EscapeControls(w))
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", indent)
	return encoder.Encode(statusOf(sh))
}

func statusOf(sh sheet.Sheet) statusJSON {
	s := sh.State
	out := statusJSON{
		Version: 1, At: s.At.UTC().Truncate(time.Millisecond), TookMs: s.Took.Milliseconds(), Mode: "stream", Keys: s.Source.Keys, Group: &s.Source.Group,
		InOrder: inspect.InOrder(sh.Findings), Findings: []findingJSON{}, Total: totalOf(s), Partitions: []partitionJSON{},
		Workers: []workerJSON{}, Control: controlOf(s.Control), Redis: redisOf(s.Redis), Refused: refusedOf(s.Refused), History: historyOf(s.History),
	}
	if s.Source.IsList() {
		out.Mode, out.Keys, out.Group, out.List = "list", []string{s.Source.List}, nil, listOf(s.List)
	}
	for _, f := range sh.Findings {
		found := findingJSON{Severity: f.Severity, Code: f.Code, Subject: f.Subject, More: f.More, Text: f.Text}
		if f.Do != "" {
			found.ToDo = &toDoJSON{f.Do, f.Command}
			if out.ToDo == nil {
				out.ToDo = found.ToDo
			}
		}
		out.Findings = append(out.Findings, found)
	}
	for _, p := range s.Partitions {
		out.Partitions = append(out.Partitions, partitionOf(p))
	}
	for _, w := range s.Workers() {
		out.Workers = append(out.Workers, workerOf(w))
	}
	if m := s.Mongo; m != nil {
		out.Mongo = &mongoJSON{text(m.Err), m.Took.Milliseconds()}
	}
	return out
}

func partitionOf(p inspect.Partition) partitionJSON {
	if p.Err != nil {
		return partitionJSON{Key: p.Key, Error: text(p.Err)}
	}
	balance := balanceOf(p.Account, p.Verdict(), p.BacklogUnknown)
	balance.Due = p.Due
	balance.OldestUndeliveredSeconds, balance.OldestPendingSeconds = secondsOf(p.Age(p.OldestUndelivered)), secondsOf(p.Age(p.OldestPending))
	return partitionJSON{Key: p.Key, balanceJSON: balance, Bytes: known(p.Bytes >= 0, p.Bytes), Archive: archiveOf(p)}
}

func archiveOf(p inspect.Partition) *archiveJSON {
	a := p.Archive
	if !a.On {
		return nil
	}
	return &archiveJSON{Served: a.Served, Archived: a.Archived, Entries: known(a.Lag >= 0, a.Lag), OldestSeconds: secondsOf(p.Age(a.Oldest))}
}

// totalOf is nil if not all partitions could be read.
func totalOf(s *inspect.Status) *balanceJSON {
	accounts := s.Accounts()
	if len(accounts) == 0 || len(accounts) < len(s.Partitions) {
		return nil
	}
	total := balanceOf(streams.Total(accounts), streams.Judge(accounts), false)
	for _, p := range s.Partitions {
		total.Due += p.Due
		if p.BacklogUnknown {
			total.Undelivered = nil
		}
		total.OldestUndeliveredSeconds = longest(total.OldestUndeliveredSeconds, secondsOf(p.Age(p.OldestUndelivered)))
		total.OldestPendingSeconds = longest(total.OldestPendingSeconds, secondsOf(p.Age(p.OldestPending)))
	}
	return total
}

func balanceOf(a *streams.Account, verdict streams.Verdict, backlogUnknown bool) *balanceJSON {
	b := &balanceJSON{
		Verdict: verdict, Epoch: a.Epoch, Added: known(a.Known, a.Added-a.Base), Undelivered: known(!backlogUnknown, a.Undelivered),
		Pending: known(a.GroupThere, a.Pending), Settled: known(a.Opened(), a.Settled()), Missing: known(a.Opened(), a.Missing), Moved: known(a.Opened(), a.Moved),
		Delayed: a.Delayed, DeadLetters: a.DeadKept, Length: a.Length,
	}
	if a.Opened() {
		b.Outcomes = map[string]int64{}
		for _, o := range record.Outcomes() {
			b.Outcomes[o.String()] = a.Outcomes[o]
		}
	}
	return b
}

func workerOf(w inspect.Worker) workerJSON {
	out := workerJSON{Name: w.Name, State: w.State, Held: known(w.Held >= 0, w.Held), StuckHeld: known(w.Held >= 0, w.Stuck), IdleSeconds: secondsOf(w.Idle, w.Idle >= 0)}
	if r := w.Registered; r != nil {
		out.Version, out.Host = &r.Version, &r.Host
	}
	return out
}

func refusedOf(r inspect.Refused) refusedJSON {
	out := refusedJSON{Error: text(r.Err), Customers: []customerJSON{}}
	for _, c := range r.Customers {
		out.Customers = append(out.Customers, customerJSON{c.CustomerID, c.Count, c.Count - c.Error})
	}
	return out
}

func historyOf(h inspect.History) historyJSON {
	out := historyJSON{Error: text(h.Err), Minutes: []periodJSON{}}
	for _, p := range h.Periods {
		minute := periodJSON{
			Start: p.Start, Outcomes: map[string]int64{}, Undelivered: known(p.UndeliveredKnown, p.Undelivered),
			Pending: known(p.PendingKnown, p.Pending), Delayed: known(p.DelayedKnown, p.Delayed), DeadLetters: known(p.DeadKnown, p.Dead),
		}
		for o, n := range p.Outcomes {
			minute.Outcomes[o.String()] = n
		}
		out.Minutes = append(out.Minutes, minute)
	}
	return out
}

func listOf(l *inspect.List) *listJSON {
	return &listJSON{Key: l.Key, Error: text(l.Err), Length: known(l.Err == nil, l.Length), DeadLetters: known(l.Err == nil, l.DeadLetters)}
}

func controlOf(c inspect.Control) controlJSON {
	out := controlJSON{Error: text(c.Err), By: c.By}
	if c.Err == nil {
		out.Paused = &c.Active
	}
	if !c.Until.IsZero() {
		until := c.Until.UTC()
		out.Until = &until
	}
	if !c.Control.At.IsZero() {
		at := c.Control.At.UTC()
		out.At = &at
	}
	return out
}

func redisOf(r inspect.Redis) redisJSON {
	out := redisJSON{Error: text(r.Err), Nodes: []nodeJSON{}}
	for _, n := range r.Nodes {
		out.Nodes = append(out.Nodes, nodeJSON{
			Addr: n.Addr, Version: n.Version, UptimeSeconds: secondsOf(n.Up, n.Up >= 0), UsedBytes: known(n.Used >= 0, n.Used),
			MaxMemoryBytes: known(n.MaxMemory >= 0, n.MaxMemory), Policy: n.Policy, AOF: n.AOF, Trouble: n.Trouble,
		})
	}
	return out
}

// text is the text of an error; nil if there is none.
func text(err error) *string {
	if err == nil {
		return nil
	}
	s := err.Error()
	return &s
}

func secondsOf(d time.Duration, isKnown bool) *float64 {
	if !isKnown {
		return nil
	}
	seconds := d.Truncate(time.Millisecond).Seconds()
	return &seconds
}

func longest(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}
