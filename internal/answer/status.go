package answer

import (
	"time"

	"ingestion/internal/inspect"
	"ingestion/record"
	"ingestion/streams"
)

// Status is what docs/schema/ingestctl-status.json describes.
type Status struct {
	Version    int         `json:"version"`
	At         time.Time   `json:"at"`
	TookMs     int64       `json:"tookMs"`
	Mode       string      `json:"mode"`
	Keys       []string    `json:"keys"`
	Group      *string     `json:"group"`
	InOrder    bool        `json:"inOrder"`
	ToDo       *ToDo       `json:"toDo"`
	Findings   []Finding   `json:"findings"`
	Total      *Balance    `json:"total"`
	Partitions []Partition `json:"partitions"`
	List       *List       `json:"list"`
	Workers    []Worker    `json:"workers"`
	Control    Control     `json:"control"`
	Refused    Refused     `json:"refused"`
	History    History     `json:"history"`
	Redis      Redis       `json:"redis"`
	Mongo      *Mongo      `json:"mongo"`
}

// ToDo is what to do, and the command that does it.
type ToDo struct {
	Text    string `json:"text"`
	Command string `json:"command"`
}

// Finding is something that is not in order, or worth knowing.
type Finding struct {
	Severity inspect.Severity `json:"severity"`
	Code     string           `json:"code"`
	Subject  string           `json:"subject,omitempty"`
	More     int              `json:"more"`
	Text     string           `json:"text"`
	ToDo     *ToDo            `json:"toDo"`
}

// Balance is where the entries of a partition, or of all, are.
type Balance struct {
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

// Partition is the state of one partition.
type Partition struct {
	Key      string  `json:"key"`
	Error    *string `json:"error"`
	*Balance         // absent if there is an error
	Bytes    *int64  `json:"bytes"`
	// Archive is null if the partition is not archived, or could not be read.
	Archive *Archive `json:"archive"`
}

// Archive is how far a partition is archived.
type Archive struct {
	Served        bool     `json:"served"`
	Archived      string   `json:"archived"` // ID of the last entry that is
	Entries       *int64   `json:"entries"`  // that are not archived
	OldestSeconds *float64 `json:"oldestSeconds"`
}

// List is the state of a list.
type List struct {
	Key         string  `json:"key"`
	Error       *string `json:"error"`
	Length      *int64  `json:"length"`
	DeadLetters *int64  `json:"deadLetters"`
}

// Worker is a worker, and what it holds.
type Worker struct {
	Name        string              `json:"name"`
	State       inspect.WorkerState `json:"state"`
	Held        *int64              `json:"held"`
	StuckHeld   *int64              `json:"stuckHeld"` // of Held, those whose leases have expired
	IdleSeconds *float64            `json:"idleSeconds"`
	Version     *string             `json:"version"`
	Host        *string             `json:"host"`
}

// Refused are the customers who hit their limit most often lately.
type Refused struct {
	Error     *string    `json:"error"`
	Customers []Refusals `json:"customers"`
}

// Refusals is how often a customer hit its limit.
type Refusals struct {
	CustomerID string `json:"customerId"`
	AtMost     int64  `json:"atMost"`
	AtLeast    int64  `json:"atLeast"`
}

// History is the last hour by minute. Minutes in which no worker ran are absent.
type History struct {
	Error   *string  `json:"error"`
	Minutes []Period `json:"minutes"`
}

// Period is what happened in a minute or an hour.
type Period struct {
	Start       time.Time        `json:"start"`
	Outcomes    map[string]int64 `json:"outcomes"` // those that occurred
	Undelivered *int64           `json:"undelivered"`
	Pending     *int64           `json:"pending"`
	Delayed     *int64           `json:"delayed"`
	DeadLetters *int64           `json:"deadLetters"`
}

// Control is what an operator has asked of the workers.
type Control struct {
	Error  *string    `json:"error"`
	Paused *bool      `json:"paused"`
	Until  *time.Time `json:"until"`
	By     string     `json:"by"`
	At     *time.Time `json:"at"`
}

// Redis is the state of the Redis servers.
type Redis struct {
	Error *string `json:"error"`
	Nodes []Node  `json:"nodes"`
}

// Node is the state of one Redis server.
type Node struct {
	Addr           string   `json:"addr"`
	Error          *string  `json:"error"`
	Version        string   `json:"version"`
	UptimeSeconds  *float64 `json:"uptimeSeconds"`
	UsedBytes      *int64   `json:"usedBytes"`
	MaxMemoryBytes *int64   `json:"maxMemoryBytes"`
	Policy         string   `json:"policy"`
	AOF            bool     `json:"aof"`
	Trouble        string   `json:"trouble"`
}

// Mongo is the health of MongoDB.
type Mongo struct {
	Error  *string `json:"error"`
	TookMs int64   `json:"tookMs"`
}

// StatusOf is a state of the queue, and what was found in it.
func StatusOf(s *inspect.Status, findings []inspect.Finding) Status {
	out := Status{
		Version: 1, At: s.At.UTC().Truncate(time.Millisecond), TookMs: s.Took.Milliseconds(), Mode: "stream", Keys: s.Source.Keys, Group: &s.Source.Group,
		InOrder: inspect.InOrder(findings), Findings: []Finding{}, Total: totalOf(s), Partitions: []Partition{},
		Workers: []Worker{}, Control: controlOf(s.Control), Redis: redisOf(s.Redis), Refused: refusedOf(s.Refused), History: historyOf(s.History),
	}
	if s.Source.IsList() {
		out.Mode, out.Keys, out.Group, out.List = "list", []string{s.Source.List}, nil, listOf(s.List)
	}
	for _, f := range findings {
		found := Finding{Severity: f.Severity, Code: f.Code, Subject: f.Subject, More: f.More, Text: f.Text}
		if f.Do != "" {
			found.ToDo = &ToDo{f.Do, f.Command}
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
		out.Mongo = &Mongo{Error(m.Err), m.Took.Milliseconds()}
	}
	return out
}

func partitionOf(p inspect.Partition) Partition {
	if p.Err != nil {
		return Partition{Key: p.Key, Error: Error(p.Err)}
	}
	balance := balanceOf(p.Account, p.Verdict(), p.BacklogUnknown)
	balance.Due = p.Due
	balance.OldestUndeliveredSeconds, balance.OldestPendingSeconds = Seconds(p.Age(p.OldestUndelivered)), Seconds(p.Age(p.OldestPending))
	return Partition{Key: p.Key, Balance: balance, Bytes: Known(p.Bytes >= 0, p.Bytes), Archive: archiveOf(p)}
}

func archiveOf(p inspect.Partition) *Archive {
	a := p.Archive
	if !a.On {
		return nil
	}
	return &Archive{Served: a.Served, Archived: a.Archived, Entries: Known(a.Lag >= 0, a.Lag), OldestSeconds: Seconds(p.Age(a.Oldest))}
}

// totalOf is nil if not all partitions could be read.
func totalOf(s *inspect.Status) *Balance {
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
		total.OldestUndeliveredSeconds = longest(total.OldestUndeliveredSeconds, Seconds(p.Age(p.OldestUndelivered)))
		total.OldestPendingSeconds = longest(total.OldestPendingSeconds, Seconds(p.Age(p.OldestPending)))
	}
	return total
}

func balanceOf(a *streams.Account, verdict streams.Verdict, backlogUnknown bool) *Balance {
	return &Balance{
		Verdict: verdict, Epoch: a.Epoch, Added: Known(a.Known, a.Added-a.Base), Undelivered: Known(!backlogUnknown, a.Undelivered),
		Pending: Known(a.GroupThere, a.Pending), Settled: Known(a.Opened(), a.Settled()), Missing: Known(a.Opened(), a.Missing), Moved: Known(a.Opened(), a.Moved),
		Outcomes: Outcomes(a), Delayed: a.Delayed, DeadLetters: a.DeadKept, Length: a.Length,
	}
}

func workerOf(w inspect.Worker) Worker {
	out := Worker{Name: w.Name, State: w.State, Held: Known(w.Held >= 0, w.Held), StuckHeld: Known(w.Held >= 0, w.Stuck), IdleSeconds: Seconds(w.Idle, w.Idle >= 0)}
	if r := w.Registered; r != nil {
		out.Version, out.Host = &r.Version, &r.Host
	}
	return out
}

func refusedOf(r inspect.Refused) Refused {
	out := Refused{Error: Error(r.Err), Customers: []Refusals{}}
	for _, c := range r.Customers {
		out.Customers = append(out.Customers, Refusals{c.CustomerID, c.Count, c.Count - c.Error})
	}
	return out
}

func historyOf(h inspect.History) History {
	out := History{Error: Error(h.Err), Minutes: []Period{}}
	for _, p := range h.Periods {
		minute := Period{
			Start: p.Start, Outcomes: map[string]int64{}, Undelivered: Known(p.UndeliveredKnown, p.Undelivered),
			Pending: Known(p.PendingKnown, p.Pending), Delayed: Known(p.DelayedKnown, p.Delayed), DeadLetters: Known(p.DeadKnown, p.Dead),
		}
		for o, n := range p.Outcomes {
			minute.Outcomes[o.String()] = n
		}
		out.Minutes = append(out.Minutes, minute)
	}
	return out
}

func listOf(l *inspect.List) *List {
	return &List{Key: l.Key, Error: Error(l.Err), Length: Known(l.Err == nil, l.Length), DeadLetters: Known(l.Err == nil, l.DeadLetters)}
}

func controlOf(c inspect.Control) Control {
	out := Control{Error: Error(c.Err), By: c.By}
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

func redisOf(r inspect.Redis) Redis {
	out := Redis{Error: Error(r.Err), Nodes: []Node{}}
	for _, n := range r.Nodes {
		out.Nodes = append(out.Nodes, Node{
			Addr: n.Addr, Error: Error(n.Err), Version: n.Version, UptimeSeconds: Seconds(n.Up, n.Up >= 0), UsedBytes: Known(n.Used >= 0, n.Used),
			MaxMemoryBytes: Known(n.MaxMemory >= 0, n.MaxMemory), Policy: n.Policy, AOF: n.AOF, Trouble: n.Trouble,
		})
	}
	return out
}

func longest(a, b *float64) *float64 {
	if a == nil || b != nil && *b > *a {
		return b
	}
	return a
}

// Outcomes are the settled entries by outcome; nil if they are unknown.
func Outcomes(a *streams.Account) map[string]int64 {
	if !a.Opened() {
		return nil
	}
	outcomes := map[string]int64{}
	for _, outcome := range record.Outcomes() {
		outcomes[outcome.String()] = a.Outcomes[outcome]
	}
	return outcomes
}
