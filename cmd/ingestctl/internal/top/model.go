package top

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"ingestion/cmd/ingestctl/internal/sheet"
	"ingestion/internal/inspect"
	"ingestion/streams"
)

// view is one of the screens.
type view int

const (
	overview view = iota
	consumers
	customers
	letters
	partitions
	views // how many there are
)

var names = [views]string{"Overview", "Consumers", "Customers", "Dead letters", "Partitions"}

const (
	// pastEvery is the time between two readings of the history, which changes every few
	// seconds, and of the dead letters.
	pastEvery = 3 * time.Second
	// mostLetters is how many dead letters are read.
	mostLetters = 100
)

// model is the state of the screen. bubbletea calls its methods one at a time.
type model struct {
	opts Options
	from reader

	width, height int
	view          view
	span          span
	offset        int // lines that are scrolled away
	help          bool

	sheet   *sheet.Sheet // nil until something was read
	live    samples
	history map[span]inspect.History
	letters inspect.Letters
	readAt  time.Time // when the sheet was read, by this host's clock
	now     time.Time // likewise
}

type (
	statusMsg  struct{ *inspect.Status }
	pastMsg    struct{ history map[span]inspect.History }
	lettersMsg struct{ inspect.Letters }
	tickMsg    time.Time
	readMsg    struct{} // it is time to read the status
	lookMsg    struct{} // it is time to read the rest
)

func newModel(opts Options, from reader) model {
	return model{opts: opts, from: from, width: sheet.Width, height: 24, span: hour, history: map[span]inspect.History{}, now: time.Now(), readAt: time.Now()}
}

// Init starts the readings.
func (m model) Init() tea.Cmd {
	return tea.Batch(m.read, m.readPast, m.readLetters, tick())
}

func tick() tea.Cmd { return tea.Tick(time.Second, func(at time.Time) tea.Msg { return tickMsg(at) }) }

func (m model) read() tea.Msg {
	return statusMsg{m.from.status()}
}

func (m model) readPast() tea.Msg {
	past := map[span]inspect.History{}
	for _, s := range []span{hour, week} {
		past[s] = m.from.past(s)
	}
	return pastMsg{past}
}

func (m model) readLetters() tea.Msg {
	return lettersMsg{m.from.letters()}
}

// Update takes what was read, and keys.
func (m model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tea.KeyPressMsg:
		return m.press(msg.String())
	case tickMsg:
		m.now = time.Time(msg)
		return m, tick()
	case statusMsg:
		s := sheet.New(msg.Status, m.opts.Limits)
		m.sheet, m.readAt, m.now = &s, time.Now(), time.Now()
		m.live.add(msg.Status)
		return m, tea.Tick(m.opts.Every, func(time.Time) tea.Msg { return readMsg{} })
	case readMsg:
		return m, m.read
	case pastMsg:
		m.history = msg.history
		return m, tea.Tick(pastEvery, func(time.Time) tea.Msg { return lookMsg{} })
	case lettersMsg:
		m.letters = msg.Letters
	case lookMsg:
		if m.view == letters {
			return m, tea.Batch(m.readPast, m.readLetters)
		}
		return m, m.readPast
	}
	return m, nil
}

// press does what a key asks for.
func (m model) press(key string) (tea.Model, tea.Cmd) {
	if key == "q" || key == "ctrl+c" {
		return m, tea.Quit
	}
	if m.help {
		m.help = false
		return m, nil
	}
	switch key {
	case "?", "h", "f1":
		m.help = true
	case "1", "2", "3", "4", "5":
		return m.show(view(key[0] - '1'))
	case "tab", "right", "l":
		return m.show((m.view + 1) % views)
	case "shift+tab", "left":
		return m.show((m.view + views - 1) % views)
	case "t":
		m.span = (m.span + 1) % spans
	case "down", "j":
		m.offset++
	case "up", "k":
		m.offset--
	case "pgdown", "space":
		m.offset += max(1, m.height/2)
	case "pgup":
		m.offset -= max(1, m.height/2)
	case "home", "g":
		m.offset = 0
	}
	m.offset = max(0, min(m.offset, m.overhang()))
	return m, nil
}

func (m model) show(v view) (tea.Model, tea.Cmd) {
	m.view, m.offset = v, 0
	if v == letters {
		return m, m.readLetters
	}
	return m, nil
}

// span is the time that the charts show.
type span int

const (
	live span = iota
	hour
	week
	spans // how many there are
)

func (s span) unit() streams.HistoryUnit {
	if s == week {
		return streams.Hours
	}
	return streams.Minutes
}

func (s span) length() time.Duration {
	switch s {
	case live:
		return liveLength
	case week:
		return 7 * 24 * time.Hour
	default:
		return time.Hour
	}
}

// name says what the charts show, and per which time.
func (s span) name() (of, per string) {
	switch s {
	case live:
		return "LIVE, 2 MINUTES", "A SECOND"
	case week:
		return "LAST WEEK", "AN HOUR"
	default:
		return "LAST HOUR", "A MINUTE"
	}
}
