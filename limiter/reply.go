package limiter

import "fmt"

// The script's decisions, as its head lists them.
const (
	codeAdmitted = 1
	codeRefused  = 2
	codeReserved = 3
	codeNoSet    = 4
)

// reply is the script's. Customers are by their index in the part.
type reply struct {
	now      int64
	answered int            // records, from the first on
	own      map[int]string // own limit as written
	learnt   map[int]string
	others   []other
}

// other is what became of an answered record that has no place at its arrival.
type other struct {
	index int // in the part
	code  int
	time  int64
}

func (o other) verdict(limit Limit) Verdict {
	switch o.code {
	case codeAdmitted:
		return Verdict{Decision: Admitted, Place: o.time, Limit: limit}
	case codeRefused:
		return Verdict{Decision: Refused, RetryAt: o.time, Limit: limit}
	case codeReserved:
		return Verdict{Decision: Reserved, Place: o.time, Limit: limit}
	default:
		return Verdict{}
	}
}

func parseReply(raw any, p part) (reply, error) {
	top, ok := raw.([]any)
	if !ok || len(top) != 5 {
		return reply{}, fmt.Errorf("limiter: script replied %T, want five fields", raw)
	}
	now, ok1 := top[0].(int64)
	answered, ok2 := top[1].(int64)
	if !ok1 || !ok2 || answered < 0 || answered > int64(p.records) {
		return reply{}, fmt.Errorf("limiter: script replied %v and %v, want the time and at most %d records", top[0], top[1], p.records)
	}
	own, err1 := texts(top[2], len(p.customers))
	learnt, err2 := texts(top[3], len(p.customers))
	others, err3 := others(top[4], int(answered))
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return reply{}, err
		}
	}
	return reply{now: now, answered: int(answered), own: own, learnt: learnt, others: others}, nil
}

// texts reads flat pairs of a customer's index from 1 and a text; nil if there are
// none.
func texts(raw any, customers int) (map[int]string, error) {
	flat, err := pairs(raw)
	if err != nil || len(flat) == 0 {
		return nil, err
	}
	m := make(map[int]string, len(flat)/2)
	for i := 0; i < len(flat); i += 2 {
		index, ok1 := flat[i].(int64)
		text, ok2 := flat[i+1].(string)
		if !ok1 || !ok2 || index < 1 || index > int64(customers) {
			return nil, fmt.Errorf("limiter: script replied a pair of %v and %T, want one of %d customers and a text", flat[i], flat[i+1], customers)
		}
		m[int(index)-1] = text
	}
	return m, nil
}

func others(raw any, answered int) ([]other, error) {
	flat, err := pairs(raw)
	if err != nil || len(flat) == 0 {
		return nil, err
	}
	out := make([]other, 0, len(flat)/2)
	for i := 0; i < len(flat); i += 2 {
		what, ok1 := flat[i].(int64)
		time, ok2 := flat[i+1].(int64)
		if !ok1 || !ok2 || what < 10 || what/10 > int64(answered) {
			return nil, fmt.Errorf("limiter: script replied a pair of %v and %T, want one of %d records and a time", flat[i], flat[i+1], answered)
		}
		out = append(out, other{index: int(what/10) - 1, code: int(what % 10), time: time})
	}
	return out, nil
}

func pairs(raw any) ([]any, error) {
	flat, ok := raw.([]any)
	if !ok || len(flat)%2 != 0 {
		return nil, fmt.Errorf("limiter: script replied %T, want pairs", raw)
	}
	return flat, nil
}
