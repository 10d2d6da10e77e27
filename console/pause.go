package console

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"ingestion/internal/answer"
	"ingestion/internal/duration"
	"ingestion/streams"
)

// pauseRequest says for how long the queue pauses: until a time, for a while, or until it is
// resumed if neither is given.
type pauseRequest struct {
	Until  string `json:"until"` // RFC 3339
	For    string `json:"for"`   // a duration such as 30m
	Reason string `json:"reason"`
}

// maxReason bounds the reason of a pause, in bytes. All workers log it.
const maxReason = 500

// end returns the end of the pause; the zero value if it has none.
func (p pauseRequest) end(now time.Time) (end time.Time, err error) {
	switch {
	case p.Until != "" && p.For != "":
		return end, errors.New("give until or for, not both")
	case len(p.Reason) > maxReason:
		return end, fmt.Errorf("the reason has %d bytes: at most %d", len(p.Reason), maxReason)
	case p.For != "":
		length, err := duration.Parse(p.For)
		if err != nil || length <= 0 {
			return end, fmt.Errorf("for is %q: want a duration such as 30m or 2h", p.For)
		}
		return now.Add(length), nil
	case p.Until == "":
		return end, nil
	}
	if end, err = time.Parse(time.RFC3339, p.Until); err != nil {
		return end, fmt.Errorf("until is %q: want a time such as 2026-01-31T06:00:00Z", p.Until)
	}
	if !end.After(now) {
		return end, fmt.Errorf("until has passed: Redis has %s", now.UTC().Format(time.RFC3339))
	}
	return end, nil
}

// pauseQueue makes all workers stop reading.
func (c *console) pauseQueue(r *http.Request, asked pauseRequest) (answer.Pausing, error) {
	ctx, client, key := r.Context(), c.Source.Redis, c.Source.Main()
	now, err := client.Time(ctx).Result()
	if err != nil {
		return answer.Pausing{}, fmt.Errorf("nothing is paused: asking Redis for the time: %w", err)
	}
	pause := streams.Control{By: c.user(r), Reason: asked.Reason}
	if pause.Until, err = asked.end(now); err != nil {
		return answer.Pausing{}, wrong(err)
	}
	replaced, _, err := streams.ReadControl(ctx, client, key)
	if err != nil || !replaced.Active(now) { // what can't be read is replaced all the same
		replaced = streams.Control{}
	}
	d := c.begin(r, "pause", "until", untilWords(pause.Until), "reason", asked.Reason)
	err = streams.Pause(ctx, client, key, pause)
	d.end(succeeded, err, "until", untilWords(pause.Until), "reason", asked.Reason)
	if err != nil {
		return answer.Pausing{}, fmt.Errorf("the queue may be paused or not, and it is safe to repeat that: %w", err)
	}
	held, err := c.Source.Holders(ctx)
	if err != nil {
		held = nil // the pause is set all the same
	}
	return answer.PausingOf(c.queueName(), pause, replaced, held), nil
}

func untilWords(end time.Time) string {
	if end.IsZero() {
		return "resumed"
	}
	return end.UTC().Format(time.RFC3339)
}

// queueName is the queue for people: without the number of a partition.
func (c *console) queueName() string {
	if len(c.Source.Keys) > 1 {
		return strings.TrimSuffix(c.Source.Keys[0], ":0")
	}
	return c.Source.Main()
}

// resumeQueue ends a pause.
func (c *console) resumeQueue(r *http.Request) (answer.Resumed, error) {
	d := c.begin(r, "resume")
	was, now, err := streams.Resume(r.Context(), c.Source.Redis, c.Source.Main())
	if errors.Is(err, streams.ErrControlInvalid) { // the invalid one is ended, too
		err = nil
	}
	if !was.Active(now) {
		was = streams.Control{}
	}
	d.end(succeeded, err, "pausedBy", was.By)
	if err != nil {
		return answer.Resumed{}, fmt.Errorf("the queue may be resumed or not, and it is safe to repeat that: %w", err)
	}
	return answer.ResumedOf(c.queueName(), was), nil
}

// pause and resume are the buttons of the queue's page.
func (c *console) pause(w http.ResponseWriter, r *http.Request) {
	asked := pauseRequest{Until: r.PostFormValue("until"), For: r.PostFormValue("for"), Reason: r.PostFormValue("reason")}
	if _, err := c.pauseQueue(r, asked); err != nil {
		c.fail(w, r, err)
		return
	}
	c.redirect(w, r, "queue")
}

func (c *console) resume(w http.ResponseWriter, r *http.Request) {
	if _, err := c.resumeQueue(r); err != nil {
		c.fail(w, r, err)
		return
	}
	c.redirect(w, r, "queue")
}
