package fold

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/archive"
	"ingestion/internal/redisconn"
	"ingestion/streams"
)

// fieldWatermark is the ledger's field with the last ID that was trimmed.
const fieldWatermark = "watermark"

// The size of a page of a stream. The first one is small, since its entries may be large.
const (
	firstPage, largestPage = 10, 2000
	pageBytes              = 2 << 20
)

// redisStream reads the stream of a partition, and changes nothing.
type redisStream struct {
	client redis.UniversalClient
	keys   streams.Keys
	count  int
}

func newStream(client redis.UniversalClient, key string) *redisStream {
	return &redisStream{client: client, keys: streams.KeysOf(key), count: firstPage}
}

// Read implements Stream.
func (s *redisStream) Read(ctx context.Context, after, through string) (entries []archive.Entry, trimmed string, err error) {
	var watermark *redis.StringCmd
	var page *redis.Cmd
	_, err = s.client.TxPipelined(ctx, func(pipe redis.Pipeliner) error {
		watermark = pipe.HGet(ctx, s.keys.Ledger, fieldWatermark)
		page = pipe.Do(ctx, "XRANGE", s.keys.Main, "("+after, through, "COUNT", s.count)
		return nil
	})
	if err == nil || errors.Is(err, redis.Nil) {
		entries, err = parsePage(page)
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading %s: %w", s.keys.Main, redisconn.Plain(err))
	}
	s.adapt(entries)
	if trimmed = watermark.Val(); trimmed == "" {
		trimmed = beginning
	}
	return entries, trimmed, nil
}

func (s *redisStream) adapt(entries []archive.Entry) {
	bytes := 1
	for _, e := range entries {
		for _, field := range e.Fields {
			bytes += len(field)
		}
	}
	if n := len(entries); n > 0 {
		s.count = max(1, min(largestPage, n*pageBytes/bytes))
	}
}

func parsePage(cmd *redis.Cmd) ([]archive.Entry, error) {
	reply, err := cmd.Result()
	if err != nil {
		return nil, err
	}
	page, err := streams.ParseEntries(reply)
	entries := make([]archive.Entry, len(page))
	for i, e := range page {
		entries[i] = archive.Entry(e)
	}
	return entries, err
}

// notesPage is how many notes of outcomes are read at once. One can have the IDs of a batch.
const notesPage = 500

// Notes implements Notes.
func (s *redisStream) Notes(ctx context.Context) (notes []archive.Entry, err error) {
	for after := "(" + beginning; ; {
		page, err := parsePage(s.client.Do(ctx, "XRANGE", s.keys.Outcomes, after, "+", "COUNT", notesPage))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.keys.Outcomes, redisconn.Plain(err))
		}
		notes = append(notes, page...)
		if len(page) < notesPage {
			return notes, nil
		}
		after = "(" + page[len(page)-1].ID
	}
}

// bounds are the last ID of the stream, also of an entry that was deleted since; the last
// one before its first entry; and the last one that was trimmed.
type bounds struct{ last, before, trimmed string }

func (s *redisStream) bounds(ctx context.Context) (bounds, error) {
	b := bounds{beginning, beginning, beginning}
	exists, err := s.client.Exists(ctx, s.keys.Main).Result()
	if err == nil && exists > 0 {
		var info *redis.XInfoStream
		if info, err = s.client.XInfoStream(ctx, s.keys.Main).Result(); err == nil {
			b.last, b.before = info.LastGeneratedID, info.LastGeneratedID
			if info.FirstEntry.ID != "" {
				b.before = preceding(info.FirstEntry.ID)
			}
		}
	}
	if err == nil {
		var watermark string
		if watermark, err = s.client.HGet(ctx, s.keys.Ledger, fieldWatermark).Result(); errors.Is(err, redis.Nil) {
			err = nil
		}
		if watermark != "" {
			b.trimmed = watermark
		}
	}
	if err != nil {
		return b, fmt.Errorf("looking at %s: %w", s.keys.Main, redisconn.Plain(err))
	}
	return b, nil
}
