package streams

import (
	"context"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// The chores of Maintain, each done once.

func (s *Stream) MoveOnce(ctx context.Context) error {
	_, err := s.moveDue(ctx)
	return err
}

func (s *Stream) TrimOnce(ctx context.Context) error {
	_, err := s.trim(ctx)
	return err
}

func (s *Stream) DetectLossesOnce(ctx context.Context) error {
	_, err := s.detectLosses(ctx)
	return err
}

// Held is the number of deliveries that are neither settled nor nacked, as far as
// the stream knows.
func (s *Stream) Held() int64 { return s.held.Load() }

func (l *List) CheckLettersOnce(ctx context.Context) { l.checkLetters(ctx) }

// Sketched is a customer of a sketch, unrounded.
type Sketched struct {
	CustomerID   string
	Count, Error float64
}

var sketchScript = redis.NewScript(refusedSource + `
local refusals = {}
for i = 2, #ARGV, 2 do refusals[ARGV[i]] = tonumber(ARGV[i + 1]) end
note_refused(KEYS[1], refusals, tonumber(ARGV[1]) * 3600000)
local found = {}
for _, c in pairs(read_refused(KEYS[1], tonumber(ARGV[1]))) do
  found[#found + 1] = {c.id, string.format('%.17g', c.count), string.format('%.17g', c.err)}
end
return found`)

// Sketch adds refusals to a sketch in an hour and returns it.
func Sketch(ctx context.Context, client redis.UniversalClient, key string, refusals map[string]int, hour int) ([]Sketched, error) {
	args := []any{hour}
	for customer, n := range refusals {
		args = append(args, customer, n)
	}
	reply, err := sketchScript.Run(ctx, client, []string{key}, args...).Slice()
	var list []Sketched
	for _, row := range reply {
		f := texts(row)
		count, _ := strconv.ParseFloat(f[1], 64)
		wrong, _ := strconv.ParseFloat(f[2], 64)
		list = append(list, Sketched{f[0], count, wrong})
	}
	return list, err
}

// NoPatience makes a worker say at its second look that nobody archives the stream.
func NoPatience(t interface{ Cleanup(func()) }) {
	was := archiverAway
	archiverAway = 0
	t.Cleanup(func() { archiverAway = was })
}
