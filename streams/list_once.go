package streams

import (
	"cmp"
	_ "embed"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/redisconn"
)

var (
	//go:embed list_once.lua
	onceSource string
	onceScript = redis.NewScript(onceSource)
)

// onceFor is how long Redis remembers that a call was done: as long as a caller may
// repeat it while Redis is away.
const onceFor = time.Hour

// once begins a call of list_once.lua. It is identified by what is done and by the
// first delivery to which it is done.
func (l *List) once(what string, first *Delivery, key string) *redisconn.Call {
	pop := cmp.Or(first.pop, l.pops.Add(1))
	marker := "{" + l.keys.Main + "}:once:" + what + ":" + strconv.FormatUint(pop, 36)
	call := redisconn.NewCall(onceScript, []string{marker, key}, 1)
	call.Add(int(onceFor.Seconds()))
	return call
}

func addCommand(call *redisconn.Call, name string, words []any) {
	call.Add(name, len(words))
	call.Add(words...)
}
