package app

import (
	"runtime"
	"testing"
)

// With a small live heap the reserve makes collections rare.
func TestReserveMakesCollectionsRare(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	without := collections()
	release := ReserveHeap()
	with := collections()
	release()
	if with*3 > without {
		t.Errorf("%d collections with the reserve, %d without it, want at most a third", with, without)
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

var garbage []byte

// collections returns the number of collections while 256 MiB of garbage are made.
func collections() uint32 {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 256 << 10 {
		garbage = make([]byte, 1<<10)
	}
	runtime.ReadMemStats(&after)
	return after.NumGC - before.NumGC
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
