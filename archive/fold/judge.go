package fold

import (
	"context"

	"ingestion/consumer"
	"ingestion/limiter"
)

// admitted is the arrival, for the limiter, of an entry that a worker has admitted.
const admitted = 0

// judge asks the limiter only about the records whose outcome is not known.
type judge struct{ limiter consumer.Limiter }

// Judge admits the records that were admitted.
func (j judge) Judge(ctx context.Context, requests []limiter.Request) ([]limiter.Verdict, error) {
	verdicts := make([]limiter.Verdict, len(requests))
	var unknown []limiter.Request
	var at []int
	for i, r := range requests {
		verdicts[i] = limiter.Verdict{Decision: limiter.Admitted}
		if r.At != admitted {
			unknown, at = append(unknown, r), append(at, i)
		}
	}
	if len(unknown) == 0 {
		return verdicts, nil
	}
	judged, err := j.limiter.Judge(ctx, unknown)
	for i := range judged {
		verdicts[at[i]] = judged[i]
	}
	return verdicts, err
}
