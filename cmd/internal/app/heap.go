package app

import (
	"os"
	"runtime"
)

// heapReserve is the size, in bytes, of an allocation that counts as live heap.
// It is never touched, so it takes address space but no memory. By default the
// collector runs when the heap has doubled, which a worker or a load with a few MiB
// of live heap would reach a hundred times a second. The reserve adds about its own
// size to the garbage between two collections, however much is live.
//
// The runtime has no setting for that. debug.SetGCPercent multiplies the live
// heap: at 600, which is right for 3 MiB, a worker holding 60 MiB of large
// records would need more than 400 MiB. debug.SetMemoryLimit does not adapt
// upwards: with a limit of 64 MiB and 60 MiB live, the collector ran ten times
// as often as with the reserve.
const heapReserve = 20 << 20

// ReserveHeap holds the reserve until release is called. It does nothing if the
// collector is configured by GOGC or GOMEMLIMIT.
func ReserveHeap() (release func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	reserve := make([]byte, heapReserve)
	return func() { runtime.KeepAlive(reserve) }
}
