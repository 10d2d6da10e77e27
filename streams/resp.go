package streams

import (
	"errors"
	"fmt"
	"math"
)

// resp walks through one reply as Redis sends it, in RESP2 or RESP3. What it
// returns are parts of the reply, not copies.
type resp struct{ rest []byte }

var (
	errEnds   = errors.New("it ends too early")
	errNumber = errors.New("a number is none")
)

// null is the number of elements or bytes of something that is not there.
const null = -1

// isErrorReply says that the server refused the command.
func isErrorReply(reply []byte) bool {
	return len(reply) > 0 && (reply[0] == '-' || reply[0] == '!')
}

// head reads the line that begins a value: its kind and the number of elements
// or bytes that follow, or null. RESP3 has a null of its own.
func (r *resp) head() (kind byte, n int, err error) {
	if len(r.rest) < 3 {
		return 0, 0, errEnds
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

// skip passes over n bytes and the end of line that follows.
func (r *resp) skip(n int) error {
	if len(r.rest) < n+2 {
		return errEnds
	}
	if r.rest[n] != '\r' || r.rest[n+1] != '\n' {
		return errors.New("a line does not end where it should")
	}
	r.rest = r.rest[n+2:]
	return nil
}

// text reads a string. Appending to it does not touch what comes after it.
func (r *resp) text() ([]byte, error) {
	kind, n, err := r.head()
	if err != nil {
		return nil, err
	}
	if kind != '$' || n == null {
		return nil, fmt.Errorf("there is a %q where a string should be", kind)
	}
	s := r.rest
	if err := r.skip(n); err != nil {
		return nil, err
	}
	return s[:n:n], nil
}

// list begins an array and returns its length, or null. A map counts as an
// array of its keys and values in turn.
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
	return 0, fmt.Errorf("there is a %q where a list should be", kind)
}

// pair begins an array of two.
func (r *resp) pair() error {
	n, err := r.list()
	if err == nil && n != 2 {
		err = fmt.Errorf("a list of %d where a pair should be", n)
	}
	return err
}

// end says what is wrong if something is left.
func (r *resp) end() error {
	if len(r.rest) > 0 {
		return fmt.Errorf("%d bytes are left over", len(r.rest))
	}
	return nil
}
