package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"ingestion/cmd/internal/app"
	"ingestion/internal/plural"
	"ingestion/record"
	"ingestion/streams"
)

// queuedLine is what the producer logs of a record that is queued.
type queuedLine struct {
	Event, StreamID, CustomerID string
	Stream                      string // of the partition; other producers may leave it out
}

// readQueuedLog returns the lines of a producer's log about queued records; nil without a
// name.
func readQueuedLog(name string) ([]queuedLine, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, app.UsageError(fmt.Errorf("--queued: %w", err))
	}
	defer f.Close()
	queued, err := parseQueuedLog(f)
	if err != nil {
		return nil, app.UsageError(fmt.Errorf("--queued: %s: %w", name, err))
	}
	return queued, nil
}

func parseQueuedLog(log io.Reader) ([]queuedLine, error) {
	const longest = 16 << 20
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, longest)
	var queued []queuedLine
	n := 0
	for lines.Scan() {
		n++
		var l queuedLine
		if json.Unmarshal(lines.Bytes(), &l) != nil || l.Event != "queued" {
			continue
		}
		if !entryID.MatchString(l.StreamID) {
			return nil, fmt.Errorf("line %d names no entry, as with a list or a batch of a file: want what producer generate logs of a stream", n)
		}
		queued = append(queued, l)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(queued) == 0 {
		return nil, errors.New("none of its lines is a JSON object with the event queued")
	}
	return queued, nil
}

// lookForQueued says what became of the entries, by partition.
func (s *session) lookForQueued(ctx context.Context, queued []queuedLine) ([]streams.Queued, error) {
	if queued == nil {
		return nil, nil
	}
	layout := s.cfg.Layout()
	keys := layout.Keys()
	ids := make([][]string, len(keys))
	for _, l := range queued {
		place, err := l.place(layout)
		if err != nil {
			return nil, app.UsageError(fmt.Errorf("--queued: entry %s %w", l.StreamID, err))
		}
		ids[place] = append(ids[place], l.StreamID)
	}
	all := make([]streams.Queued, len(keys))
	for i, key := range keys {
		var err error
		if all[i], err = streams.ReadQueued(ctx, s.redis, key, ids[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// place returns which of the streams was given the entry, an index of their keys.
func (l queuedLine) place(layout record.Layout) (int, error) {
	switch keys := layout.Keys(); {
	case l.Stream != "":
		place := slices.Index(keys, l.Stream)
		if place < 0 {
			return 0, fmt.Errorf("is of the stream %q, and STREAM_KEY is %q: want the log of a producer of the same stream", l.Stream, layout.Key)
		}
		return place, nil
	case len(layout.Former) > 0:
		return 0, errors.New(`has no "stream", and the number of partitions has changed: want lines that name the stream of each entry`)
	case l.CustomerID == "":
		return 0, nil
	}
	return layout.Home(l.CustomerID), nil
}

// addQueued adds what became of the entries that count as queued.
func (r *report) addQueued(all []streams.Queued) {
	if all == nil {
		return
	}
	r.queued = &streams.Queued{}
	for i, q := range all {
		r.queued.Count += q.Count
		r.queued.There += q.There
		r.queued.Trimmed += q.Trimmed
		r.queued.Lost = append(r.queued.Lost, q.Lost...)
		if n := len(q.Lost); n > 0 {
			r.losses = append(r.losses, finding{r.accounts[i].Key, fmt.Sprintf(
				"%s of the %d that the producer counts as queued, between %s and %s, are neither on the stream nor trimmed by the service: Redis lost them in a failover or a restart, or another client deleted them; send their records again, those that workers had read are duplicates then",
				plural.Of(n, "entry", "entries"), q.Count, q.Lost[0], q.Lost[n-1])})
		}
	}
}
