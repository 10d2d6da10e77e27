package local

import (
	"os"
	"syscall"
	"time"
)

// Usage is what programs have used up.
type Usage struct {
	Elapsed time.Duration
	CPU     time.Duration // user and system
	PeakRSS int64         // bytes
	RSS     Series        // bytes over time; of the first process where there are several
}

func (u *Usage) add(state *os.ProcessState) {
	u.CPU += state.UserTime() + state.SystemTime()
	if r, ok := state.SysUsage().(*syscall.Rusage); ok {
		u.PeakRSS = max(u.PeakRSS, r.Maxrss<<10) // in KiB on Linux
	}
}
