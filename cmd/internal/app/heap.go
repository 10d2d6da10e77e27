package app

import (
	"os"
	"runtime"
)

// heapReserve is allocated but never touched: it counts as live heap and uses no memory.
// The garbage collector runs whenever the heap has doubled. A worker's live heap is a few
// MiB, so without the reserve that would be some hundred times per second; with it, about
// heapReserve bytes of garbage are allocated between two runs.
//
// A higher debug.SetGCPercent would also multiply a live heap that is large, and with
// debug.SetMemoryLimit alone the collector would run all the time at a live heap above
// the limit.
const heapReserve = 20 << 20

// reserveHeap allocates the reserve until release is called. It does nothing if the operator
// has set GOGC or GOMEMLIMIT.
func reserveHeap() (release func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	reserve := make([]byte, heapReserve)
	return func() { runtime.KeepAlive(reserve) }
}
