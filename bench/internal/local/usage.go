package local

import "time"

// Usage is what programs have used up.
type Usage struct {
	Elapsed time.Duration
	CPU     time.Duration // user and system
	PeakRSS int64         // bytes, as seen at the last look before the end; 0 where that is not known
	RSS     Series        // bytes over time; of the first process where there are several
}
