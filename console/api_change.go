package console

import (
	"fmt"
	"net/http"

	"ingestion/internal/answer"
	"ingestion/limiter"
)

func (c *console) apiPause(r *http.Request) (any, error) {
	var asked pauseRequest
	if err := readJSON(r, &asked); err != nil {
		return nil, err
	}
	return c.pauseQueue(r, asked)
}

func (c *console) apiResume(r *http.Request) (any, error) { return c.resumeQueue(r) }

func (c *console) apiSetLimit(r *http.Request) (any, error) {
	var asked struct {
		Limit string  `json:"limit"`
		Seen  *string `json:"seen"`
	}
	if err := readJSON(r, &asked); err != nil {
		return nil, err
	}
	limit, err := limiter.ParseLimit(asked.Limit)
	if err != nil {
		return nil, wrong(fmt.Errorf("limit: %w", err))
	}
	return c.apiChangeLimit(r, &limit, asked.Seen)
}

func (c *console) apiUnsetLimit(r *http.Request) (any, error) {
	q := r.URL.Query()
	if !q.Has("seen") {
		return c.apiChangeLimit(r, nil, nil)
	}
	seen := q.Get("seen")
	return c.apiChangeLimit(r, nil, &seen)
}

// apiChangeLimit changes the limit of the customer that the address names, if it is the one that was seen.
func (c *console) apiChangeLimit(r *http.Request, limit *limiter.Limit, seen *string) (any, error) {
	customer, err := customerOf(r)
	if err != nil {
		return nil, err
	}
	before, after, err := c.changeLimit(r, customer, limit, seen)
	if err != nil {
		return nil, err
	}
	return answer.LimitChangeOf(before, after), nil
}
