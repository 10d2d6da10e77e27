package sheet

import (
	"fmt"
	"strings"

	"charm.land/lipgloss/v2"

	"ingestion/record"
	"ingestion/streams"
)

// Past says in a line each what was settled in the last hour, how many records were over
// the limit in it, and who hit the limit most often; empty in list mode, where nobody knows.
func (s Sheet) Past() string {
	if s.State.Source.IsList() {
		return ""
	}
	hour, limit := s.lastHour()
	return heading.Render("LAST HOUR") + "     " + hour + "\n" + heading.Render("OVER LIMIT") + "    " + limit + "\n" + heading.Render("MOST LIMITED") + "  " + s.mostLimited()
}

func (s Sheet) lastHour() (settled, overLimit string) {
	h := s.State.History
	if h.Err != nil {
		return unknown, unknown
	}
	sum := map[record.Outcome]int64{}
	var all, failed int64
	for _, p := range h.Periods {
		all += p.Settled()
		for o, n := range p.Outcomes {
			sum[o] += n
			if o.Refused() && o != record.RateLimited {
				failed += n
			}
		}
	}
	minutes := int64(len(h.Periods))
	if minutes == 0 {
		return "no worker has run", unknown
	}
	return fmt.Sprintf("%s settled, %s a minute; %s faulty", count(all), Short(all/minutes), Short(failed)),
		fmt.Sprintf("%s refused, %s deferred in the last hour", Short(sum[record.RateLimited]), Short(sum[record.Deferred]))
}

// mostLimited names as many customers as fit into a line.
func (s Sheet) mostLimited() string {
	if s.State.Refused.Err != nil {
		return unknown
	}
	const name = len("MOST LIMITED  ")
	var line strings.Builder
	for i, c := range s.State.Refused.Customers {
		text := fmt.Sprintf("%s (%s)", column(c.CustomerID, 24), about(c))
		if i > 0 {
			text = ", " + text
		}
		if name+lipgloss.Width(line.String())+lipgloss.Width(text) > s.columns() {
			break
		}
		line.WriteString(text)
	}
	if line.Len() == 0 {
		return "none"
	}
	return line.String()
}

// about is how often a customer hit the limit, as far as that is known.
func about(r streams.Refusals) string {
	if r.Error > 0 {
		return "≤ " + Short(r.Count)
	}
	return Short(r.Count)
}
