package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ingestion/internal/plural"
	"ingestion/record"
)

func (s *session) printRebuild(f *rebuildFlags, r *rebuildJSON) error {
	var err error
	if f.comparing.json {
		err = printJSON(s.out, r)
	} else {
		_, err = s.out.Write(rebuildPage(r))
	}
	if err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

func rebuildPage(r *rebuildJSON) []byte {
	p := &page{}
	if r.DryRun {
		p.plan(r)
		return p.Bytes()
	}
	took := time.Duration(r.Seconds * float64(time.Second)).Round(100 * time.Millisecond)
	p.wrapped("", fmt.Sprintf("%s: rebuilt from %s in %s (%s/s)", r.Into, counted(r.Read, "entry", "entries"), took, thousands(int64(r.Rate))))
	if r.Resumed {
		p.line("an earlier run had begun it; the time and the rate are of this one")
	}
	p.extent(r)
	p.line("")
	for _, outcome := range record.Outcomes() {
		if n := r.Outcomes[outcome.String()]; n > 0 || outcome == record.Ingested {
			p.line("  %-18s %12s%s", outcome, thousands(n), map[record.Outcome]string{record.Deferred: "  wait for a place still ahead"}[outcome])
		}
	}
	if r.PutBack > 0 {
		p.line("  %-18s %12s  entries of deferred records, each of which counts once", "put back", thousands(r.PutBack))
	}
	p.decided(r)
	if r.Diff != nil {
		p.line("")
		p.comparison(r.Diff)
	}
	return p.Bytes()
}

// decided says whose decisions the outcomes are.
func (p *page) decided(r *rebuildJSON) {
	p.line("")
	switch again := r.Read - r.PutBack - r.Recorded; {
	case again == 0 && r.Read > 0:
		p.line("All outcomes are those that the workers had noted.")
	case r.Recorded == 0:
		p.line("All outcomes were decided again, by today's rules and limits.")
	default:
		p.wrapped("", fmt.Sprintf("%s decided again, by today's rules and limits; the others are those that the workers had noted.", plural.Of(again, "outcome was", "outcomes were")))
	}
}

// plan says what a rebuild would do.
func (p *page) plan(r *rebuildJSON) {
	begin := "would be rebuilt"
	if r.Resumed {
		begin = fmt.Sprintf("would be continued after %s", counted(r.Read, "entry", "entries"))
	}
	p.wrapped("", fmt.Sprintf("%s %s from %s", r.Into, begin, sources(r)))
	p.extent(r)
	limit := "no limit (RATE_LIMIT_LIMIT=0)"
	if r.Rules.Limit > 0 {
		limit = fmt.Sprintf("%d/%v, RATE_LIMIT_POLICY=%s", r.Rules.Limit, r.Rules.WindowSeconds, r.Rules.Policy)
	}
	p.line("limit: %s", limit)
}

func sources(r *rebuildJSON) string {
	if r.Archive {
		return "the archive and the stream"
	}
	return "the stream alone"
}

// extent says what was, or would be, folded of each partition.
func (p *page) extent(r *rebuildJSON) {
	for _, part := range r.Partitions {
		if part.After == part.End {
			p.wrapped("  ", part.Key+": nothing")
			continue
		}
		p.wrapped("  ", fmt.Sprintf("%s: after %s through %s, to %s UTC", part.Key, part.After, part.End, second(arrivalTime(part.End))))
	}
}

func arrivalTime(id string) time.Time {
	var ms int64
	if _, err := fmt.Sscanf(id, "%d-", &ms); err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

func (p *page) comparison(c *comparisonJSON) {
	p.wrapped("", fmt.Sprintf("%s compared with %s", c.First, c.Second))
	p.line("")
	p.line("  %-8s %14s", "same", thousands(c.Same))
	p.line("  %-8s %14s  %s", "missing", thousands(c.Missing), "only the first one has them")
	p.line("  %-8s %14s  %s", "extra", thousands(c.Extra), "only the second one has them")
	p.line("  %-8s %14s  %s", "changed", thousands(c.Changed), fieldCounts(c.Fields))
	if c.Outside > 0 {
		p.line("  %-8s %14s  %s", "outside", thousands(c.Outside), "came before or after what was rebuilt")
	}
	if len(c.Reasons) > 0 {
		p.line("")
	}
	for _, why := range slices.Sorted(maps.Keys(c.Reasons)) {
		p.wrapped(fmt.Sprintf("  %10s  ", thousands(c.Reasons[why])), why)
	}
	for i, d := range c.Differences {
		if i == 0 {
			p.line("")
			p.line("  %-8s %-15s %-22s %s", "WHAT", "CUSTOMER", "ENTRY", "_ID")
		}
		p.line("  %-8s %s %s %s", d.Kind, cell(d.CustomerID, 15), cell(d.StreamID, 22), cell(d.ID, 28))
		for _, v := range d.Values {
			p.wrapped("           ", fmt.Sprintf("%s: %s -> %s", v.Field, valueOrNone(v.First), valueOrNone(v.Second)))
		}
	}
	if more := c.Missing + c.Extra + c.Changed - int64(len(c.Differences)); more > 0 && len(c.Differences) > 0 {
		p.line("  and %s; --limit shows more", counted(more, "other", "others"))
	}
	if c.Masked && slices.ContainsFunc(c.Differences, func(d differenceJSON) bool { return len(d.Values) > 0 }) {
		p.line("  names and email addresses are masked; --reveal shows them")
	}
}

func fieldCounts(fields map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(fields), func(a, b string) int { return cmp.Or(cmp.Compare(fields[b], fields[a]), cmp.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %s", name, thousands(fields[name]))
	}
	return strings.Join(names, ", ")
}

func valueOrNone(text *string) string {
	if text == nil {
		return "none"
	}
	return *text
}
