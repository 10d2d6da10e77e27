package archive_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"

	"ingestion/archive"
)

// chain is an archive of segments with three entries each.
type chain struct {
	*blob.Bucket
	*archive.Log
	manifests []archive.Manifest
}

func newChain(t *testing.T, bucket *blob.Bucket, segments int) *chain {
	t.Helper()
	t.Cleanup(func() { _ = bucket.Close() })
	c := &chain{Bucket: bucket, Log: archive.Open(bucket, stream)}
	var tail archive.Manifest
	for n := range segments {
		c.manifests = append(c.manifests, c.append(t, tail, 10*n, nil))
		tail = c.manifests[n]
	}
	return c
}

// append adds a segment whose first entry has that number of milliseconds.
func (c *chain) append(t *testing.T, tail archive.Manifest, ms int, added *int64) archive.Manifest {
	t.Helper()
	seg := archive.NewSegment()
	for i := range 3 {
		if err := seg.Add(&archive.Entry{ID: fmt.Sprintf("%d-1", ms+i), Fields: []string{"data", fmt.Sprintf(`{"n":%d}`, ms+i)}}); err != nil {
			t.Fatal(err)
		}
	}
	none := int64(0)
	note := archive.Note{Archiver: "a", Added: added}
	if tail.Number == 0 {
		note.After, note.Before = "0-0", &none
	}
	m, err := c.Log.Append(t.Context(), tail, seg, note)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (c *chain) segment(number int) string {
	return stream + "/segments/" + c.manifests[number-1].Segment
}

func manifest(number int) string { return fmt.Sprintf("%s/manifest/%012d.json", stream, number) }

func (c *chain) read(t *testing.T, name string) []byte {
	t.Helper()
	content, err := c.Bucket.ReadAll(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func (c *chain) write(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := c.Bucket.WriteAll(t.Context(), name, content, nil); err != nil {
		t.Fatal(err)
	}
}

func (c *chain) delete(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := c.Bucket.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
}

// edit changes a manifest entry.
func (c *chain) edit(t *testing.T, number int, change func(map[string]any)) {
	t.Helper()
	var content map[string]any
	if err := json.Unmarshal(c.read(t, manifest(number)), &content); err != nil {
		t.Fatal(err)
	}
	change(content)
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, manifest(number), text)
}

func (c *chain) verify(t *testing.T, opts archive.VerifyOptions) *archive.Report {
	t.Helper()
	report, err := c.Log.Verify(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// damages are planted in a chain of seven segments. The findings are kind and number.
var damages = map[string]struct {
	plant         func(t *testing.T, c *chain)
	faults, notes []string
}{
	"none":                    {plant: func(*testing.T, *chain) {}},
	"missing segment":         {func(t *testing.T, c *chain) { c.delete(t, c.segment(4)) }, []string{"segment-missing 4"}, nil},
	"last segment missing":    {func(t *testing.T, c *chain) { c.delete(t, c.segment(7)) }, []string{"segment-missing 7"}, nil},
	"two segments missing":    {func(t *testing.T, c *chain) { c.delete(t, c.segment(3), c.segment(5)) }, []string{"segment-missing 3", "segment-missing 5"}, nil},
	"cut segment":             {func(t *testing.T, c *chain) { c.write(t, c.segment(2), c.read(t, c.segment(2))[:20]) }, []string{"segment-cut 2"}, nil},
	"first segment cut":       {func(t *testing.T, c *chain) { c.write(t, c.segment(1), c.read(t, c.segment(1))[:20]) }, []string{"segment-cut 1"}, nil},
	"empty segment":           {func(t *testing.T, c *chain) { c.write(t, c.segment(2), nil) }, []string{"segment-cut 2"}, nil},
	"changed segment":         {plantByte, []string{"segment-changed 5"}, nil},
	"longer segment":          {func(t *testing.T, c *chain) { c.write(t, c.segment(5), append(c.read(t, c.segment(5)), 0)) }, []string{"segment-changed 5"}, nil},
	"segment over another":    {func(t *testing.T, c *chain) { c.write(t, c.segment(5), c.read(t, c.segment(6))) }, []string{"segment-changed 5"}, nil},
	"doubled segment":         {plantCopy("00000000000000000021-00000000000000000007.ndjson.zst"), []string{"segment-unnamed 4"}, nil},
	"segment copied in front": {plantCopy("00000000000000000000-00000000000000000000.ndjson.zst"), []string{"segment-unnamed 1"}, nil},
	"segment copied behind":   {plantCopy("00000000000000000099-00000000000000000000.ndjson.zst"), nil, []string{"segment-unnamed 7"}},
	"two copied behind": {func(t *testing.T, c *chain) {
		plantCopy("00000000000000000099-00000000000000000000.ndjson.zst")(t, c)
		plantCopy("00000000000000000100-00000000000000000000.ndjson.zst")(t, c)
	}, []string{"manifest-missing 7"}, nil},
	"segment named twice": {func(t *testing.T, c *chain) {
		c.edit(t, 4, func(m map[string]any) {
			for _, name := range []string{"segment", "first", "last", "sha256", "bytes", "rawBytes", "count"} {
				m[name] = c.field(t, 3, name)
			}
		})
	}, []string{"manifest-changed 4", "segment-doubled 4", "manifest-changed 5", "segment-unnamed 5"}, nil},
	"foreign files":            {plantFiles, nil, nil},
	"missing manifest entry":   {func(t *testing.T, c *chain) { c.delete(t, manifest(4)) }, []string{"manifest-missing 4"}, nil},
	"three of them":            {func(t *testing.T, c *chain) { c.delete(t, manifest(3), manifest(4), manifest(6)) }, []string{"manifest-missing 3", "manifest-missing 6"}, nil},
	"last entry missing":       {func(t *testing.T, c *chain) { c.delete(t, manifest(7)) }, nil, []string{"segment-unnamed 6"}},
	"last two entries missing": {func(t *testing.T, c *chain) { c.delete(t, manifest(6), manifest(7)) }, []string{"manifest-missing 5"}, nil},
	"entry and segment missing": {func(t *testing.T, c *chain) { c.delete(t, manifest(4), c.segment(4)) },
		[]string{"manifest-missing 4"}, nil},
	"changed manifest entry":     {plantField(3, "count", 2), []string{"manifest-changed 3", "manifest-changed 3", "manifest-changed 4"}, nil},
	"last entry changed":         {plantField(7, "count", 2), []string{"manifest-changed 7", "manifest-changed 7"}, nil},
	"archiver changed":           {plantField(3, "archiver", "b"), []string{"manifest-changed 4"}, nil},
	"previous changed":           {plantField(3, "previous", ""), []string{"manifest-changed 3", "manifest-changed 4"}, nil},
	"sum changed":                {plantField(3, "sha256", "00"), []string{"segment-changed 3", "manifest-changed 4"}, nil},
	"total changed":              {plantField(7, "totalCount", 20), []string{"manifest-changed 7"}, nil},
	"first total changed":        {plantField(1, "totalBytes", 1), []string{"manifest-changed 1", "manifest-changed 2"}, nil},
	"last changed":               {plantField(3, "last", "23-0"), []string{"manifest-changed 3", "manifest-changed 4"}, nil},
	"segment's name changed":     {plantField(3, "segment", "x"), []string{"manifest-changed 3"}, nil},
	"entry cut":                  {func(t *testing.T, c *chain) { c.write(t, manifest(3), c.read(t, manifest(3))[:100]) }, []string{"manifest-changed 3"}, nil},
	"swapped manifest entries":   {plantSwap(3, 4), []string{"manifest-swapped 3", "manifest-swapped 4"}, nil},
	"swapped first and last":     {plantSwap(1, 7), []string{"manifest-swapped 1", "manifest-swapped 7"}, nil},
	"oldest segments gone":       {func(t *testing.T, c *chain) { c.delete(t, c.segment(1), c.segment(2)) }, nil, []string{"begins-late 3"}},
	"oldest gone with manifests": {func(t *testing.T, c *chain) { c.delete(t, c.segment(1), c.segment(2), manifest(1), manifest(2)) }, nil, []string{"begins-late 3"}},
	"manifests gone first":       {func(t *testing.T, c *chain) { c.delete(t, c.segment(1), manifest(1), manifest(2)) }, nil, []string{"begins-late 3"}},
	"oldest gone, and damage": {func(t *testing.T, c *chain) {
		c.delete(t, c.segment(1), c.segment(2), manifest(1))
		plantByte(t, c)
	}, []string{"segment-changed 5"}, []string{"begins-late 3"}},
	"all segments gone": {func(t *testing.T, c *chain) {
		for n := range 7 {
			c.delete(t, c.segment(n+1))
		}
	}, nil, []string{"begins-late 7"}},
}

func plantByte(t *testing.T, c *chain) {
	content := c.read(t, c.segment(5))
	content[len(content)/2] ^= 1
	c.write(t, c.segment(5), content)
}

func plantCopy(name string) func(t *testing.T, c *chain) {
	return func(t *testing.T, c *chain) { c.write(t, stream+"/segments/"+name, c.read(t, c.segment(3))) }
}

func plantFiles(t *testing.T, c *chain) {
	for _, name := range []string{"segments/README", "segments/00000000000000000021-00000000000000000007.ndjson.zst.18af.tmp", "manifest/9.json", "manifest/000000000001.json.tmp", "x"} {
		c.write(t, stream+"/"+name, []byte("x"))
	}
}

func (c *chain) field(t *testing.T, number int, name string) (value any) {
	c.edit(t, number, func(m map[string]any) { value = m[name] })
	return value
}

func plantField(number int, name string, value any) func(t *testing.T, c *chain) {
	return func(t *testing.T, c *chain) { c.edit(t, number, func(m map[string]any) { m[name] = value }) }
}

func plantSwap(a, b int) func(t *testing.T, c *chain) {
	return func(t *testing.T, c *chain) {
		first, second := c.read(t, manifest(a)), c.read(t, manifest(b))
		c.write(t, manifest(a), second)
		c.write(t, manifest(b), first)
	}
}

func TestVerifyFindsEachDamage(t *testing.T) {
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			c := newChain(t, memblob.OpenBucket(nil), 7)
			damage.plant(t, c)
			report := c.verify(t, archive.VerifyOptions{})
			if diff := cmp.Diff(damage.faults, kinds(report.Faults)); diff != "" {
				t.Errorf("faults: %s\n%v", diff, texts(report.Faults))
			}
			if diff := cmp.Diff(damage.notes, kinds(report.Notes)); diff != "" {
				t.Errorf("notes: %s\n%v", diff, texts(report.Notes))
			}
			if int(report.FaultCount) != len(damage.faults) {
				t.Errorf("%d faults", report.FaultCount)
			}
		})
	}
}

func kinds(findings []archive.Finding) (list []string) {
	for _, f := range findings {
		list = append(list, fmt.Sprint(f.Kind, " ", f.Number))
	}
	return list
}

func texts(findings []archive.Finding) string {
	var b strings.Builder
	for _, f := range findings {
		b.WriteString(f.Text + "\n")
	}
	return b.String()
}

// TestVerifyOnADirectory finds the same as in memory.
func TestVerifyOnADirectory(t *testing.T) {
	for _, name := range []string{"none", "missing segment", "missing manifest entry", "doubled segment", "oldest gone with manifests"} {
		c := newChain(t, openFolder(t, t.TempDir()), 7)
		damages[name].plant(t, c)
		report := c.verify(t, archive.VerifyOptions{})
		if !slices.Equal(kinds(report.Faults), damages[name].faults) || !slices.Equal(kinds(report.Notes), damages[name].notes) {
			t.Errorf("%s: %v, %v", name, kinds(report.Faults), kinds(report.Notes))
		}
	}
}

// TestQuickVerifyReadsNoSegment, and finds what can be found without.
func TestQuickVerifyReadsNoSegment(t *testing.T) {
	c := newChain(t, memblob.OpenBucket(nil), 7)
	c.write(t, c.segment(2), c.read(t, c.segment(2))[:20])
	c.delete(t, c.segment(4))
	plantByte(t, c)
	segments := 0
	c.Log = archive.Open(faulty(c.Bucket, func(call string) error { return nil }), stream)
	report := c.verify(t, archive.VerifyOptions{Quick: true, Progress: func(*archive.Report) { segments++ }})
	if got, want := kinds(report.Faults), []string{"segment-cut 2", "segment-missing 4"}; !slices.Equal(got, want) || segments != 7 {
		t.Errorf("%v, want %v; %d segments", got, want, segments)
	}
}

// TestVerifyComparesWithTheLedger: what was added and is not archived, or the reverse.
func TestVerifyComparesWithTheLedger(t *testing.T) {
	number := func(n int64) *int64 { return &n }
	for name, test := range map[string]struct {
		added         []*int64
		faults, notes []string
		accounted     *int64
	}{
		"equal":              {[]*int64{number(3), nil, nil, number(12)}, nil, nil, number(12)},
		"unknown at the end": {[]*int64{number(3), nil}, nil, nil, number(6)},
		"two deleted":        {[]*int64{number(3), nil, number(11), number(14)}, []string{"entries-missing 3"}, nil, number(14)},
		"one deleted first":  {[]*int64{number(4)}, []string{"entries-missing 1"}, nil, number(4)},
		"lost by Redis":      {[]*int64{number(3), number(5), nil}, nil, []string{"entries-lost 2"}, number(8)},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChain(t, memblob.OpenBucket(nil), 0)
			var tail archive.Manifest
			for i, added := range test.added {
				tail = c.append(t, tail, 10*i, added)
			}
			report := c.verify(t, archive.VerifyOptions{})
			if !slices.Equal(kinds(report.Faults), test.faults) || !slices.Equal(kinds(report.Notes), test.notes) || *report.Accounted != *test.accounted {
				t.Errorf("%v, %v, %d", kinds(report.Faults), kinds(report.Notes), *report.Accounted)
			}
		})
	}
}

// TestAnArchiveWithoutItsOldestEntriesGoesOn where it ended.
func TestAnArchiveWithoutItsOldestEntriesGoesOn(t *testing.T) {
	c := newChain(t, memblob.OpenBucket(nil), 20)
	for n := 1; n <= 12; n++ {
		c.delete(t, manifest(n), c.segment(n))
	}
	tail, err := c.Log.Tail(t.Context())
	if err != nil || tail.Number != 20 {
		t.Fatalf("%d, %v", tail.Number, err)
	}
	c.append(t, tail, 1000, nil)
	if report := c.verify(t, archive.VerifyOptions{}); report.FaultCount > 0 || report.Begins != 13 || report.Segments != 9 || report.First != "120-1" {
		t.Errorf("%+v", report)
	}
}

// TestNoSecondChainBesideADamagedOne: what looks like the end of the chain is not.
func TestNoSecondChainBesideADamagedOne(t *testing.T) {
	for hole := 2; hole < 40; hole++ {
		c := newChain(t, memblob.OpenBucket(nil), 40)
		c.delete(t, manifest(hole))
		tail, err := c.Log.Tail(t.Context())
		if err == nil && tail.Number != 40 {
			t.Errorf("without entry %d the chain ends with %d", hole, tail.Number)
		}
		if err != nil && !strings.Contains(err.Error(), fmt.Sprintf("lacks manifest entry %d:", hole)) {
			t.Error(err)
		}
	}
}

func TestTailOfChainsOfEachLength(t *testing.T) {
	c := newChain(t, memblob.OpenBucket(nil), 0)
	if _, err := c.Log.Tail(t.Context()); err != archive.ErrEmpty {
		t.Error(err)
	}
	var tail archive.Manifest
	for n := range 70 {
		tail = c.append(t, tail, 10*n, nil)
		if got, err := c.Log.Tail(t.Context()); err != nil || got.Number != int64(n+1) || got.SHA256 != tail.SHA256 {
			t.Errorf("%d, %v; want %d", got.Number, err, n+1)
		}
	}
}

func TestEntriesOfARange(t *testing.T) {
	c := newChain(t, memblob.OpenBucket(nil), 5) // 0-1 1-1 2-1, 10-1 11-1 12-1 … 42-1
	for bounds, want := range map[[2]string]string{
		{"", ""}:          "0-1 1-1 2-1 10-1 11-1 12-1 20-1 21-1 22-1 30-1 31-1 32-1 40-1 41-1 42-1",
		{"12-1", "20-1"}:  "12-1 20-1",
		{"12-2", "20-0"}:  "",
		{"13-0", "29-0"}:  "20-1 21-1 22-1",
		{"41-0", ""}:      "41-1 42-1",
		{"43-0", ""}:      "",
		{"", "0-1"}:       "0-1",
		{"30-1", "30-1"}:  "30-1",
		{"0-0", "1000-0"}: "0-1 1-1 2-1 10-1 11-1 12-1 20-1 21-1 22-1 30-1 31-1 32-1 40-1 41-1 42-1",
	} {
		if got, err := ids(c, bounds[0], bounds[1]); err != nil || got != want {
			t.Errorf("%q: %s (%v), want %s", bounds, got, err, want)
		}
	}
}

func ids(c *chain, from, to string) (string, error) {
	var list []string
	for e, err := range c.Log.Entries(context.Background(), from, to) {
		if err != nil {
			return strings.Join(list, " "), err
		}
		list = append(list, e.ID)
	}
	return strings.Join(list, " "), nil
}

// TestEntriesSayWhatIsDamaged instead of leaving it out.
func TestEntriesSayWhatIsDamaged(t *testing.T) {
	harmless := []string{"none", "foreign files", "doubled segment", "segment copied in front", "segment copied behind", "two copied behind",
		"last entry missing", "last two entries missing", "oldest gone with manifests", "manifests gone first", "oldest gone, and damage", "last entry changed", "total changed"}
	for _, name := range slices.Sorted(maps.Keys(damages)) {
		c := newChain(t, memblob.OpenBucket(nil), 7)
		damages[name].plant(t, c)
		if _, err := ids(c, "", ""); err == nil && !slices.Contains(harmless, name) {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestBeginIsTheFirstSegmentThatIsThere(t *testing.T) {
	c := newChain(t, memblob.OpenBucket(nil), 9)
	for n := range 9 {
		if m, err := c.Log.Begin(t.Context()); err != nil || m.Number != int64(n+1) {
			t.Errorf("%d, %v", m.Number, err)
		}
		c.delete(t, c.segment(n+1))
	}
	if _, err := c.Log.Begin(t.Context()); err != archive.ErrEmpty {
		t.Error(err)
	}
	if _, err := ids(c, "", ""); err == nil || !strings.Contains(err.Error(), "entries 0-1 to 2-1") {
		t.Error(err)
	}
}

func TestKeysOfABucket(t *testing.T) {
	for name, open := range buckets(t) {
		bucket := open()
		want := []string{"%41", "...", "..", ".", "a b", "customers", "customers:0", "a..", ".a.b", "größe/x", "x\\y"}
		slices.Sort(want)
		for _, key := range want {
			seg := archive.NewSegment()
			if err := seg.Add(&archive.Entry{ID: "1-0"}); err != nil {
				t.Fatal(err)
			}
			if _, err := archive.Open(bucket, key).Append(t.Context(), archive.Manifest{}, seg, archive.Note{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := bucket.WriteAll(t.Context(), "other.txt", []byte("x"), nil); err != nil {
			t.Fatal(err)
		}
		got, err := archive.Keys(t.Context(), bucket)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		for _, key := range want {
			if report, err := archive.Open(bucket, key).Verify(t.Context(), archive.VerifyOptions{}); err != nil || report.FaultCount > 0 || report.Entries != 1 {
				t.Errorf("%s, %q: %+v, %v", name, key, report, err)
			}
		}
		_ = bucket.Close()
	}
}

// TestAppendTwiceIsOnce: the reply to the first attempt was lost.
func TestAppendTwiceIsOnce(t *testing.T) {
	c := newChain(t, memblob.OpenBucket(nil), 0)
	first, again := c.append(t, archive.Manifest{}, 0, nil), c.append(t, archive.Manifest{}, 0, nil)
	if first.Number != 1 || again.Number != 1 || !bytes.Equal([]byte(first.SHA256), []byte(again.SHA256)) {
		t.Errorf("%+v\n%+v", first, again)
	}
	if report := c.verify(t, archive.VerifyOptions{}); report.FaultCount > 0 || report.Entries != 3 {
		t.Errorf("%+v", report)
	}
}
