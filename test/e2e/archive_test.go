package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"gocloud.dev/blob/fileblob"

	"ingestion/archive"
	"ingestion/internal/test/env"
	"ingestion/streams"
)

// TestKilledArchivers kills archivers at random moments, and stops Redis once, while a worker
// settles and trims a load. Each entry is archived once, in its order, and none was trimmed
// before.
func TestKilledArchivers(t *testing.T) {
	t.Parallel()
	records, kills := setting(t, "E2E_ARCHIVE_RECORDS", 20_000), setting(t, "E2E_ARCHIVE_KILLS", 10)
	seed := uint64(setting(t, "E2E_SEED", 5))
	t.Logf("E2E_SEED=%d", seed)
	rng := rand.New(rand.NewPCG(seed, 6))
	f := newFixture(seed, records)
	dir := t.TempDir()
	r := newHarness(t, stream, "STREAM_RETENTION=0",
		"ARCHIVE_URL=file://"+dir, "ARCHIVE_SEGMENT_BYTES=100000", "ARCHIVE_SEGMENT_SEC=0.2")
	archiver := r.startArchiver()
	worker := r.start()
	for k := range kills {
		from, to := k*records/kills, (k+1)*records/kills
		part := *f
		part.records = f.records[from:to]
		r.feed(&part)
		if k == kills/2 {
			r.redis.Stop()
			r.redis.Start()
		}
		r.awaitArchived(from + rng.IntN(to-from))
		r.outlast(archiver, time.Duration(rng.IntN(50))*time.Millisecond)
		archiver.Kill()
		archiver = r.launchArchiver()
	}
	r.awaitArchived(records)
	r.awaitOutcomes(records)
	r.finish(f, worker, archiver, dir)
}

// finish waits until all is trimmed, stops the programs, and checks what they leave.
func (r *harness) finish(f *fixture, worker, archiver *env.Proc, dir string) {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		left := r.client.XLen(r.ctx(), streamKey).Val()
		return left == 0, fmt.Sprintf("%d entries were not trimmed", left)
	})
	r.stop(worker)
	r.stopArchiver(archiver)
	r.wantLedger(f.want)
	r.wantDocuments(f)
	r.wantArchive(dir, f.bodies())
}

// launchArchiver starts an archiver without waiting for it. Its leases are short, so that the
// next one need not wait; the worker's are not, since a busy machine would let them expire.
func (r *harness) launchArchiver(environ ...string) *env.Proc {
	r.t.Helper()
	return env.Process(r.t, env.Build(r.t, "ingestion/cmd/archiver"), nil, slices.Concat(r.env, []string{"STREAM_CLAIM_IDLE_MS=300"}, environ))
}

// startArchiver starts an archiver, and waits until nothing is trimmed without it.
func (r *harness) startArchiver(environ ...string) *env.Proc {
	r.t.Helper()
	p := r.launchArchiver(environ...)
	p.WaitForLine(soon, event("archiver_started"))
	env.Eventually(r.t, soon, func() (bool, string) { return r.archived() != "", "the archive has no group" })
	return p
}

func (r *harness) stopArchiver(p *env.Proc) {
	r.t.Helper()
	p.WaitForLine(soon, event("archiver_started"))
	p.Signal(syscall.SIGTERM)
	r.wantExit(p, 0)
}

// archived is the last ID of the archive's group, "" without one.
func (r *harness) archived() string {
	groups, _ := r.client.XInfoGroups(r.ctx(), streamKey).Result() // while Redis is down there are none
	for _, g := range groups {
		if g.Name == streams.ArchiveGroup {
			return g.LastDeliveredID
		}
	}
	return ""
}

// awaitArchived waits until so many of the entries fed are archived.
func (r *harness) awaitArchived(want int) {
	r.t.Helper()
	env.Eventually(r.t, late, func() (bool, string) {
		have := 0
		if at, fed := r.numbers[r.archived()]; fed {
			have = at + 1
		}
		return have >= want, fmt.Sprintf("%d of %d entries are archived", have, want)
	})
}

// wantArchive checks that the archive has these entries and no others, and that its chain is
// whole.
func (r *harness) wantArchive(dir string, bodies []string) {
	r.t.Helper()
	bucket, err := fileblob.OpenBucket(dir, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer bucket.Close()
	log := archive.Open(bucket, streamKey)
	report, err := log.Verify(context.Background(), archive.VerifyOptions{})
	if err != nil || report.FaultCount > 0 || len(report.Notes) > 0 {
		r.t.Errorf("the chain: %v, %+v, %+v", err, report.Faults, report.Notes)
	}
	if report.Accounted == nil || *report.Accounted != int64(len(bodies)) {
		r.t.Errorf("the chain accounts for %v entries", report.Accounted)
	}
	n := 0
	for e, err := range log.Entries(context.Background(), "", "") {
		if err != nil {
			r.t.Fatal(err)
		}
		if n >= len(bodies) || e.ID != r.fed[n] || strings.Join(e.Fields, " ") != "data "+bodies[n] {
			r.t.Fatalf("entry %d of the archive is %+v", n, e)
		}
		n++
	}
	if n != len(bodies) {
		r.t.Errorf("%d entries are archived, %d were added", n, len(bodies))
	}
	r.t.Logf("%d entries in %d segments, %d bytes", n, report.Segments, report.Bytes)
}

// TestTheRightsOfAnArchiverSuffice runs an archiver as a Redis user that may do no more than
// docs/operations.md says: Redis must refuse nothing.
func TestTheRightsOfAnArchiverSuffice(t *testing.T) {
	t.Parallel()
	r := newHarness(t, stream, "ARCHIVE_URL=file://"+t.TempDir(), "ARCHIVE_SEGMENT_SEC=0.2")
	r.limitUser("an archiver, stream mode")
	p := r.startArchiver()
	r.feed(simple(7, 100))
	r.awaitArchived(100)
	r.stopArchiver(p)
	refused, err := r.client.ACLLog(t.Context(), 100).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range refused {
		t.Errorf("refused: %s, for lack of its %s right, in context %s", entry.Object, entry.Reason, entry.Context)
	}
}
