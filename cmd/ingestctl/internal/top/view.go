package top

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"ingestion/cmd/ingestctl/internal/sheet"
	"ingestion/internal/inspect"
)

// View draws the screen.
func (m model) View() tea.View {
	v := tea.NewView(m.screen())
	v.AltScreen = true
	v.WindowTitle = "ingestctl top"
	return v
}

// screen is exactly height lines: the views, the queue, what the view shows, what to do,
// the keys.
func (m model) screen() string {
	lines := []string{m.tabs()}
	body := m.body()
	if m.sheet != nil {
		lines = append(lines, strings.Split(m.title(), "\n")...)
	}
	foot := m.foot()
	room := max(0, m.height-len(lines)-len(foot))
	lines = append(lines, window(body, m.offset, room)...)
	lines = append(lines, foot...)
	for i := range lines {
		lines[i] = lipgloss.NewStyle().MaxWidth(m.width).Render(lines[i])
	}
	return strings.Join(lines[:min(len(lines), m.height)], "\n")
}

// window is so many lines of a text from an offset on. The first one, the header of a
// table, stays.
func window(text string, offset, room int) []string {
	all := strings.Split(text, "\n")
	if offset > 0 && len(all) > 1 {
		all = append(all[:1:1], all[min(1+offset, len(all)):]...)
	}
	all = all[:min(len(all), room)]
	for len(all) < room {
		all = append(all, "")
	}
	return all
}

// overhang is how many lines can be scrolled away.
func (m model) overhang() int {
	if m.sheet == nil || m.view == overview {
		return 0
	}
	room := m.height - 1 - len(strings.Split(m.title(), "\n")) - len(m.foot())
	return max(0, len(strings.Split(m.body(), "\n"))-room)
}

func (m model) tabs() string {
	var all []string
	for v, name := range names {
		tab := fmt.Sprintf(" %d %s ", v+1, name)
		if view(v) == m.view {
			tab = bold.Reverse(true).Render(fmt.Sprintf("[%d %s]", v+1, name))
		}
		all = append(all, tab)
	}
	return strings.Join(all, " ")
}

func (m model) title() string {
	s := *m.sheet
	s.Columns = m.width
	return s.Title()
}

func (m model) body() string {
	if m.help {
		return helpText
	}
	if m.sheet == nil {
		return "\nreading the state of the queue …"
	}
	s := *m.sheet
	s.Columns = m.width
	switch m.view {
	case consumers:
		return s.Consumers()
	case customers:
		return s.Customers()
	case letters:
		return s.Letters(m.letters)
	case partitions:
		if s.State.Source.IsList() {
			return "A list has no partitions."
		}
		return s.AllPartitions(len(s.State.Partitions))
	default:
		return m.overview(s)
	}
}

const helpText = `
  1 2 3 4 5       show a view        tab, ← →   the next view, the one before
  t               charts of the last hour, the last week, the last 2 minutes
  ↑ ↓, j k        scroll             page up, page down, home
  ?               this help          q, ctrl+c  quit

  Overview        where the entries are, what became of them, and how the lag
                  and the number of settled entries have changed
  Consumers       the workers, what they hold, and what of it has an expired
                  lease, which others may take over
  Customers       those who hit their limit most often lately
  Dead letters    the newest refused records, without their data
  Partitions      the account and the lag of each

  The line above the keys says what to do first. Nothing here changes anything.
  What is not known is "unknown" or "-", never 0.`

func (m model) foot() []string {
	keys := "1-5 view  tab next  t time  ↑↓ scroll  ? help  q quit"
	what := ""
	if m.sheet != nil {
		what = m.sheet.ToDo()
	}
	if late := m.now.Sub(m.readAt); late > m.opts.Every+3*time.Second {
		keys += "   " + bold.Render("no answer for "+inspect.Age(late))
	}
	return []string{what, faint.Render(keys)}
}

// The least height of the charts, with their titles.
const leastCharts = 9

// overview is the balance and the charts, and the findings if there is room.
func (m model) overview(s sheet.Sheet) string {
	room := m.height - 1 - len(m.foot()) - lipgloss.Height(s.Title())
	parts := []string{s.Balance()}
	room -= lipgloss.Height(parts[0]) + 1
	bottom := ""
	for _, part := range []string{s.Verdict(), s.Servers(), s.Past()} {
		height := lipgloss.Height(part) + 1
		if part != "" && room-height >= leastCharts {
			bottom = "\n\n" + part + bottom
			room -= height
		}
	}
	return parts[0] + "\n\n" + m.charts(room) + bottom
}

// charts are those of throughput and lag, side by side.
func (m model) charts(height int) string {
	p := m.period()
	of, per := m.span.name()
	const gap = 2
	left := (m.width - gap) / 2
	right := m.width - gap - left
	settled := bold.Render("SETTLED "+per+", "+of) + "\n" + throughput(p, left)
	if m.opts.Source.IsList() {
		settled = bold.Render("SETTLED") + "\n" + "unknown: a list has no ledger"
	} else if h := m.history[m.span]; m.span != live && h.Err != nil {
		settled = bold.Render("SETTLED "+per+", "+of) + "\nunknown"
	}
	waiting := bold.Render("UNDELIVERED, "+of) + "\n" + lag(p, right, height-1)
	return lipgloss.JoinHorizontal(lipgloss.Top, lipgloss.NewStyle().Width(left+gap).Height(height).Render(settled), waiting)
}

// period is the time that the charts show, up to now by the clock of Redis.
func (m model) period() period {
	to := m.sheet.State.At
	p := period{from: to.Add(-m.span.length()), to: to, step: m.span.unit().Length()}
	if m.span == live || m.opts.Source.IsList() {
		p.points, p.step = m.live.points, time.Second
		p.from = to.Add(-liveLength)
		return p
	}
	p.points = pointsOf(m.history[m.span])
	return p
}
