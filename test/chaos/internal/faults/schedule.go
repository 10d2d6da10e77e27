// Package faults draws a schedule of faults from a seed and injects them.
package faults

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Fault is one fault of a schedule.
type Fault struct {
	At     time.Duration // since the start; later if the lane is busy
	Kind   Kind
	Lane   Lane
	Worker int           // its target, if it is one of a worker
	Length time.Duration // duration
	Bytes  int           // length at which replies are cut
	Size   uint32        // random; selects the variant and the amount
}

// Draw returns n faults of the given kinds, spread over a time and in order. The
// same seed draws the same faults. Each kind occurs if n is large enough.
func Draw(seed uint64, n int, over time.Duration, workers int, of []Kind) []Fault {
	rng := rand.New(rand.NewPCG(seed, 2))
	var kinds []trait
	total := 0
	for _, t := range traits {
		if slices.Contains(of, t.kind) {
			kinds = append(kinds, t)
			total += t.weight
		}
	}
	faults := make([]Fault, n)
	for i := range faults {
		pick := i // first each kind once
		if i >= len(kinds) {
			pick = 0
			for left := rng.IntN(total); left >= kinds[pick].weight; pick++ {
				left -= kinds[pick].weight
			}
		}
		k := kinds[pick]
		faults[i] = Fault{
			Kind: k.kind, Lane: k.lane, Worker: rng.IntN(workers),
			Length: time.Duration(k.least+rng.IntN(k.most-k.least+1)) * time.Millisecond,
			Bytes:  k.bytes + rng.IntN(k.spread+1), Size: rng.Uint32(),
		}
	}
	rng.Shuffle(n, func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	for i := range faults {
		faults[i].At = time.Duration((float64(i) + rng.Float64()) * float64(over) / float64(n))
	}
	slices.SortStableFunc(faults, func(a, b Fault) int { return int(a.At - b.At) })
	return faults
}
