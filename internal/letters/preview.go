package letters

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Through bounds a change: by partition, the ID of the last letter that its preview has
// matched, "" where it has matched none.
type Through []string

// Preview is what a change would do.
type Preview struct {
	Matched        int64
	Bytes          int64 // of their bodies
	Events         map[string]int64
	Oldest, Newest time.Time // when they were written; zero if none matched
	Through        Through
}

// Preview counts the letters that match, at most limit of them unless it is 0. through
// bounds them; nil stands for those that exist now.
func (q *Queue) Preview(ctx context.Context, f *Filter, limit int64, through Through) (*Preview, error) {
	p := &Preview{Events: map[string]int64{}, Through: make(Through, len(q.parts))}
	for l, err := range q.Selected(ctx, f, through, false) {
		if err != nil {
			return nil, err
		}
		if limit > 0 && p.Matched == limit {
			break
		}
		p.note(&l)
	}
	return p, nil
}

func (p *Preview) note(l *Letter) {
	p.Matched++
	p.Bytes += int64(len(l.Data))
	p.Events[l.Event]++
	p.Through[l.Partition] = l.ID
	written := l.Written()
	if p.Oldest.IsZero() || written.Before(p.Oldest) {
		p.Oldest = written
	}
	if written.After(p.Newest) {
		p.Newest = written
	}
}

// Token returns a text that binds a later change to what this preview has seen: the last
// letter of each partition, the filter and the action. It is "" if nothing matched.
func (q *Queue) Token(action string, f *Filter, through Through) string {
	var ids []string
	for p, id := range through {
		if id != "" {
			ids = append(ids, q.prefix(p)+id)
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return strings.Join(ids, ",") + "~" + f.sum(action)
}

// ErrOtherFilter means that a token is of a preview with another filter, or of another
// action.
var ErrOtherFilter = errors.New("it was printed for another filter or another action: give the same flags as there")

// ParseToken is the inverse of Token.
func (q *Queue) ParseToken(token, action string, f *Filter) (Through, error) {
	ids, sum, _ := strings.Cut(token, "~")
	through := make(Through, len(q.parts))
	for name := range strings.SplitSeq(ids, ",") {
		p, id, err := q.Parse(name)
		if err != nil || len(sum) != 8 || through[p] != "" {
			return nil, fmt.Errorf("%q is not what --dry-run prints, such as 1795477478417-0~5f3a9c1b", token)
		}
		through[p] = id
	}
	if sum != f.sum(action) {
		return nil, ErrOtherFilter
	}
	return through, nil
}
