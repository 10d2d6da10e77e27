package producer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"ingestion/producer"
)

// endless is a file that has the same line again and again.
type endless struct {
	line string
	read int // bytes
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.line[e.read%len(e.line):])
	e.read += n
	return n, nil
}

// stuck is a sink that sends nothing until ctx ends.
type stuck struct{}

func (stuck) Send(ctx context.Context, messages []producer.Message) ([]producer.Receipt, error) {
	<-ctx.Done()
	return make([]producer.Receipt, len(messages)), ctx.Err()
}

// TestLittleIsReadAhead: while nothing can be sent, reading stops.
func TestLittleIsReadAhead(t *testing.T) {
	for name, c := range map[string]struct {
		size, batch int // of a line in bytes, of a batch in lines
		most        int // lines
	}{
		"short lines":   {100, 500, 15_000},
		"small batches": {100, 1, 15_000},
		"large batches": {100, 10_000, 40_000},
		"long lines":    {60_000, 500, 1_000}, // 60 MB
	} {
		synctest.Test(t, func(t *testing.T) {
			begin := `{"customerId":"1","name":"A","email":"e","createdAt":"t","more":"`
			in := &endless{line: begin + strings.Repeat("x", c.size-len(begin)-len("\"}\n")) + "\"}\n"}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() {
				_, err := producer.Load(ctx, in, stuck{}, producer.LoadOptions{Batch: c.batch})
				done <- err
			}()
			synctest.Wait()
			if lines := in.read / c.size; lines > c.most || lines < min(c.batch, c.most)/2 {
				t.Errorf("%s: %d lines are read, want at most %d", name, lines, c.most)
			}
			cancel()
			if err := <-done; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}
