package limiter

import "fmt"

// The script's decisions, as its head lists them.
const (
	codeAdmitted = 1
	codeRefused  = 2
	codeReserved = 3
	codeNoSet    = 4
)

// reply is the script's, by the index of the customer in the call.
type reply struct {
	own     map[int]string // own limit as written
	learnt  map[int]string
	answers []answer // of the first records of the call
}

type answer struct{ code, time int64 }

func (a answer) verdict(limit Limit) Verdict {
	switch a.code {
	case codeAdmitted:
		return Verdict{Decision: Admitted, Place: a.time, Limit: limit}
	case codeRefused:
		return Verdict{Decision: Refused, RetryAt: a.time, Limit: limit}
	case codeReserved:
		return Verdict{Decision: Reserved, Place: a.time, Limit: limit}
	default:
		return Verdict{}
	}
}

func parseReply(raw any) (reply, error) {
	top, ok := raw.([]any)
	if !ok || len(top) != 4 {
		return reply{}, fmt.Errorf("limiter: script replied %T, want four fields", raw)
	}
	own, err1 := texts(top[1])
	learnt, err2 := texts(top[2])
	answers, err3 := answers(top[3])
	for _, err := range []error{err1, err2, err3} {
		if err != nil {
			return reply{}, err
		}
	}
	return reply{own: own, learnt: learnt, answers: answers}, nil
}

// texts reads flat pairs of an index from 1 and a text.
func texts(raw any) (map[int]string, error) {
	flat, ok := raw.([]any)
	if !ok || len(flat)%2 != 0 {
		return nil, fmt.Errorf("limiter: script replied %T, want pairs", raw)
	}
	m := make(map[int]string, len(flat)/2)
	for i := 0; i < len(flat); i += 2 {
		index, ok1 := flat[i].(int64)
		text, ok2 := flat[i+1].(string)
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("limiter: script replied a pair of %T and %T", flat[i], flat[i+1])
		}
		m[int(index)-1] = text
	}
	return m, nil
}

func answers(raw any) ([]answer, error) {
	flat, ok := raw.([]any)
	if !ok || len(flat)%2 != 0 {
		return nil, fmt.Errorf("limiter: script replied %T, want pairs", raw)
	}
	out := make([]answer, 0, len(flat)/2)
	for i := 0; i < len(flat); i += 2 {
		code, ok1 := flat[i].(int64)
		time, ok2 := flat[i+1].(int64)
		if !ok1 || !ok2 {
			return nil, fmt.Errorf("limiter: script replied a pair of %T and %T", flat[i], flat[i+1])
		}
		out = append(out, answer{code, time})
	}
	return out, nil
}
