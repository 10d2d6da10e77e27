//go:build race

package bench

import "testing"

func TestBudgets(t *testing.T) {
	t.Skip("the race detector allocates memory; make test checks the budgets without it")
}
