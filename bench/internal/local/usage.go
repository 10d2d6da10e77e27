package local

import "time"

// Usage is the resources used by programs.
type Usage struct {
	Elapsed time.Duration
	CPU     time.Duration // user and system
	PeakRSS int64         // bytes, at the last sample before the exit; 0 if unknown
	RSS     Series        // bytes over time; of the first process if there are several
}
