package limiter_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"ingestion/limiter"
)

// TestEightClients lets eight clients judge the same customers' records, each
// record by two of them, in different order and at random times.
func TestEightClients(t *testing.T) {
	for _, reserve := range []bool{false, true} {
		t.Run(fmt.Sprint("reserve ", reserve), func(t *testing.T) {
			server := realRedis(t)
			cfg := config(5, 2*time.Second)
			cfg.Reserve, cfg.MaxDelay, cfg.Budget = reserve, 10*time.Second, 100
			var mu sync.Mutex
			admissions := rule{}
			var group errgroup.Group
			for worker := range 8 {
				l := newLimiter(t, server.Client(t), cfg)
				group.Go(func() error {
					random := rand.New(rand.NewPCG(1, uint64(worker/2)))  // two workers, the same records
					shuffle := rand.New(rand.NewPCG(2, uint64(worker+1))) // in another order
					requests := traffic(random, worker/2, 2000)
					shuffle.Shuffle(len(requests), func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
					for len(requests) > 0 && !t.Failed() {
						n := min(1+shuffle.IntN(100), len(requests))
						verdicts, err := l.Judge(context.Background(), requests[:n])
						if err != nil {
							return err
						}
						mu.Lock()
						for i, v := range verdicts {
							admissions.check(goroutine{t}, requests[i], v)
						}
						mu.Unlock()
						requests = requests[n:]
					}
					return nil
				})
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			admissions.holds(t, limiter.Limit{Records: 5, Window: 2 * time.Second})
			if n := admissions.size(); n < 600 { // 900 fit at the most
				t.Errorf("only %d records were admitted: the limit was hardly met", n)
			}
		})
	}
}

// goroutine is a test as goroutines beside its own may use it.
type goroutine struct{ *testing.T }

// Fatalf fails the test and goes on.
func (g goroutine) Fatalf(format string, args ...any) { g.Errorf(format, args...) }

// traffic is records of a few customers within two minutes.
func traffic(random *rand.Rand, source, n int) []limiter.Request {
	var requests []limiter.Request
	for i := range n {
		customer := customers[random.IntN(len(customers))]
		requests = append(requests, at(customer, fmt.Sprintf("%d-%d", source, i), someTime+random.Int64N(120_000)))
	}
	return requests
}
