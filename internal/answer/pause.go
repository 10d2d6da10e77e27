package answer

import "ingestion/streams"

// Pause is a pause that was found.
type Pause struct {
	By     string  `json:"by"`
	Reason *string `json:"reason"`
	At     *string `json:"at"`
	Until  *string `json:"until"` // nil: until it is resumed
}

// PauseOf is a pause; nil if there is none.
func PauseOf(c streams.Control) *Pause {
	if c == (streams.Control{}) {
		return nil
	}
	p := &Pause{By: c.By, Reason: Text(c.Reason), At: Time(c.At)}
	if !c.Paused {
		p.Until = Time(c.Until)
	}
	return p
}

// Pausing is what pause has done, or would do.
type Pausing struct {
	Version  int      `json:"version"`
	Queue    string   `json:"queue"`
	DryRun   bool     `json:"dryRun"`
	Until    *string  `json:"until"`
	By       string   `json:"by"`
	Reason   *string  `json:"reason"`
	Replaced *Pause   `json:"replaced"`
	Workers  *Holding `json:"workers"` // nil in list mode, and if they could not be read
	Stopped  *bool    `json:"stopped"` // nil unless it was waited for
}

// Holding is what the workers of a queue hold.
type Holding struct {
	Live    int   `json:"live"`
	Holding int64 `json:"holding"`
	Silent  int64 `json:"silent"`
}

// PausingOf is a pause of a queue, which replaces another one if that is not the zero value.
func PausingOf(queue string, asked, replaced streams.Control, held *streams.Holders) Pausing {
	p := Pausing{Version: 1, Queue: queue, Until: Time(asked.Until), By: asked.By, Reason: Text(asked.Reason), Replaced: PauseOf(replaced)}
	if held != nil {
		p.Workers = &Holding{len(held.Live), held.LivePending, held.Silent}
	}
	return p
}

// Resumed is what resume has done, or would do.
type Resumed struct {
	Version int    `json:"version"`
	Queue   string `json:"queue"`
	DryRun  bool   `json:"dryRun"`
	Was     *Pause `json:"was"` // nil if there was none, or it can't be told
}

// ResumedOf is the end of a pause.
func ResumedOf(queue string, was streams.Control) Resumed {
	return Resumed{Version: 1, Queue: queue, Was: PauseOf(was)}
}
