package streams

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed scripts/need.lua
	needSource string
	//go:embed scripts/drop.lua
	dropSource string
	//go:embed scripts/open.lua
	openSource string
	//go:embed scripts/settle.lua
	settleSource string
	//go:embed scripts/extend.lua
	extendSource string
	//go:embed scripts/handback.lua
	handbackSource string
	//go:embed scripts/claim.lua
	claimSource string
	//go:embed scripts/fetch.lua
	fetchSource string
	//go:embed scripts/move.lua
	moveSource string
	//go:embed scripts/trim.lua
	trimSource string
	//go:embed scripts/peek.lua
	peekSource string
	//go:embed scripts/try.lua
	trySource string
	//go:embed scripts/sweep.lua
	sweepSource string
	//go:embed scripts/census.lua
	censusSource string

	openScript     = redis.NewScript(needSource + openSource)
	settleScript   = redis.NewScript(needSource + settleSource)
	extendScript   = redis.NewScript(needSource + dropSource + extendSource)
	handbackScript = redis.NewScript(needSource + dropSource + handbackSource)
	claimScript    = redis.NewScript(needSource + dropSource + claimSource)
	fetchScript    = redis.NewScript(needSource + dropSource + fetchSource)
	moveScript     = redis.NewScript(needSource + moveSource)
	trimScript     = redis.NewScript(trimSource)
	peekScript     = redis.NewScript(peekSource)
	tryScript      = redis.NewScript(needSource + dropSource + trySource)
	sweepScript    = redis.NewScript(sweepSource)
	censusScript   = redis.NewScript(censusSource)
)
