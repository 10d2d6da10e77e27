//go:build race

package bench

import "testing"

func TestBudgets(t *testing.T) {
	t.Skip("the race detector allocates itself: make test, without it, checks the budgets")
}
