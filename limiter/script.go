package limiter

import (
	"context"
	_ "embed"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"ingestion/internal/plural"
	"ingestion/internal/redisconn"
)

// The parts of the script. judge.lua describes its keys, arguments and reply.
var (
	//go:embed window.lua
	windowLua string
	//go:embed search.lua
	searchLua string
	//go:embed judge.lua
	judgeLua string

	judgeScript = redis.NewScript(windowLua + searchLua + judgeLua)
)

// The script's decisions.
const (
	codeAdmitted = 1
	codeRefused  = 2
	codeReserved = 3
	codeNoSet    = 4
)

// Widths of the numbers that are sent as digits.
const (
	countDigits   = 4
	arrivalDigits = 14
)

// maxAt is the latest arrival that arrivalDigits hold. It lies far ahead of any
// clock.
const maxAt = 90_000_000_000_000

// part is the customers of one script call, and the number of records that the
// call judges: all they have, unless a single customer has too many.
type part struct {
	base      string // K
	customers []customer
	records   int
	floor     int64
	search    string // of an earlier call
}

// number is how many records of the customer belong to the part.
func (p part) number(c customer) int { return min(c.n, p.records) }

// reply is the script's. Customers are given by their index in the part.
type reply struct {
	now      int64
	answered int            // records, from the first on
	own      map[int]string // own limit as written
	search   string
	others   []other
}

// other is the decision on a record that has not been admitted at its arrival.
type other struct {
	index int // in the part
	code  int
	time  int64
}

// run calls the script for the part. While its hash slot migrates, keys may be on two
// servers; Redis answers TRYAGAIN then, and run judges the first customer alone.
func (l *Limiter) run(ctx context.Context, b *batch, p part) (reply, error) {
	raw, err := l.call(b, p, nil).Run(ctx, l.client).Result()
	if redis.IsTryAgainError(err) {
		p.customers, p.records = p.customers[:1], p.number(p.customers[0])
		raw, err = l.runAlone(ctx, b, p)
	}
	if err != nil {
		return reply{}, err
	}
	return parseReply(raw, p)
}

// runAlone reads the customer's own limit by a command of its own: a command with
// one key works in a hash slot that migrates.
func (l *Limiter) runAlone(ctx context.Context, b *batch, p part) (any, error) {
	own, err := l.client.HGet(ctx, limitsKey(p.base), p.customers[0].id).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	return l.call(b, p, &own).Run(ctx, l.client).Result()
}

func limitsKey(base string) string { return "{" + base + "}:limits" }

func windowKey(base, customerID string) string { return "{" + base + "}:limit:" + customerID }

// call prepares the script call for a part. own is the own limit of its only
// customer; if it is nil, the script looks limits up.
func (l *Limiter) call(b *batch, p part, own *string) *redisconn.Call {
	texts := b.texts(p)
	keys, counts, arrivals := texts[:len(p.customers)+1], &texts[len(texts)-2], &texts[len(texts)-1]
	if own != nil {
		keys = keys[1:]
	}
	b.call.Reset(judgeScript, keys)
	b.call.Add(l.bounds...)
	b.call.Add(p.floor, own == nil, own, counts, arrivals, p.search)
	from := p.customers[0].from
	for _, i := range b.order[from : from+p.records] {
		b.call.Add(&b.requests[i].Member)
	}
	return &b.call
}

// texts returns the key of the own limits, the customers' keys, the counts and
// the arrivals. They are substrings of one string, so that a key costs no
// allocation.
func (b *batch) texts(p part) []string {
	text, ends := b.text[:0], b.ends[:0]
	end := func() { ends = append(ends, len(text)) }
	text = append(append(append(text, '{'), p.base...), "}:limits"...)
	end()
	several := 0
	for i, c := range p.customers {
		text = append(append(append(append(text, '{'), p.base...), "}:limit:"...), c.id...)
		end()
		if p.number(c) > 1 {
			several = i + 1
		}
	}
	for _, c := range p.customers[:several] {
		text = appendDigits(text, int64(p.number(c)), countDigits)
	}
	end()
	from := p.customers[0].from
	for _, i := range b.order[from : from+p.records] {
		text = appendDigits(text, clip(b.requests[i].At), arrivalDigits)
	}
	end()
	b.text, b.ends = text, ends
	b.parts = b.parts[:0]
	all, start := string(text), 0
	for _, end := range ends {
		b.parts = append(b.parts, all[start:end])
		start = end
	}
	return b.parts
}

// clip limits an arrival to the range that the script reads; 0 means its clock.
func clip(at int64) int64 { return min(max(at, 0), maxAt) }

// appendDigits appends n >= 0 with leading zeros.
func appendDigits(b []byte, n int64, width int) []byte {
	const zeros = "00000000000000"
	b = append(b, zeros[:width]...)
	for i := len(b) - 1; n > 0; i-- {
		b[i] = '0' + byte(n%10)
		n /= 10
	}
	return b
}

func parseReply(raw any, p part) (reply, error) {
	top, ok := raw.([]any)
	if !ok || len(top) != 5 {
		return reply{}, fmt.Errorf("script replied %T, want five fields", raw)
	}
	now, ok1 := top[0].(int64)
	answered, ok2 := top[1].(int64)
	search, ok3 := top[3].(string)
	if !ok1 || !ok2 || !ok3 || answered < 0 || answered > int64(p.records) {
		return reply{}, fmt.Errorf("script replied %v, %v and %v, want the time, at most %s and a text", top[0], top[1], top[3], plural.Of(p.records, "record", "records"))
	}
	own, err := parseOwn(top[2], len(p.customers))
	if err != nil {
		return reply{}, err
	}
	others, err := parseOthers(top[4], int(answered))
	return reply{now: now, answered: int(answered), own: own, search: search, others: others}, err
}

// parseOwn reads pairs of a customer's index, from 1, and a text.
func parseOwn(raw any, customers int) (map[int]string, error) {
	flat, err := pairs(raw)
	if err != nil || len(flat) == 0 {
		return nil, err
	}
	own := make(map[int]string, len(flat)/2)
	for i := 0; i < len(flat); i += 2 {
		index, ok1 := flat[i].(int64)
		text, ok2 := flat[i+1].(string)
		if !ok1 || !ok2 || index < 1 || index > int64(customers) {
			return nil, fmt.Errorf("script replied a pair of %v and %T, want one of %s and a text", flat[i], flat[i+1], plural.Of(customers, "customer", "customers"))
		}
		own[int(index)-1] = text
	}
	return own, nil
}

// parseOthers reads pairs of a record's index, from 1, with its decision, and a
// time.
func parseOthers(raw any, answered int) ([]other, error) {
	flat, err := pairs(raw)
	if err != nil || len(flat) == 0 {
		return nil, err
	}
	others := make([]other, 0, len(flat)/2)
	for i := 0; i < len(flat); i += 2 {
		what, ok1 := flat[i].(int64)
		time, ok2 := flat[i+1].(int64)
		if !ok1 || !ok2 || what < 10 || what/10 > int64(answered) {
			return nil, fmt.Errorf("script replied a pair of %v and %T, want one of %s and a time", flat[i], flat[i+1], plural.Of(answered, "record", "records"))
		}
		others = append(others, other{index: int(what/10) - 1, code: int(what % 10), time: time})
	}
	return others, nil
}

func pairs(raw any) ([]any, error) {
	flat, ok := raw.([]any)
	if !ok || len(flat)%2 != 0 {
		return nil, fmt.Errorf("script replied %T, want pairs", raw)
	}
	return flat, nil
}
