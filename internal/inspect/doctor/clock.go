package doctor

import (
	"context"
	"fmt"
	"time"
)

const (
	// maxSkew is how far two clocks may differ.
	maxSkew = 2 * time.Second
	// maxFloorSkew is how far the clocks of masters may differ before the limiter drops slots
	// that still count.
	maxFloorSkew = time.Minute
)

func redisClock(ctx context.Context, e *exam, f *findings) error {
	var ahead []time.Duration // of this host's clock
	var failure error
	for i := range e.nodes {
		n := &e.nodes[i]
		before := e.now()
		theirs, err := n.client.Time(ctx).Result()
		if err != nil {
			failure = err
			continue
		}
		skew := skewOf(before, e.now(), theirs)
		ahead = append(ahead, skew)
		if skew.Abs() > maxSkew {
			f.add(Warning, fmt.Sprintf("%sthe clock of Redis is %s this host's", e.at(n), aheadOf(skew)),
				"ages, due times and log lines can't be compared; the limiter and the leases use the clock of Redis only",
				"let NTP set the clocks of all machines")
		}
	}
	if spread := spreadOf(ahead); spread > maxFloorSkew {
		f.add(Error, fmt.Sprintf("the clocks of the Cluster's masters differ by %v", spread.Round(time.Second)),
			"the limiter may forget slots that still count, and so admit too many records", "let NTP set the clocks of all machines")
	}
	return failure
}

// skewOf is how far a clock that was read between two moments of ours is ahead of ours, as
// far as that is certain.
func skewOf(before, after, theirs time.Time) time.Duration {
	switch {
	case theirs.After(after):
		return theirs.Sub(after)
	case theirs.Before(before):
		return theirs.Sub(before)
	}
	return 0
}

func aheadOf(skew time.Duration) string {
	if skew < 0 {
		return fmt.Sprintf("%v behind", -skew.Round(time.Second/10))
	}
	return fmt.Sprintf("%v ahead of", skew.Round(time.Second/10))
}

func spreadOf(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	low, high := list[0], list[0]
	for _, d := range list {
		low, high = min(low, d), max(high, d)
	}
	return high - low
}

func mongoClock(ctx context.Context, e *exam, f *findings) error {
	before := e.now()
	hello, err := e.helloOf(ctx)
	if err != nil {
		return err
	}
	theirs, told := hello.Lookup("localTime").TimeOK()
	if !told {
		return fmt.Errorf("MongoDB does not tell its time")
	}
	if skew := skewOf(before, e.now(), theirs); skew.Abs() > maxSkew {
		f.add(Warning, fmt.Sprintf("the clock of MongoDB is %s this host's", aheadOf(skew)),
			"ingestedAt is the worker's time: it can't be compared with times that MongoDB sets", "let NTP set the clocks of all machines")
	}
	return nil
}
