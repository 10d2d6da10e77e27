package producer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// wire is a connection on which commands are written before the replies to earlier
// ones are read. Redis executes the commands of a connection in order, so this keeps
// the order of the records. The client library dials, authenticates and selects the
// database; it can't have two pipelines in flight on one connection.
type wire struct {
	client  *redis.Client // owns conn and does not use it any more
	conn    net.Conn
	replies *bufio.Reader
	out     []byte // the commands of one batch
	ids     []byte // the IDs of one batch
}

const wireReplies = 32 << 10 // bytes of replies that are read at once

// dialWire connects to the server of a client.
func dialWire(ctx context.Context, node *redis.Client) (*wire, error) {
	w := &wire{}
	opts := *node.Options()
	dial := opts.Dialer
	opts.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		w.conn = conn
		return conn, err
	}
	opts.PoolSize, opts.PipelinePoolSize, opts.MinIdleConns, opts.MaxIdleConns = 1, -1, 0, 0
	opts.MaxRetries, opts.Protocol = -1, 2
	w.client = redis.NewClient(&opts)
	// A reply that is an error means that the server is there: perhaps this user may
	// not PING.
	if err := w.client.Ping(ctx).Err(); err != nil && !isRedisReply(err) || w.conn == nil {
		return nil, errors.Join(err, w.close())
	}
	w.replies = bufio.NewReaderSize(w.conn, wireReplies)
	return w, nil
}

func (w *wire) close() error { return w.client.Close() }

// begin starts a batch of commands.
func (w *wire) begin() { w.out = w.out[:0] }

// add appends an XADD to the batch.
func (w *wire) add(key string, m *Message) {
	n := 5
	for _, f := range m.extra() {
		if f.value != "" {
			n += 2
		}
	}
	w.out = appendHead(w.out, '*', n)
	w.out = appendBulk(appendBulk(appendBulk(w.out, "XADD"), key), "*")
	w.out = appendBulk(appendBulk(w.out, fieldData), m.Body)
	for _, f := range m.extra() {
		if f.value != "" {
			w.out = appendBulk(appendBulk(w.out, f.name), f.value)
		}
	}
}

// push appends an RPUSH of all messages to the batch.
func (w *wire) push(key string, messages []Message) {
	w.out = appendHead(w.out, '*', 2+len(messages))
	w.out = appendBulk(appendBulk(w.out, "RPUSH"), key)
	for _, m := range messages {
		w.out = appendBulk(w.out, m.Body)
	}
}

func appendHead(out []byte, kind byte, n int) []byte {
	out = strconv.AppendInt(append(out, kind), int64(n), 10)
	return append(out, '\r', '\n')
}

func appendBulk[T string | []byte](out []byte, text T) []byte {
	out = append(appendHead(out, '$', len(text)), text...)
	return append(out, '\r', '\n')
}

// flush writes the batch.
func (w *wire) flush() error {
	if err := w.conn.SetWriteDeadline(deadline(w.client.Options().WriteTimeout)); err != nil {
		return err
	}
	_, err := w.conn.Write(w.out)
	return err
}

// expect sets the time within which the replies to a batch must arrive.
func (w *wire) expect() error {
	w.ids = w.ids[:0]
	return w.conn.SetReadDeadline(deadline(w.client.Options().ReadTimeout))
}

// deadline returns the end of a timeout, or no deadline if there is no timeout.
func deadline(timeout time.Duration) time.Time {
	if timeout <= 0 {
		return time.Time{}
	}
	return time.Now().Add(timeout)
}

// maxReply limits the lines of replies, which are IDs, numbers and errors.
const maxReply = 4 << 10

// reply reads one reply and returns its text, or ok == false if Redis refuses the
// command. The text is valid until the next reply.
func (w *wire) reply() (text []byte, ok bool, err error) {
	line, err := w.line()
	if err != nil {
		return nil, false, err
	}
	switch line[0] {
	case ':':
		return line[1:], true, nil
	case '-':
		return nil, false, nil
	case '$':
		n, err := strconv.Atoi(string(line[1:]))
		if err != nil || n < 0 || n > maxReply {
			return nil, false, fmt.Errorf("unexpected reply %q", line)
		}
		text, err := w.line()
		if err == nil && len(text) != n {
			err = fmt.Errorf("unexpected reply %q", text)
		}
		return text, err == nil, err
	}
	return nil, false, fmt.Errorf("unexpected reply %q", line)
}

// line reads a line that is not empty, without its end.
func (w *wire) line() ([]byte, error) {
	line, err := w.replies.ReadSlice('\n')
	if err != nil {
		return nil, err
	}
	if len(line) < 3 || line[len(line)-2] != '\r' {
		return nil, fmt.Errorf("unexpected reply %q", line)
	}
	return line[:len(line)-2], nil
}
