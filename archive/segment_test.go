package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"pgregory.net/rapid"

	"ingestion/archive"
)

const stream = "customers"

// stored writes entries as one segment and returns its manifest entry and its content.
func stored(t testing.TB, entries []archive.Entry) (*blob.Bucket, archive.Manifest, []byte) {
	t.Helper()
	bucket := memblob.OpenBucket(nil)
	t.Cleanup(func() { _ = bucket.Close() })
	seg := archive.NewSegment()
	for i := range entries {
		if err := seg.Add(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	m, err := archive.Open(bucket, stream).Append(context.Background(), archive.Manifest{}, seg, archive.Note{})
	if err != nil {
		t.Fatal(err)
	}
	content, err := bucket.ReadAll(context.Background(), stream+"/segments/"+m.Segment)
	if err != nil {
		t.Fatal(err)
	}
	return bucket, m, content
}

func decoded(content []byte) (entries []archive.Entry, err error) {
	for e, err := range archive.Decode(bytes.NewReader(content)) {
		if err != nil {
			return entries, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// TestSegmentKeepsEveryEntry: any bytes, repeated names, the order of fields.
func TestSegmentKeepsEveryEntry(t *testing.T) {
	text := rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.SampledFrom([]string{"", "data", "\x00", "\xff", "\u2028<>&", `{"base64":"AA=="}`, "\ufeff", "\ud7ff\U0010ffff"}),
	)
	fields := rapid.Map(rapid.SliceOfN(text, 1, 8), func(s []string) []string { return s[:len(s)/2*2] })
	rapid.Check(t, func(rt *rapid.T) {
		var want []archive.Entry
		ms := uint64(0)
		for range rapid.IntRange(1, 20).Draw(rt, "entries") {
			ms += rapid.Uint64Range(1, 1<<50).Draw(rt, "ms")
			want = append(want, archive.Entry{ID: fmt.Sprintf("%d-%d", ms, rapid.Uint64().Draw(rt, "seq")), Fields: fields.Draw(rt, "fields")})
		}
		_, m, content := stored(t, want)
		got, err := decoded(content)
		if diff := cmp.Diff(want, got, equateEmpty); err != nil || diff != "" {
			rt.Fatalf("%v\n%s", err, diff)
		}
		if m.First != want[0].ID || m.Last != want[len(want)-1].ID || m.Count != int64(len(want)) || m.Bytes != int64(len(content)) {
			rt.Fatalf("the manifest entry says %+v", m)
		}
	})
}

var equateEmpty = cmp.Transformer("", func(fields []string) string { return fmt.Sprintf("%q", fields) })

func FuzzSegmentKeepsFields(f *testing.F) {
	f.Add("data", "{}", "data", "\xff\x00")
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		want := []archive.Entry{{ID: "1-0", Fields: []string{a, b, c, d}}, {ID: "1-1", Fields: []string{d, a}}}
		_, _, content := stored(t, want)
		got, err := decoded(content)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
	})
}

// FuzzDecode: whatever is in a bucket, decoding ends, and an error quotes none of it.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{"", "{", `{"id":"1-0","fields":[["data","Ada"]]}`, `{"id":"1-0","fields":[["data",{"base64":"!"}]]}`, `[]`, `{"id":"1-0"}`} {
		f.Add([]byte(text))
	}
	zip, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := decoded(zip.EncodeAll(text, nil))
		if err == nil && len(entries) == 0 && len(bytes.TrimSpace(text)) > 0 {
			t.Errorf("%q has no entry and no error", text)
		}
		if err != nil && len(text) > 200 && strings.Contains(err.Error(), string(text[:20])) {
			t.Errorf("%v quotes the segment", err)
		}
	})
}

func TestSegmentIsReadableText(t *testing.T) {
	_, m, content := stored(t, []archive.Entry{
		{ID: "1795477478417-0", Fields: []string{"data", `{"name":"Ada"}`, "traceparent", "00-1"}},
		{ID: "1795477478417-1", Fields: []string{"data", "caf\xe9", "data", "é"}},
		{ID: "1795477478418-0"},
	})
	zip, err := zstd.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	defer zip.Close()
	var text bytes.Buffer
	if _, err := zip.WriteTo(&text); err != nil {
		t.Fatal(err)
	}
	want := `{"id":"1795477478417-0","fields":[["data","{\"name\":\"Ada\"}"],["traceparent","00-1"]]}
{"id":"1795477478417-1","fields":[["data",{"base64":"Y2Fm6Q=="}],["data","é"]]}
{"id":"1795477478418-0","fields":[]}
`
	if diff := cmp.Diff(want, text.String()); diff != "" {
		t.Error(diff)
	}
	if m.Segment != "00000001795477478417-00000000000000000000.ndjson.zst" || m.RawBytes != int64(len(want)) {
		t.Errorf("%+v", m)
	}
}

func TestSegmentRefusesWhatIsOutOfOrder(t *testing.T) {
	for _, ids := range [][]string{{"0-0"}, {"1"}, {"01-0"}, {"1-"}, {"-1"}, {""}, {"2-0", "1-9"}, {"2-0", "2-0"}, {"18446744073709551616-0"}} {
		seg, errs := archive.NewSegment(), []error(nil)
		for _, id := range ids {
			errs = append(errs, seg.Add(&archive.Entry{ID: id}))
		}
		if errs[len(errs)-1] == nil {
			t.Errorf("%q was accepted", ids)
		}
	}
}

func TestDecodeErrorsQuoteNothing(t *testing.T) {
	zip, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`{"id":"1-0","fields":[["data","Ada`, `{"id":"1-0","fields":[["data","Ada"]}`, `{"id":"1-0","fields":[["Ada",1]]}`, `{"id":"Ada","fields":[]}`,
		`{"id":"1-0","fields":[["data",{"base64":"Ada!"}]]}`, `{"id":"1-0","fields":[["data",{"Ada":"Ada"}]]}`, `"Ada"`, `Ada`,
		`{"id":"1-0","fields":[["Ada"]]}`, `{"id":"1-0"}`, `{"fields":[]}`, "{\"id\":\"1-0\",\"fields\":[[\"data\",\"Ada\xff\"]]}",
	} {
		_, err := decoded(zip.EncodeAll([]byte(text), nil))
		if err == nil || strings.Contains(err.Error(), "Ada") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCompareIDs(t *testing.T) {
	ids := []string{"0-0", "0-1", "9-0", "10-0", "10-2", "10-10", "18446744073709551615-18446744073709551615"}
	if !slices.IsSortedFunc(ids, archive.CompareIDs) || archive.CompareIDs("10-2", "10-2") != 0 || archive.CompareIDs("10-10", "10-2") != 1 {
		t.Error("not the order of Redis")
	}
}

func TestValue(t *testing.T) {
	e := archive.Entry{Fields: []string{"a", "1", "b", "2", "a", "3"}}
	if v, ok := e.Value("a"); v != "1" || !ok {
		t.Errorf("%q, %v", v, ok)
	}
	if v, ok := e.Value("1"); ok || v != "" {
		t.Errorf("%q, %v", v, ok)
	}
}
