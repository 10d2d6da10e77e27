package app

import (
	"os"
	"runtime"
)

// heapReserve is address space that counts as live heap and is never touched,
// so that it takes no memory. The collector runs when the heap has doubled:
// with the few MiB that a worker really holds that would be a hundred times a
// second. So it may leave about as many bytes of garbage lying instead.
const heapReserve = 20 << 20

// reserveHeap makes room for garbage until release is called, unless the
// operator has tuned the collector by GOGC or GOMEMLIMIT.
func reserveHeap() (release func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	reserve := make([]byte, heapReserve)
	return func() { runtime.KeepAlive(reserve) }
}
