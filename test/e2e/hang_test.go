package e2e_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"ingestion/internal/test/env"
)

// A worker without MongoDB is alive for as long as the outage lasts: longer than its
// heartbeat may take. E2E_OUTAGE_SEC makes it longer.
func TestAWorkerIsAliveThroughALongOutage(t *testing.T) {
	t.Parallel()
	r := newRestartableHarness(t, stream, "ADMIN_ADDR=127.0.0.1:0", "STREAM_CLAIM_IDLE_MS=300")
	worker := r.start()
	addr := adminOf(t, worker)
	r.mongo.Kill()
	r.feed(simple(52, 50))
	awaitReady(t, addr, "mongo", "reading")
	outage := time.Duration(setting(t, "E2E_OUTAGE_SEC", 15)) * time.Second
	asked, end := 0, time.Now().Add(outage)
	env.Eventually(t, outage+soon, func() (bool, string) {
		asked++
		if code, body := fetch(t, addr, "/livez"); code != http.StatusOK {
			t.Fatalf("/livez after %v: code %d, %s", outage-time.Until(end), code, body)
		}
		return time.Now().After(end), "the outage goes on"
	})
	awaitReady(t, addr, "mongo", "reading")
	t.Logf("/livez was 200 %d times in %v", asked, outage)
	r.mongo.Start()
	awaitReady(t, addr)
	env.Eventually(t, late, func() (bool, string) {
		done := r.ledger(streamKey)[ingested]
		return done == 50, fmt.Sprintf("%d are ingested", done)
	})
	r.stop(worker)
}
