package main_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"ingestion/internal/test/schema"
	"ingestion/streams"
)

type detachedInJSON struct {
	DryRun     bool
	Partitions []struct {
		Key     string
		Waiting bool
		Entries *int64
	}
}

func (r *rig) detach(args ...string) (d detachedInJSON) {
	r.t.Helper()
	out := r.run(0, append([]string{"archive", "detach", "--json"}, args...)...)
	schema.Check(r.t, "ingestctl-archive-detach", []byte(out))
	must(r.t, json.Unmarshal([]byte(out), &d))
	return d
}

// TestAnAbandonedArchiveIsSaidAndDetached leaves an archive that nobody serves behind.
func TestAnAbandonedArchiveIsSaidAndDetached(t *testing.T) {
	r := newRig(t, 2)
	if d := r.detach("--yes"); len(d.Partitions) != 0 {
		t.Errorf("at first: %+v", d)
	}
	a, err := streams.NewArchive(streams.ArchiveOptions{Client: r.client, Key: r.keys[1], Name: "a", Lease: time.Minute})
	must(t, err)
	_, err = a.Position(t.Context())
	must(t, err)
	for range 3 {
		must(t, r.client.Do(t.Context(), "xadd", r.keys[1], "*", "data", "{}").Err())
	}
	says := func(code int, words ...string) {
		t.Helper()
		out := r.run(code, "status")
		for _, w := range words {
			if !strings.Contains(strings.Join(strings.Fields(out), " "), w) {
				t.Errorf("status does not say %q:\n%s", w, out)
			}
		}
	}
	says(1, "not archived 3 no archiver", "s:1: no archiver serves the archive, for which 3 entries wait")

	_, _, err = a.Lease(t.Context())
	must(t, err)
	if out := r.run(1, "status"); strings.Contains(out, "no archiver") {
		t.Errorf("it is served:\n%s", out)
	}
	r.run(1, "archive", "detach", "--yes")
	must(t, a.Release(t.Context()))
	if d := r.detach("--dry-run"); !d.DryRun || len(d.Partitions) != 1 || d.Partitions[0].Key != "s:1" || *d.Partitions[0].Entries != 3 {
		t.Errorf("dry run: %+v", d)
	}
	r.run(2, "archive", "detach") // nobody can be asked
	r.detach("--yes")
	if groups := r.client.XInfoGroups(t.Context(), r.keys[1]).Val(); len(groups) != 1 {
		t.Errorf("there are %+v", groups)
	}
	if out := r.run(1, "status"); strings.Contains(out, "archive") {
		t.Errorf("detached:\n%s", out)
	}
}
