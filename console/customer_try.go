package console

import (
	"context"

	"ingestion/internal/answer"
	"ingestion/internal/inspect"
	"ingestion/limiter"
)

// tryView is what another limit would have made of a customer's records.
type tryView struct {
	Limit  string // as it was asked for; "" if it was not
	Error  string
	Result *inspect.Simulation
	Looked []string
	// IngestedError is why it is not known how many were stored.
	IngestedError *string
}

// Rows are the lines of the result's table.
func (v tryView) Rows() []tryRow {
	s := v.Result
	return []tryRow{
		{"would have been under " + s.Then.Limit.String(), s.Then},
		{"would have been under today's " + s.Now.Limit.String(), s.Now},
	}
}

type tryRow struct {
	Name string
	inspect.Tally
}

// readTry folds the customer's retained arrivals through another limit.
func (c *console) readTry(ctx context.Context, customerID, text string) tryView {
	view := tryView{Limit: text}
	if text == "" || c.Limiter == nil {
		return view
	}
	limit, err := limiter.ParseLimit(text)
	if err != nil {
		view.Error = err.Error()
		return view
	}
	done, err := c.takeSearch()
	if err != nil {
		view.Error = err.Error()
		return view
	}
	defer done()
	ctx, end := bounded(ctx)
	defer end()
	reserve, delay := c.Limiter.Reserves()
	view.Result, err = c.tracer().Simulate(ctx, inspect.SimulationQuery{CustomerID: customerID, Limit: limit, Reserve: reserve, MaxDelay: delay})
	if err != nil {
		view.Error, view.Result = err.Error(), nil
		return view
	}
	view.IngestedError = answer.Error(view.Result.Actual.IngestedErr)
	for _, l := range view.Result.Looked {
		if words := l.Words(""); words != "" {
			view.Looked = append(view.Looked, words)
		}
	}
	return view
}
