package sheet

import (
	"cmp"
	"time"

	"ingestion/internal/inspect"
	"ingestion/record"
	"ingestion/streams"
)

// Balance says where the entries are, and beside it what became of them.
func (s Sheet) Balance() string {
	if s.State.List != nil {
		return s.listBalance()
	}
	accounts := s.State.Accounts()
	if len(accounts) == 0 {
		return heading.Render("ENTRIES") + "\n" + unknown
	}
	total := streams.Total(accounts)
	partly := len(accounts) < len(s.State.Partitions)
	left := s.places(total, partly)
	var rows [][]string
	outcomes := record.Outcomes()
	for i := range max(len(left), len(outcomes)) {
		row := make([]string, 5)
		if i < len(left) {
			copy(row, left[i])
		}
		if i < len(outcomes) {
			row[3], row[4] = outcomes[i].String(), settled(total, outcomes[i], partly)
		}
		rows = append(rows, row)
	}
	return grid([]string{"ENTRIES", "", "", "OUTCOMES", ""}, rows, 1, 4)
}

func (s Sheet) listBalance() string {
	if s.State.List.Err != nil {
		return heading.Render("RECORDS") + "\n" + unknown
	}
	return grid([]string{"RECORDS", ""}, [][]string{{"on the list", count(s.State.List.Length)}, {"dead letters", count(s.State.List.DeadLetters)}}, 1)
}

func settled(a *streams.Account, o record.Outcome, partly bool) string {
	if partly || !a.Opened() {
		return unknown
	}
	return count(a.Outcomes[o])
}

// places are rows of what is where: a name, a number, a remark. Sums of only some
// partitions are not sums: then they are unknown.
func (s Sheet) places(a *streams.Account, partly bool) [][]string {
	known := func(n int64, isKnown bool) string {
		if !isKnown || partly {
			return unknown
		}
		return count(n)
	}
	var due int64
	for _, p := range s.State.Partitions {
		if p.Err == nil {
			due += p.Due
		}
	}
	dueNow := ""
	if due > 0 && !partly {
		dueNow = Short(due) + " due"
	}
	rows := [][]string{
		{"added", known(a.Added-a.Base, a.Known), verdict(s.verdict())},
		{"undelivered", known(a.Undelivered, !s.backlogUnknown()), s.oldest(func(p inspect.Partition) string { return p.OldestUndelivered })},
		{"pending", known(a.Pending, a.GroupThere), s.oldest(func(p inspect.Partition) string { return p.OldestPending })},
		{"settled", known(a.Settled(), a.Opened()), ""},
		{"missing", known(a.Missing, a.Opened()), ""},
	}
	if a.Moved > 0 {
		rows = append(rows, []string{"moved", known(a.Moved, a.Opened()), "to a list"})
	}
	rows = append(rows, [][]string{
		{"delayed", known(a.Delayed, true), dueNow},
		{"dead letters", known(a.DeadKept, true), ""},
		{"on the stream", known(a.Length, true), ""},
	}...)
	if on, served, lag := s.archive(); on {
		remark := s.oldest(func(p inspect.Partition) string { return p.Archive.Oldest })
		if !served {
			remark = bad.Render("no archiver")
		}
		rows = append(rows, []string{"not archived", known(lag, lag >= 0), remark})
	}
	return rows
}

// archive says whether there is one, whether all partitions are served that have one, and how
// many entries are not archived; negative if that is unknown.
func (s Sheet) archive() (on, served bool, lag int64) {
	served = true
	for _, p := range s.State.Partitions {
		if p.Err != nil || !p.Archive.On {
			continue
		}
		on, served = true, served && p.Archive.Served
		if lag < 0 || p.Archive.Lag < 0 {
			lag = -1
		} else {
			lag += p.Archive.Lag
		}
	}
	return on, served, lag
}

// verdict is the worst of the partitions'; one that cannot be read makes it unknown.
func (s Sheet) verdict() streams.Verdict {
	v := streams.Judge(s.State.Accounts())
	if v == streams.Balanced && len(s.State.Accounts()) < len(s.State.Partitions) {
		return streams.Unknown
	}
	return v
}

func (s Sheet) backlogUnknown() bool {
	for _, p := range s.State.Partitions {
		if p.Err != nil || p.BacklogUnknown {
			return true
		}
	}
	return false
}

// oldest is the age of the oldest of the entries with these IDs.
func (s Sheet) oldest(id func(p inspect.Partition) string) string {
	var most time.Duration
	found := false
	for _, p := range s.State.Partitions {
		if p.Err != nil {
			continue
		}
		if d, ok := p.Age(id(p)); ok {
			most, found = max(most, d), true
		}
	}
	if !found {
		return ""
	}
	return "oldest " + inspect.Age(most)
}

// Servers says how Redis and MongoDB are.
func (s Sheet) Servers() string {
	var rows [][]string
	row := func(name, state, text string) { rows = append(rows, []string{name, state, text}) }
	for _, n := range s.State.Redis.Nodes {
		if n.Err != nil {
			row("redis", bad.Render("down"), column(n.Addr, 21))
			continue
		}
		row("redis", good.Render("up"), node(n))
	}
	if s.State.Redis.Err != nil {
		row("redis", bad.Render(unknown), "")
	}
	switch m := s.State.Mongo; {
	case m == nil:
		row("mongodb", doubt.Render(unknown), "not asked")
	case m.Err != nil:
		row("mongodb", bad.Render("down"), "")
	default:
		row("mongodb", good.Render("up"), "answered in "+milliseconds(m.Took))
	}
	return grid([]string{"SERVER", "", ""}, rows)
}

func node(n inspect.Node) string {
	if n.Used < 0 {
		return column(n.Addr, 21) + "  does not tell its memory"
	}
	memory := bytes(n.Used) + " used, no maxmemory"
	if n.MaxMemory > 0 {
		memory = bytes(n.Used) + " of " + bytes(n.MaxMemory)
	}
	text := column(n.Addr, 21) + "  " + memory + ", " + cmp.Or(n.Policy, unknown)
	if !n.AOF {
		text += ", no AOF"
	}
	return text
}
