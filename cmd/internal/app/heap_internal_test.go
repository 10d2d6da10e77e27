package app

import (
	"runtime"
	"testing"
)

// The collector starts at the size that the runtime calls NextGC. How many
// collections that makes also depends on how fast the machine is, NextGC does not.
func TestReserveMakesCollectionsRare(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	without := nextCollection()
	release := ReserveHeap()
	with := nextCollection()
	release()
	if with < without+2*heapReserve*9/10 {
		t.Errorf("the next collection starts at %d bytes of heap, without the reserve at %d; want %d more", with, without, 2*heapReserve)
	}
}

func TestNoReserveIfTheCollectorIsConfigured(t *testing.T) {
	for _, name := range []string{"GOGC", "GOMEMLIMIT"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("GOGC", "")
			t.Setenv("GOMEMLIMIT", "")
			t.Setenv(name, "100")
			before := heapInUse()
			release := ReserveHeap()
			grown := heapInUse() - before
			release()
			if grown >= heapReserve {
				t.Errorf("the heap grew by %d bytes", grown)
			}
		})
	}
}

// nextCollection returns at which size of the heap, in bytes, the collector runs next.
func nextCollection() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.NextGC)
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
