package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/test/env"
	"ingestion/internal/test/schema"
	"ingestion/streams"
)

// archiveRig is a stream with an archive in a directory.
type archiveRig struct {
	*rig
	folder string
}

func newArchiveRig(t *testing.T, partitions int) *archiveRig {
	t.Helper()
	r := &archiveRig{newRig(t, partitions), t.TempDir()}
	r.env = append(r.env, "ARCHIVE_URL=file://"+r.folder, "ARCHIVE_SEGMENT_SEC=0.1", "ADMIN_ADDR=")
	return r
}

// archive runs an archiver until all that is on the stream is archived.
func (r *archiveRig) archive() {
	r.t.Helper()
	p := env.Process(r.t, env.Build(r.t, "ingestion/cmd/archiver"), nil, r.env)
	env.Eventually(r.t, soon, func() (bool, string) {
		for _, key := range r.keys {
			if r.archived(key) != r.last(key) {
				return false, key + " is not archived"
			}
		}
		return true, ""
	})
	p.Signal(os.Interrupt)
	if code := p.Wait(soon); code != 0 {
		r.t.Fatalf("the archiver exits with %d:\n%s", code, p.Stderr())
	}
}

func (r *archiveRig) archived(key string) string {
	groups, err := r.client.XInfoGroups(r.t.Context(), key).Result()
	must(r.t, err)
	at := slices.IndexFunc(groups, func(g redis.XInfoGroup) bool { return g.Name == streams.ArchiveGroup })
	if at < 0 {
		return "none"
	}
	return groups[at].LastDeliveredID
}

func (r *archiveRig) last(key string) string {
	info, err := r.client.XInfoStream(r.t.Context(), key).Result()
	must(r.t, err)
	return info.LastGeneratedID
}

// files returns the names of the files in a folder of a partition's log, in order.
func (r *archiveRig) files(key, folder string) (paths []string) {
	r.t.Helper()
	paths, err := filepath.Glob(filepath.Join(r.folder, key, folder, "*"))
	must(r.t, err)
	return paths
}

// three archives three segments of two entries in each partition.
func (r *archiveRig) three() {
	for n := range 3 {
		for p := range r.keys {
			r.push(p, fmt.Sprintf(`{"n":%d}`, 2*n), fmt.Sprintf(`{"n":%d}`, 2*n+1))
		}
		r.archive()
	}
}

func TestArchiveList(t *testing.T) {
	r := newArchiveRig(t, 2)
	wantWords(t, r.run(0, "archive", "list"), "Archive file://"+r.folder, "nothing is archived")
	r.three()
	text := r.run(0, "archive", "list", "--segments", "2")
	t.Logf("\n%s", text)
	wantWords(t, text, "s:0", "s:1")
	for line := range strings.SplitSeq(text, "\n") {
		if len(line) > 80 {
			t.Errorf("longer than 80 columns: %s", line)
		}
	}
	out := r.run(0, "archive", "list", "--segments", "2", "--json")
	schema.Check(t, "ingestctl-archive-list", []byte(out))
	var list struct {
		Partitions []struct {
			Key               string
			Segments, Entries int64
			LastSegments      []struct{ Number, Count int64 }
		}
	}
	must(t, json.Unmarshal([]byte(out), &list))
	for i, p := range list.Partitions {
		if p.Key != r.keys[i] || p.Segments != 3 || p.Entries != 6 || len(p.LastSegments) != 2 || p.LastSegments[1].Number != 3 || p.LastSegments[1].Count != 2 {
			t.Errorf("%+v", p)
		}
	}
	must(t, os.Remove(r.files("s:0", "segments")[0]))
	out = r.run(0, "archive", "list", "--all", "--json")
	schema.Check(t, "ingestctl-archive-list", []byte(out))
	must(t, json.Unmarshal([]byte(out), &list))
	if p := list.Partitions[0]; len(list.Partitions) != 4 || p.Segments != 2 || p.Entries != 4 || list.Partitions[2].Key != "{s:0}:outcomes" {
		t.Errorf("without the first segment: %+v", list)
	}
}

type verified struct {
	Sound      bool
	Faults     int64
	Partitions []struct {
		Key     string
		Entries int64
		Faults  []struct{ Kind, Text string }
		Notes   []struct{ Kind, Text string }
		Ledger  *struct{ Accounted, Waiting, Added *int64 }
	}
}

func (r *archiveRig) verify(code int, args ...string) (v verified) {
	r.t.Helper()
	out := r.run(code, append([]string{"archive", "verify", "--json"}, args...)...)
	schema.Check(r.t, "ingestctl-archive-verify", []byte(out))
	must(r.t, json.Unmarshal([]byte(out), &v))
	return v
}

func TestArchiveVerify(t *testing.T) {
	r := newArchiveRig(t, 1)
	_, failure := r.result(1, "archive", "verify")
	wantWords(t, failure, "has nothing of s:")
	r.three()
	for _, command := range []string{"list", "verify", "cat"} {
		_, failure := r.result(1, "archive", command, "t")
		wantWords(t, failure, "has nothing of t:", "archive list --all")
	}
	r.push(0, `{"n":6}`)
	text := r.run(0, "archive", "verify")
	t.Logf("\n%s", text)
	wantWords(t, text, "3 whole, up to number 3", "6, from ", "6 up to there + 1 after it = 7 added", "sound")
	v := r.verify(0)
	if p := v.Partitions[0]; !v.Sound || p.Entries != 6 || len(p.Faults)+len(p.Notes) > 0 || *p.Ledger.Accounted != 6 || *p.Ledger.Waiting != 1 || *p.Ledger.Added != 7 {
		t.Errorf("%+v", v)
	}
	if v := r.verify(0, "--offline", "--quick"); !v.Sound || v.Partitions[0].Ledger != nil {
		t.Errorf("%+v", v)
	}

	// An entry that is deleted before it is archived.
	entries, err := r.client.XRevRangeN(t.Context(), "s", "+", "-", 1).Result()
	must(t, err)
	must(t, r.client.XDel(t.Context(), "s", entries[0].ID).Err())
	if v := r.verify(1); v.Sound || v.Partitions[0].Faults[0].Kind != "entries-missing" {
		t.Errorf("%+v", v)
	}
	r.verify(0, "--offline")
}

// TestArchiveVerifyChecksTheNotes damages the chain of the notes of outcomes.
func TestArchiveVerifyChecksTheNotes(t *testing.T) {
	r := newArchiveRig(t, 2)
	r.three()
	v := r.verify(0)
	if len(v.Partitions) != 4 || v.Partitions[1].Key != "{s:0}:outcomes" || v.Partitions[1].Entries == 0 || v.Partitions[1].Ledger == nil {
		t.Fatalf("%+v", v)
	}
	manifests := r.files("*s:1*outcomes", "manifest") // the bucket writes braces in its own way
	must(t, os.WriteFile(manifests[len(manifests)-1], []byte("{}"), 0o600))
	if v := r.verify(1); v.Faults == 0 || len(v.Partitions[3].Faults) == 0 {
		t.Errorf("%+v", v)
	}
	if v := r.verify(0, r.keys...); len(v.Partitions) != 2 {
		t.Errorf("%+v", v)
	}
}

func TestArchiveVerifyFindsDamage(t *testing.T) {
	r := newArchiveRig(t, 1)
	r.three()
	segments, manifests := r.files("s", "segments"), r.files("s", "manifest")
	aside := filepath.Join(t.TempDir(), "aside")
	without := func(path string, check func()) {
		t.Helper()
		must(t, os.Rename(path, aside))
		check()
		must(t, os.Rename(aside, path))
	}
	without(segments[1], func() {
		out, failure := r.result(1, "archive", "verify")
		t.Logf("\n%s\n%s", out, failure)
		wantWords(t, out, "WRONG: segment", "is missing: 2 entries", "damaged: 1 fault")
		wantWords(t, failure, "the archive is damaged: 1 fault")
	})
	without(manifests[1], func() {
		if v := r.verify(1); v.Partitions[0].Faults[0].Kind != "manifest-missing" {
			t.Errorf("%+v", v)
		}
	})
	// Only Redis knows that there was a last manifest entry.
	without(manifests[2], func() {
		if v := r.verify(1); v.Partitions[0].Faults[0].Kind != "manifest-missing" || !strings.Contains(v.Partitions[0].Faults[0].Text, "its group is beyond that") {
			t.Errorf("%+v", v)
		}
		if v := r.verify(0, "--offline"); v.Partitions[0].Notes[0].Kind != "segment-unnamed" {
			t.Errorf("%+v", v)
		}
	})
	without(segments[0], func() {
		out := r.run(0, "archive", "verify")
		wantWords(t, out, "note: the archive begins at number 2", "sound")
		if v := r.verify(1, "--whole"); len(v.Partitions[0].Notes) > 0 || v.Partitions[0].Faults[0].Kind != "begins-late" {
			t.Errorf("%+v", v)
		}
	})
	r.verify(0, "--whole")
}

func TestArchiveCat(t *testing.T) {
	r := newArchiveRig(t, 2)
	r.three()
	must(t, r.client.XAdd(t.Context(), &redis.XAddArgs{Stream: "s:1", Values: []any{"data", "caf\xe9", "data", "<é>"}}).Err())
	r.archive()
	lines := strings.Split(r.run(0, "archive", "cat"), "\n")
	if len(lines) != 13 || !strings.Contains(lines[12], `"fields":[["data",{"base64":"Y2Fm6Q=="}],["data","<é>"]]`) || !strings.HasPrefix(lines[0], `{"stream":"s:0","id":"`) {
		t.Errorf("%d lines: %s", len(lines), strings.Join(lines, "\n"))
	}
	for _, line := range lines {
		schema.Check(t, "ingestctl-archive-cat", []byte(line))
	}
	entries, err := r.client.XRange(t.Context(), "s:1", "-", "+").Result()
	must(t, err)
	if out := r.run(0, "archive", "cat", "s:1", "--from", entries[1].ID, "--to", entries[3].ID, "--data"); out != "{\"n\":1}\n{\"n\":2}\n{\"n\":3}" {
		t.Errorf("%s", out)
	}
	if out := r.run(0, "archive", "cat", "--from", "1h", "--limit", "7", "--data"); len(strings.Split(out, "\n")) != 7 {
		t.Errorf("%s", out)
	}
	if out := r.run(0, "archive", "cat", "--to", "1h"); out != "" {
		t.Errorf("%s", out)
	}
	for _, p := range []string{"s:0", "s:1"} {
		must(t, os.Remove(r.files(p, "segments")[0]))
	}
	if lines := strings.Split(r.run(0, "archive", "cat", "--data"), "\n"); len(lines) != 9 || lines[0] != `{"n":2}` {
		t.Errorf("without the oldest segments: %q", lines)
	}
	must(t, os.Remove(r.files("s:0", "segments")[1]))
	if out, failure := r.result(1, "archive", "cat", "s:0", "--data"); out != "{\"n\":2}\n{\"n\":3}" || !strings.Contains(failure, "the segment is not in the bucket") {
		t.Errorf("%s\n%s", out, failure)
	}
}
