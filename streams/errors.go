package streams

import (
	"errors"
	"fmt"
	"strings"
)

// wrap adds context to an error; nil stays nil.
func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}

// require returns an error with the text of the fault unless a condition holds.
func require(holds bool, fault string) error {
	if holds {
		return nil
	}
	return errors.New(fault)
}

// isNoGroup reports whether err means that the stream or its group is gone; a
// blocked reader receives UNBLOCKED. It matches the code anywhere in the
// text because embedded servers prefix the errors of a script's commands.
func isNoGroup(err error) bool {
	if err == nil {
		return false
	}
	text := err.Error()
	return strings.Contains(text, "NOGROUP") || strings.Contains(text, "no such key") || strings.Contains(text, "UNBLOCKED the stream key")
}

// answer is an error reply that the client library has not seen. It is a redis.Error.
type answer string

func (a answer) Error() string { return string(a) }

// RedisError marks an error reply.
func (answer) RedisError() {}

// replyError is the error in an error reply.
func replyError(reply []byte) error { return answer(strings.TrimSpace(string(reply[1:]))) }
