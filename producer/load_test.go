package producer_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ingestion/internal/test/env"
	"ingestion/producer"
	"ingestion/producer/file"
	"ingestion/record"
)

// sink keeps bodies. Once it has room of them it fails. With stray the last body of
// the failing call is queued nevertheless.
type sink struct {
	bodies []string
	sizes  []int
	room   int // 0 means no limit
	stray  bool
}

var errFull = errors.New("full")

func (s *sink) Send(_ context.Context, messages []producer.Message) ([]producer.Receipt, error) {
	s.sizes = append(s.sizes, len(messages))
	receipts := make([]producer.Receipt, len(messages))
	for i, m := range messages {
		if s.room > 0 && len(s.bodies) == s.room {
			receipts[len(messages)-1].Queued = s.stray && i < len(messages)-1
			return receipts, errFull
		}
		receipts[i].Queued = true
		s.bodies = append(s.bodies, string(m.Body))
	}
	return receipts, nil
}

func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"customerId":"%d","name":"","email":"","createdAt":""}`+"\n", i+1)
	}
	return b.String()
}

func TestLoadSendsAllInOrder(t *testing.T) {
	text := "\ufeff" + numbered(1234) + "\n\n"
	to := &sink{}
	var batches, records, last int
	sum, err := producer.Load(t.Context(), strings.NewReader(text), to, producer.LoadOptions{Batch: 100, OnBatch: func(p producer.Progress) {
		batches++
		records += p.Records
		if p.First != last+1 || p.Last != p.First+p.Records-1 || p.Total.Sent != records {
			t.Fatalf("batch %+v after line %d", p, last)
		}
		last = p.Last
	}})
	if err != nil {
		t.Fatal(err)
	}
	if sum.Sent != 1234 || sum.Blank != 2 || sum.Rejected != 0 || sum.Next != 1237 {
		t.Errorf("summary %+v", sum)
	}
	if "\ufeff"+strings.Join(to.bodies, "\n")+"\n\n\n" != text {
		t.Error("the bodies are not those of the file in order")
	}
	if batches != len(to.sizes) || slices.Max(to.sizes) > 100 {
		t.Errorf("%d calls of OnBatch for batches of %v", batches, to.sizes)
	}
}

func TestProgress(t *testing.T) {
	ndjson := "\ufeff" + numbered(1000) + "\n"
	csv := "\ufeffcustomerId,name,email,createdAt\r\n" + strings.Repeat("\n\"a\nb\",c,e,t\r\nx,c,e,t\n", 300)
	for name, c := range map[string]struct {
		text string
		from int
	}{
		"lines":                {ndjson, 0},
		"lines from the 400th": {ndjson, 400},
		"CSV":                  {csv, 0},
		"CSV from a line":      {csv, 402},
		"no final line feed":   {strings.TrimSpace(csv), 0},
	} {
		o := producer.LoadOptions{Batch: 7, Options: file.Options{FromLine: c.from}}
		ends, batches := 0, 0
		o.OnBatch = func(p producer.Progress) {
			batches++
			if p.End < 1 || p.End > int64(len(c.text)) || p.End < int64(len(c.text)) && c.text[p.End-1] != '\n' {
				t.Fatalf("%s: %+v of %d bytes", name, p, len(c.text))
			}
			ends = int(p.End)
			if lines := strings.Count(c.text[:p.End], "\n"); ends < len(c.text) && lines != p.Total.Next-1 {
				t.Fatalf("%s: %d lines up to %d, want %d", name, lines, p.End, p.Total.Next-1)
			}
		}
		sum, err := producer.Load(t.Context(), strings.NewReader(c.text), &sink{}, o)
		if err != nil || batches < 50 || strings.TrimSpace(c.text[ends:]) != "" {
			t.Errorf("%s: %+v (%v) in %d batches, up to %d of %d bytes", name, sum, err, batches, ends, len(c.text))
		}
		small, last := packed(c.text), int64(0)
		o.OnBatch = func(p producer.Progress) {
			if p.End < last || p.End < 1 || p.End > int64(len(small)) {
				t.Fatalf("%s, compressed to %d bytes: %+v after %d", name, len(small), p, last)
			}
			last = p.End
		}
		if again, err := producer.Load(t.Context(), bytes.NewReader(small), &sink{}, o); err != nil || again.Sent != sum.Sent {
			t.Errorf("%s, compressed: %+v (%v)", name, again, err)
		}
	}
}

func packed(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	fmt.Fprint(z, text)
	z.Close()
	return b.Bytes()
}

func TestLoadValidates(t *testing.T) {
	text := `{"customerId":"1","name":"A","email":"a@quillmarsh.net","createdAt":"2024-01-01"}` + "\n\nnonsense\n" +
		`{"customerId":2}` + "\n" + `{"customerId":"3","name":"C","email":"c@quillmarsh.net","createdAt":"2024-01-01"}` + "\n"
	to := &sink{}
	skipped := map[int]string{}
	sum, err := producer.Load(t.Context(), strings.NewReader(text), to, producer.LoadOptions{
		Validate: func(body []byte) error { _, err := record.Decoder{}.Decode(body); return err },
		OnReject: func(line file.Line, reason error) { skipped[line.Number] = reason.Error() },
	})
	if err != nil || sum.Sent != 2 || sum.Rejected != 2 || sum.Blank != 1 || sum.Next != 6 {
		t.Errorf("%+v, %v", sum, err)
	}
	if !strings.HasPrefix(skipped[3], "Invalid JSON") || !strings.Contains(skipped[4], "customerId") || len(skipped) != 2 {
		t.Errorf("skipped: %v", skipped)
	}
}

func TestResumingSkipsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		var want []string
		asCSV := rapid.Bool().Draw(t, "csv")
		if asCSV {
			text.WriteString("customerId,name,email,createdAt\n")
		}
		for i := range rapid.IntRange(1, 60).Draw(t, "records") {
			text.WriteString(strings.Repeat("\n", rapid.IntRange(0, 1).Draw(t, "blanks")))
			bad := rapid.Bool().Draw(t, "bad")
			body := fmt.Sprintf("good %d", i)
			if bad {
				body = fmt.Sprintf("bad %d", i)
			}
			if asCSV {
				fmt.Fprintf(&text, "\"%s\n\",n,e,t\n", body)
				body = fmt.Sprintf(`{"customerId":"%s\u000a","name":"n","email":"e","createdAt":"t"}`, body)
			} else {
				body = fmt.Sprintf(`{"customerId":"%s","name":"n","email":"e","createdAt":"t"}`, body)
				fmt.Fprintln(&text, body)
			}
			if !bad {
				want = append(want, body)
			}
		}
		to, next, skips := &sink{}, 0, map[int]bool{}
		for tries := 0; ; tries++ {
			to.room = len(to.bodies) + rapid.IntRange(0, 20).Draw(t, "room")
			if to.room == len(to.bodies) {
				to.room = 1 << 30 // this run does not fail
			}
			to.stray = rapid.Bool().Draw(t, "stray")
			o := producer.LoadOptions{Batch: rapid.IntRange(1, 30).Draw(t, "batch"), Options: file.Options{FromLine: next},
				Validate: func(body []byte) error {
					if strings.Contains(string(body), "bad") {
						return errors.New("bad")
					}
					return nil
				},
				OnReject: func(line file.Line, _ error) { skips[line.Number] = true },
			}
			sum, err := producer.Load(context.Background(), strings.NewReader(text.String()), to, o)
			if sum.Next < next {
				t.Fatalf("went back from line %d to %d", next, sum.Next)
			}
			next = sum.Next
			if err == nil {
				break
			}
			if !errors.Is(err, errFull) || tries > 200 {
				t.Fatal(err)
			}
		}
		if !slices.Equal(to.bodies, want) {
			t.Fatalf("sent %q, want %q", to.bodies, want)
		}
	})
}

func TestLoadRate(t *testing.T) {
	for _, rate := range []float64{0.5, 3, 1000} {
		clock := newClock()
		start := clock.Now()
		sent := 0
		sum, err := producer.Load(t.Context(), strings.NewReader(numbered(300)), &sink{}, producer.LoadOptions{
			Rate: rate, Clock: clock,
			OnBatch: func(p producer.Progress) {
				early := float64(sent) - clock.Now().Sub(start).Seconds()*rate // sent before this batch
				if early > 0.001 || p.Records > max(1, int(rate/10)) {
					t.Fatalf("%v/s: %d records after %v, then %d at once", rate, sent, clock.Now().Sub(start), p.Records)
				}
				sent += p.Records
				clock.pass(time.Millisecond) // the time to send does not reduce the rate
			},
		})
		want := time.Duration(299 / rate * float64(time.Second))
		if err != nil || sum.Elapsed > want+time.Second || sum.Elapsed < want-want/3 {
			t.Errorf("%v/s: 300 records took %v (%v), want about %v", rate, sum.Elapsed, err, want)
		}
	}
}

func TestRateOutOfRange(t *testing.T) {
	for _, rate := range []float64{-1, 1e-12, 1e300, math.Inf(1), math.NaN()} {
		to := &sink{}
		if _, err := producer.Load(t.Context(), strings.NewReader(numbered(3)), to, producer.LoadOptions{Rate: rate}); err == nil || len(to.bodies) > 0 {
			t.Errorf("%v: %d records sent, %v", rate, len(to.bodies), err)
		}
	}
	for _, rate := range []float64{producer.MinRate, producer.MaxRate} {
		clock := newClock()
		start := clock.Now()
		sum, err := producer.Load(t.Context(), strings.NewReader(numbered(3)), &sink{}, producer.LoadOptions{Rate: rate, Clock: clock})
		if took := clock.Now().Sub(start).Seconds(); err != nil || sum.Sent != 3 || took > 2/rate || took < 2/rate-1 {
			t.Errorf("%v: %+v (%v) took %v s", rate, sum, err, took)
		}
	}
}

func TestLoadDoesNotWaitForFullBatches(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan producer.Progress)
	type ending struct {
		sum producer.Summary
		err error
	}
	done := make(chan ending, 1)
	go func() {
		sum, err := producer.Load(ctx, r, &sink{}, producer.LoadOptions{OnBatch: func(p producer.Progress) { told <- p }})
		done <- ending{sum, err}
	}()
	for line := 1; line <= 3; line++ {
		fmt.Fprint(w, numbered(1))
		if p := <-told; p.First != line || p.Total.Sent != line {
			t.Errorf("after line %d: %+v", line, p)
		}
	}
	cancel() // the pipe blocks
	if end := <-done; !errors.Is(end.err, context.Canceled) || end.sum.Next != 4 || end.sum.Sent != 3 {
		t.Errorf("%+v", end)
	}
}

// Load ends with its context even if reading blocks before the format is known or
// before the first record.
func TestLoadEndsWithTheContext(t *testing.T) {
	for name, c := range map[string]struct {
		begins string
		from   int
	}{
		"one byte":          {"{", 0},
		"half a line":       {`{"customerId":`, 1},
		"blank lines":       {"\n\n\n", 3},
		"only a header":     {"customerId,name,email,createdAt\n", 10},
		"beginning of gzip": {"\x1f\x8b\x08", 1},
		"before the line":   {numbered(5), 10},
	} {
		r, w := io.Pipe()
		ctx, cancel := context.WithCancel(t.Context())
		type ending struct {
			sum producer.Summary
			err error
		}
		done := make(chan ending, 1)
		go func() {
			sum, err := producer.Load(ctx, r, &sink{}, producer.LoadOptions{Options: file.Options{FromLine: c.from}})
			done <- ending{sum, err}
		}()
		fmt.Fprint(w, c.begins) // returns when it is read
		cancel()
		select {
		case end := <-done:
			if !errors.Is(end.err, context.Canceled) || end.sum.Next != max(c.from, 1) || end.sum.Sent != 0 {
				t.Errorf("%s: %+v", name, end)
			}
		case <-time.After(timeout):
			t.Errorf("%s: Load does not return", name)
		}
		w.Close()
	}
}

func TestLoadStopsAtAnUnreadableLine(t *testing.T) {
	text := numbered(5) + strings.Repeat("x", 200) + "\n" + numbered(1)
	to := &sink{}
	sum, err := producer.Load(t.Context(), strings.NewReader(text), to, producer.LoadOptions{Options: file.Options{MaxLine: 100}})
	var at *file.LineError
	if !errors.As(err, &at) || at.Line != 6 || sum.Next != 6 || sum.Sent != 5 || len(to.bodies) != 5 {
		t.Errorf("%+v, %v", sum, err)
	}
}

func TestResumeAfterAnOutage(t *testing.T) {
	for _, mode := range []string{"list", "stream"} {
		t.Run(mode, func(t *testing.T) {
			server := env.Redis(t)
			target := producer.ToList("q")
			if mode == "stream" {
				target = producer.ToStream("q", 1)
			}
			text := numbered(2000)
			ctx, interrupt := context.WithCancel(t.Context())
			killed := false
			p := publisher(t, connect(t, server.URL()), target, producer.Options{OnWait: func(error, time.Duration) { interrupt() }})
			sum, err := producer.Load(ctx, strings.NewReader(text), p, producer.LoadOptions{Batch: 100, OnBatch: func(p producer.Progress) {
				if p.Total.Sent >= 1000 && !killed {
					killed = true // the next batch may be confirmed already
					server.Kill() // in the test's own goroutine, Load's caller
				}
			}})
			if !errors.Is(err, context.Canceled) || sum.Next != sum.Sent+1 || sum.Sent < 1000 {
				t.Fatalf("interrupted with %+v, %v", sum, err)
			}
			server.Start()
			p = publisher(t, connect(t, server.URL()), target, producer.Options{})
			sum, err = producer.Load(t.Context(), strings.NewReader(text), p, producer.LoadOptions{Options: file.Options{FromLine: sum.Next}})
			if err != nil || sum.Next != 2001 {
				t.Fatalf("resumed with %+v, %v", sum, err)
			}
			client := server.Client(t)
			var got []string
			if mode == "list" {
				got = listBodies(t, client, "q")
			} else {
				_, got = streamBodies(t, client, "q")
			}
			if strings.Join(got, "\n")+"\n" != text {
				t.Errorf("%d bodies are queued, not each line once in order", len(got))
			}
		})
	}
}
