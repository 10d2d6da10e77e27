package streams

import _ "embed"

// Shared beginnings of scripts. A script that has one names it in its head:
// "Comes after need.lua and drop.lua."
var (
	//go:embed need.lua
	needSource string
	//go:embed drop.lua
	dropSource string
	//go:embed inspect.lua
	inspectSource string
	//go:embed outcomes.lua
	outcomesSource string
)

// dropKeys are the first keys of every script that begins with drop.lua.
func (k *Keys) dropKeys() []string {
	return []string{k.Main, k.Ledger, k.AttemptCounts, k.Gone, k.Returns}
}
