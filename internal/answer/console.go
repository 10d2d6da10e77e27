package answer

import (
	"strings"
	"time"

	"ingestion/internal/inspect"
	"ingestion/internal/letters"
	"ingestion/record"
	"ingestion/streams"
)

// Failure is the answer to a request that is not served.
type Failure struct {
	Version int    `json:"version"`
	Error   string `json:"error"`
}

// Past is what happened by minute or hour.
type Past struct {
	Version int      `json:"version"`
	Unit    string   `json:"unit"`  // minute or hour
	Error   *string  `json:"error"` // why not all is known
	Unread  []Unread `json:"unread"`
	Periods []Period `json:"periods"` // the oldest first; those in which no worker ran are absent
}

// PastOf is a history.
func PastOf(h inspect.History) Past {
	unit := "minute"
	if h.Unit == streams.Hours {
		unit = "hour"
	}
	past := historyOf(h)
	return Past{Version: 1, Unit: unit, Error: past.Error, Unread: UnreadPartitions(h.Unread), Periods: past.Minutes}
}

// LetterLine is a dead letter without its body.
type LetterLine struct {
	ID         string  `json:"id"`
	Event      string  `json:"event"`
	Reason     string  `json:"reason"`
	CustomerID *string `json:"customerId"`
	StreamID   *string `json:"streamId"`
	Origin     *string `json:"origin"`
	Source     *string `json:"source"`
	Deliveries int64   `json:"deliveries"`
	WrittenAt  string  `json:"writtenAt"`
	FailedAt   string  `json:"failedAt"`
	Worker     string  `json:"worker"`
	Bytes      int     `json:"bytes"`
}

// LetterLineOf is a dead letter without its body.
func LetterLineOf(l *letters.Letter) LetterLine {
	return LetterLine{
		ID: l.Name, Event: l.Event, Reason: l.Reason, CustomerID: Text(letters.CustomerOf(&l.DeadLetter)), StreamID: Text(l.StreamID),
		Origin: Text(l.Origin), Source: Text(l.Source), Deliveries: l.Deliveries, WrittenAt: Moment(l.Written()), FailedAt: l.FailedAt,
		Worker: l.Worker, Bytes: len(l.Data),
	}
}

// LetterSearch is how far a search of dead letters has looked.
type LetterSearch struct {
	Version int   `json:"version"`
	Kept    int64 `json:"kept"` // all dead letters, apart from those in Unread
	Seen    int   `json:"seen"` // those that were looked at, the newest first
	Matched int   `json:"matched"`
	// Next is where another search goes on; nil if nothing is left.
	Next *string `json:"next"`
	// Unread are the partitions whose letters could not be read.
	Unread []Unread `json:"unread"`
}

// UnreadPartitions are partitions of the queue, never nil.
func UnreadPartitions(unread []inspect.Unread) []Unread {
	list := []Unread{}
	for _, u := range unread {
		list = append(list, Unread{Key: u.Key, Error: u.Err.Error()})
	}
	return list
}

// UnreadOf are partitions of dead letters, never nil.
func UnreadOf(unread []letters.Unread) []Unread {
	list := []Unread{}
	for _, u := range unread {
		list = append(list, Unread{Key: u.Key, Error: u.Err.Error()})
	}
	return list
}

// Letters are dead letters that match, the newest first.
type Letters struct {
	LetterSearch
	Letters []LetterLine `json:"letters"`
}

// LetterGroups are dead letters by their reason, the largest group first.
type LetterGroups struct {
	LetterSearch
	Others int64         `json:"others"` // that match, and are in none of the groups
	Groups []LetterGroup `json:"groups"`
}

// LetterGroup is dead letters that were refused for the same reason.
type LetterGroup struct {
	Event  string `json:"event"`
	Reason string `json:"reason"`
	Count  int64  `json:"count"`
	Oldest string `json:"oldest"` // when it was written
	Newest string `json:"newest"`
}

// LetterGroupsOf are groups as JSON, never nil.
func LetterGroupsOf(groups []letters.Group) []LetterGroup {
	list := []LetterGroup{}
	for _, g := range groups {
		list = append(list, LetterGroup{g.Event, g.Reason, g.Count, Moment(g.Oldest), Moment(g.Newest)})
	}
	return list
}

// Validation says whether the worker's rules accept a body.
type Validation struct {
	Version    int      `json:"version"`
	Valid      bool     `json:"valid"`
	Breaks     []string `json:"breaks"` // one a field
	ID         *string  `json:"_id"`    // that of the document
	CustomerID *string  `json:"customerId"`
}

// ValidationOf is what a decoder said of a body.
func ValidationOf(r record.Record, err error) Validation {
	if err != nil {
		return Validation{Version: 1, Breaks: strings.Split(err.Error(), "; ")}
	}
	return Validation{Version: 1, Valid: true, Breaks: []string{}, ID: Text(r.ID), CustomerID: Text(r.CustomerID)}
}

// Customers are those who hit their limit most often lately, and those with limits of their
// own.
type Customers struct {
	Version int     `json:"version"`
	Refused Refused `json:"refused"`
	Limits  *Limits `json:"limits"` // nil if they could not be read
	Error   *string `json:"error"`  // why
}

// CustomersOf are customers. limits are nil if err is not.
func CustomersOf(refused inspect.Refused, limits *Limits, err error) Customers {
	return Customers{Version: 1, Refused: refusedOf(refused), Limits: limits, Error: Error(err)}
}

// Activities are what people did by the console, the newest first.
type Activities struct {
	Version    int        `json:"version"`
	Activities []Activity `json:"activities"`
}

// Activity is what somebody did. All are null if its note can't be read.
type Activity struct {
	At      *string           `json:"at"`
	User    *string           `json:"user"`
	Action  *string           `json:"action"`
	Details map[string]string `json:"details"`
}

// ActivitiesOf are activities.
func ActivitiesOf(all []streams.Activity) Activities {
	out := Activities{Version: 1, Activities: []Activity{}}
	for _, a := range all {
		details := a.Detail
		if details == nil {
			details = map[string]string{}
		}
		out.Activities = append(out.Activities, Activity{Time(a.At.Truncate(time.Millisecond)), Text(a.User), Text(a.Action), details})
	}
	return out
}

// Pending are the oldest entries that were delivered and not settled.
type Pending struct {
	Version int            `json:"version"`
	At      *string        `json:"at"`    // by the clock of Redis; nil if it is unknown
	Error   *string        `json:"error"` // why not all is known
	Unread  []Unread       `json:"unread"`
	All     bool           `json:"all"` // there are no others
	Entries []PendingEntry `json:"entries"`
}

// PendingEntry is an entry that a consumer holds.
type PendingEntry struct {
	Key         string   `json:"key"`
	ID          string   `json:"id"`
	Consumer    string   `json:"consumer"`
	ArrivedAt   string   `json:"arrivedAt"`
	IdleSeconds *float64 `json:"idleSeconds"` // since it was delivered, or its lease renewed
	Deliveries  int64    `json:"deliveries"`
}

// PendingOf are pending entries.
func PendingOf(h inspect.Held) Pending {
	out := Pending{Version: 1, At: Time(h.At), Error: Error(h.Err), Unread: UnreadPartitions(h.Unread), All: h.All, Entries: []PendingEntry{}}
	for _, e := range h.Entries {
		out.Entries = append(out.Entries, PendingEntry{e.Key, e.ID, e.Consumer, Moment(e.Arrived()), Seconds(e.Idle, true), e.Deliveries})
	}
	return out
}
