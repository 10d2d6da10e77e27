package streams

import (
	"errors"
	"fmt"
	"math"

	"ingestion/internal/plural"
)

// resp parses one reply in the wire format of Redis, RESP2 or RESP3. What it
// returns shares the memory of the reply.
type resp struct{ rest []byte }

var (
	errShort  = errors.New("unexpected end")
	errNumber = errors.New("invalid number")
	errLine   = errors.New("a line does not end with CRLF")
)

// null is the length of a null string or array.
const null = -1

// isErrorReply reports whether the server refused the command.
func isErrorReply(reply []byte) bool {
	return len(reply) > 0 && (reply[0] == '-' || reply[0] == '!')
}

// head reads the line that begins a value: its kind and its length, or null.
// RESP3 has a null of its own.
func (r *resp) head() (kind byte, n int, err error) {
	if len(r.rest) < 3 {
		return 0, 0, errShort
	}
	kind = r.rest[0]
	if kind == '_' {
		return kind, null, r.skip(1)
	}
	if r.rest[1] == '-' {
		if r.rest[2] != '1' {
			return 0, 0, errNumber
		}
		return kind, null, r.skip(3)
	}
	at := 1
	for ; at < len(r.rest) && '0' <= r.rest[at] && r.rest[at] <= '9'; at++ {
		n = 10*n + int(r.rest[at]-'0')
		if n > math.MaxInt32 {
			return 0, 0, errNumber
		}
	}
	if at == 1 {
		return 0, 0, errNumber
	}
	return kind, n, r.skip(at)
}

// skip passes over n bytes and the CRLF after them.
func (r *resp) skip(n int) error {
	if len(r.rest) < n+2 {
		return errShort
	}
	if r.rest[n] != '\r' || r.rest[n+1] != '\n' {
		return errLine
	}
	r.rest = r.rest[n+2:]
	return nil
}

// text reads a string. Its capacity is its length, so appending to it leaves the
// rest of the reply alone.
func (r *resp) text() ([]byte, error) {
	kind, n, err := r.head()
	if err != nil {
		return nil, err
	}
	if kind != '$' || n == null {
		return nil, fmt.Errorf("%q instead of a string", kind)
	}
	s := r.rest
	if err := r.skip(n); err != nil {
		return nil, err
	}
	return s[:n:n], nil
}

// list begins an array and returns its length, or null. A map counts as an array
// of alternating keys and values.
func (r *resp) list() (int, error) {
	kind, n, err := r.head()
	switch {
	case err != nil:
		return 0, err
	case n == null && (kind == '*' || kind == '_' || kind == '$'):
		return null, nil
	case kind == '*':
		return n, nil
	case kind == '%' && n != null:
		return 2 * n, nil
	}
	return 0, fmt.Errorf("%q instead of an array", kind)
}

// pair begins an array of two.
func (r *resp) pair() error {
	n, err := r.list()
	if err == nil && n != 2 {
		err = fmt.Errorf("an array of %d instead of a pair", n)
	}
	return err
}

// end returns an error unless the reply was read completely.
func (r *resp) end() error {
	if len(r.rest) > 0 {
		return fmt.Errorf("%s too many", plural.Of(len(r.rest), "byte", "bytes"))
	}
	return nil
}
