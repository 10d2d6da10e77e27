package archive_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"

	"ingestion/archive"
	"ingestion/internal/test/env"
)

// fakeS3 is as much of S3 as an archive needs, with conditional writes and uploads in
// parts.
type fakeS3 struct {
	mu      sync.Mutex
	objects map[string][]byte
	uploads map[string]map[int][]byte
	// fault, unless nil, is asked before and after each request. A status is the answer
	// instead of the result.
	fault func(when string, r *http.Request) int
	parts atomic.Int64
}

func startS3(t *testing.T) (*fakeS3, *blob.Bucket) {
	t.Helper()
	fake := &fakeS3{objects: map[string][]byte{}, uploads: map[string]map[int][]byte{}}
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	client := s3.New(s3.Options{
		BaseEndpoint: &server.URL, Region: "eu-central-1", UsePathStyle: true, RetryMaxAttempts: 1, HTTPClient: server.Client(),
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("key", "secret", "")),
	})
	bucket, err := s3blob.OpenBucket(t.Context(), client, "archive", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bucket.Close() })
	return fake, bucket
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := s3Body(r)
	if err != nil {
		s3Error(w, http.StatusBadRequest, "IncompleteBody")
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fault != nil {
		if status := f.fault("before", r); status != 0 {
			s3Error(w, status, "InternalError")
			return
		}
	}
	result := httptest.NewRecorder()
	f.answer(result, r, strings.TrimPrefix(r.URL.Path, "/archive/"), body)
	if f.fault != nil {
		if status := f.fault("after", r); status != 0 {
			s3Error(w, status, "InternalError")
			return
		}
	}
	maps.Copy(w.Header(), result.Header())
	w.WriteHeader(result.Code)
	_, _ = w.Write(result.Body.Bytes())
}

// s3Body returns a body, which may come in signed chunks.
func s3Body(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil || !strings.Contains(r.Header.Get("Content-Encoding"), "aws-chunked") {
		return body, err
	}
	var decoded []byte
	for in := bufio.NewReader(bytes.NewReader(body)); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		size, _, _ := strings.Cut(strings.TrimSpace(line), ";")
		n, err := strconv.ParseInt(size, 16, 64)
		if err != nil || n == 0 {
			return decoded, err
		}
		chunk := make([]byte, n+2)
		if _, err := io.ReadFull(in, chunk); err != nil {
			return nil, err
		}
		decoded = append(decoded, chunk[:n]...)
	}
}

func s3Error(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
}

func (f *fakeS3) answer(w http.ResponseWriter, r *http.Request, key string, body []byte) {
	query := r.URL.Query()
	upload := query.Get("uploadId")
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		id := fmt.Sprint(len(f.uploads) + 1)
		f.uploads[id] = map[int][]byte{}
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>%s</UploadId></InitiateMultipartUploadResult>", id)
	case r.Method == http.MethodPut && upload != "":
		number, _ := strconv.Atoi(query.Get("partNumber"))
		f.uploads[upload][number] = body
		f.parts.Add(1)
		w.Header().Set("ETag", `"part"`)
	case r.Method == http.MethodPost && upload != "":
		var whole []byte
		for _, number := range slices.Sorted(maps.Keys(f.uploads[upload])) {
			whole = append(whole, f.uploads[upload][number]...)
		}
		if f.put(w, r, key, whole) {
			fmt.Fprint(w, `<CompleteMultipartUploadResult><ETag>"whole"</ETag></CompleteMultipartUploadResult>`)
		}
	case r.Method == http.MethodPut:
		f.put(w, r, key, body)
	case r.Method == http.MethodDelete:
		if upload == "" {
			delete(f.objects, key)
		}
		w.WriteHeader(http.StatusNoContent)
	case query.Get("list-type") == "2":
		f.list(w, query.Get("prefix"), query.Get("delimiter"), query.Get("continuation-token"))
	default:
		f.get(w, r, key)
	}
}

func (f *fakeS3) put(w http.ResponseWriter, r *http.Request, key string, content []byte) bool {
	if _, taken := f.objects[key]; taken && r.Header.Get("If-None-Match") == "*" {
		s3Error(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return false
	}
	f.objects[key] = content
	w.Header().Set("ETag", `"whole"`)
	return true
}

func (f *fakeS3) get(w http.ResponseWriter, r *http.Request, key string) {
	content, there := f.objects[key]
	if !there {
		s3Error(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	w.Header().Set("ETag", `"whole"`)
	http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(content))
}

func (f *fakeS3) list(w http.ResponseWriter, prefix, delimiter, after string) {
	type object struct {
		Key          string
		Size         int
		LastModified string
		ETag         string
	}
	type folder struct{ Prefix string }
	result := struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string
		Contents              []object
		CommonPrefixes        []folder
	}{}
	last := ""
	for _, key := range slices.Sorted(maps.Keys(f.objects)) {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok || key <= after {
			continue
		}
		if len(result.Contents) == 3 { // small pages, so that there are many
			result.IsTruncated, result.NextContinuationToken = true, last
			break
		}
		last = key
		if name, _, nested := strings.Cut(rest, delimiter); nested && delimiter != "" {
			if shared := (folder{prefix + name + delimiter}); !slices.Contains(result.CommonPrefixes, shared) {
				result.CommonPrefixes = append(result.CommonPrefixes, shared)
			}
			continue
		}
		result.Contents = append(result.Contents, object{key, len(f.objects[key]), "2026-11-23T10:00:00Z", `"whole"`})
	}
	_ = xml.NewEncoder(w).Encode(result)
}

// TestS3HasTheChain: through failing requests, lost replies, and two archivers.
func TestS3HasTheChain(t *testing.T) {
	fake, bucket := startS3(t)
	random := rand.New(rand.NewPCG(1, 2))
	fake.fault = func(string, *http.Request) int {
		if random.IntN(10) == 0 {
			return []int{http.StatusInternalServerError, http.StatusServiceUnavailable, http.StatusConflict}[random.IntN(3)]
		}
		return 0
	}
	source := newStream()
	source.free = true
	source.add(200)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i, size := range []int{500, 900} {
		a := archive.New(&view{memoryStream: source, name: fmt.Sprint("archiver", i)}, archive.Open(bucket, stream), archive.Options{
			SegmentBytes: size, SegmentAge: 50 * time.Millisecond, Poll: time.Millisecond,
		})
		all.Go(func() {
			if err := a.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	env.Eventually(t, time.Minute, func() (bool, string) {
		group, last := source.state()
		return group == last, fmt.Sprintf("the group is at %s of %s", group, last)
	})
	stop()
	all.Wait()
	fake.mu.Lock()
	fake.fault = nil
	fake.mu.Unlock()
	if err := checkArchive(bucket, source.entries); err != nil {
		t.Error(err)
	}
	if keys, err := archive.Keys(t.Context(), bucket); err != nil || !slices.Equal(keys, []string{stream}) {
		t.Errorf("%q, %v", keys, err)
	}
}

// TestS3VerifyFindsEachDamage as it does elsewhere.
func TestS3VerifyFindsEachDamage(t *testing.T) {
	for name, damage := range damages {
		_, bucket := startS3(t)
		c := newChain(t, bucket, 7)
		damage.plant(t, c)
		report := c.verify(t, archive.VerifyOptions{})
		if !slices.Equal(kinds(report.Faults), damage.faults) || !slices.Equal(kinds(report.Notes), damage.notes) {
			t.Errorf("%s: %v, %v", name, kinds(report.Faults), kinds(report.Notes))
		}
	}
}

// TestS3TakesLargeSegmentsInParts, and none that is there already.
func TestS3TakesLargeSegmentsInParts(t *testing.T) {
	fake, bucket := startS3(t)
	seg, random := archive.NewSegment(), rand.NewChaCha8([32]byte{})
	large := make([]byte, 1<<20)
	for n := range 20 {
		_, _ = random.Read(large)
		if err := seg.Add(&archive.Entry{ID: fmt.Sprintf("%d-0", n+1), Fields: []string{"data", string(large)}}); err != nil {
			t.Fatal(err)
		}
	}
	log := archive.Open(bucket, stream)
	m, err := log.Append(t.Context(), archive.Manifest{}, seg, archive.Note{})
	if err != nil || fake.parts.Load() < 2 {
		t.Fatalf("%v, %d parts", err, fake.parts.Load())
	}
	if err := bucket.Delete(t.Context(), manifest(1)); err != nil {
		t.Fatal(err)
	}
	again, err := log.Append(t.Context(), archive.Manifest{}, seg, archive.Note{}) // adopts it
	if err != nil || again.SHA256 != m.SHA256 {
		t.Errorf("%+v, %v", again, err)
	}
	if report, err := log.Verify(t.Context(), archive.VerifyOptions{}); err != nil || report.FaultCount > 0 || report.Entries != 20 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestS3ErrorsAreErrors, and no sign of an empty archive.
func TestS3ErrorsAreErrors(t *testing.T) {
	fake, bucket := startS3(t)
	c := newChain(t, bucket, 3)
	for _, status := range []int{http.StatusInternalServerError, http.StatusForbidden, http.StatusServiceUnavailable} {
		fake.mu.Lock()
		fake.fault = func(string, *http.Request) int { return status }
		fake.mu.Unlock()
		if _, err := c.Log.Tail(t.Context()); err == nil || errors.Is(err, archive.ErrEmpty) {
			t.Errorf("%d: tail: %v", status, err)
		}
		if _, err := c.Log.Verify(t.Context(), archive.VerifyOptions{}); err == nil {
			t.Errorf("%d: verify has no error", status)
		}
		if _, err := ids(c, "", ""); err == nil {
			t.Errorf("%d: entries have no error", status)
		}
	}
}
