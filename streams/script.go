package streams

import (
	_ "embed"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed need.lua
	needSource string
	//go:embed drop.lua
	dropSource string
	//go:embed ledger_open.lua
	openSource string
	//go:embed stream_settle.lua
	settleSource string
	//go:embed stream_extend.lua
	extendSource string
	//go:embed stream_nack.lua
	handbackSource string
	//go:embed stream_claim.lua
	claimSource string
	//go:embed stream_fetch.lua
	fetchSource string
	//go:embed upkeep_move.lua
	moveSource string
	//go:embed upkeep_trim.lua
	trimSource string
	//go:embed stream_peek.lua
	peekSource string
	//go:embed stream_quarantine.lua
	trySource string
	//go:embed stream_leave.lua
	sweepSource string
	//go:embed ledger_loss.lua
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
