package console

import (
	"context"
	"fmt"
	"time"

	"ingestion/archive/fold"
	"ingestion/internal/answer"
	"ingestion/internal/inspect"
	"ingestion/limiter"
	"ingestion/record"
)

// rebuildView is what the rebuilds have noted about themselves.
type rebuildView struct {
	Asked    bool          `json:"asked"` // MongoDB was asked
	Error    *string       `json:"error"`
	Rebuilds []rebuildLine `json:"rebuilds"`
}

// rebuildLine is one rebuild.
type rebuildLine struct {
	Into       string           `json:"into"`
	Archive    string           `json:"archive"` // "" for the stream alone
	StartedAt  time.Time        `json:"startedAt"`
	UpdatedAt  time.Time        `json:"updatedAt"`
	FinishedAt *time.Time       `json:"finishedAt"`
	Fraction   float64          `json:"fraction"` // of the time of arrival
	Read       int64            `json:"read"`
	PutBack    int64            `json:"putBack"`
	Recorded   int64            `json:"recorded"`
	Outcomes   map[string]int64 `json:"outcomes"`
	From       time.Time        `json:"from"` // arrival of what there is to be rebuilt
	To         time.Time        `json:"to"`
	Limit      string           `json:"limit"`
	JudgeAgain bool             `json:"judgeAgain"`
	Partitions int              `json:"partitions"`
	now        time.Time
}

func (c *console) readRebuilds(ctx context.Context) rebuildView {
	view := rebuildView{Asked: c.Rebuilds != nil, Rebuilds: []rebuildLine{}}
	if !view.Asked {
		return view
	}
	notes, err := c.Rebuilds(ctx)
	view.Error = answer.Error(err)
	for i := range notes {
		view.Rebuilds = append(view.Rebuilds, rebuildOf(&notes[i], c.Now()))
	}
	return view
}

func rebuildOf(n *fold.Noted, now time.Time) rebuildLine {
	p := n.Progress()
	line := rebuildLine{
		Into: n.Into, Archive: n.Archive, StartedAt: n.StartedAt.UTC(), UpdatedAt: n.UpdatedAt.UTC(), FinishedAt: n.FinishedAt, Fraction: p.Fraction(),
		Read: n.Counts.Read, PutBack: n.Counts.PutBack, Recorded: n.Counts.Recorded, Outcomes: n.Counts.Outcomes, From: p.From, To: p.To,
		Limit: "off", JudgeAgain: n.Rules.JudgeAgain, Partitions: len(n.Partitions), now: now,
	}
	if n.Rules.Limit > 0 {
		line.Limit = limiter.Limit{Records: n.Rules.Limit, Window: n.Rules.Window}.String()
	}
	return line
}

// Percent is how much is done, from 0 to 100.
func (l rebuildLine) Percent() int { return int(100 * l.Fraction) }

// restsAfter is how long a rebuild may note nothing and yet be at work: it waits so long for
// the archive or the stream.
const restsAfter = 2 * time.Minute

// Badge is the state of the rebuild.
func (l rebuildLine) Badge() badge {
	switch {
	case l.FinishedAt != nil:
		return badge{"ok", "✓ finished"}
	case l.now.Sub(l.UpdatedAt) > restsAfter:
		return badge{"warn", "! stopped"}
	default:
		return badge{"note", "◷ at work"}
	}
}

// Says is what to do about the state; "" for nothing.
func (l rebuildLine) Says() string {
	if l.FinishedAt != nil || l.now.Sub(l.UpdatedAt) <= restsAfter {
		return ""
	}
	return fmt.Sprintf("It has noted nothing for %s: the command that began it goes on from there.", inspect.Age(l.now.Sub(l.UpdatedAt)))
}

// Counts are the outcomes that there are, in the order of the record's way.
func (l rebuildLine) Counts() []outcomeCount {
	var counts []outcomeCount
	for _, o := range record.Outcomes() {
		if n := l.Outcomes[o.String()]; n > 0 {
			counts = append(counts, outcomeCount{o.String(), n})
		}
	}
	return counts
}

type outcomeCount struct {
	Name  string
	Count int64
}
