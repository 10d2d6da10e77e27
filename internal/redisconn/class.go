package redisconn

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"

	"github.com/redis/go-redis/v9"
)

// The classes of errors that are not known by the first word of Redis' answer.
const (
	classTimeout    = "timeout"    // no answer in time
	classConnection = "connection" // not connected, or the connection broke
	classDenied     = "denied"     // login, certificate or permissions: see Fault
	classAnswer     = "answer"     // another answer of Redis
	classOther      = "other"
)

// answers are the classes of Redis' answers by their first word.
var answers = []struct{ word, class string }{
	{"OOM", "out_of_memory"},
	{"LOADING", "loading"},
	{"READONLY", "read_only"},
	{"MASTERDOWN", "no_master"},
	{"NOREPLICAS", "no_replicas"},
	{"MISCONF", "disk"},
	{"BUSY", "busy"}, // a script is running; also BUSYKEY and BUSYGROUP
	{"NOGROUP", "no_group"},
	{"WRONGTYPE", "wrong_type"},
	{"MOVED", "cluster"},
	{"ASK", "cluster"},
	{"TRYAGAIN", "cluster"},
	{"CLUSTERDOWN", "cluster"},
	{"NOPERM", classDenied}, // Fault misses it where the library has not seen the answer
}

// Classes returns all that Class may return.
func Classes() []string {
	classes := []string{classTimeout, classConnection, classDenied, classAnswer, classOther}
	for _, a := range answers {
		classes = append(classes, a.class)
	}
	slices.Sort(classes)
	return slices.Compact(classes)
}

// Class returns the kind of an error, as a label for metrics and traces.
func Class(err error) string {
	if IsReply(err) {
		return answerClass(err)
	}
	if Fault(err) != "" {
		return classDenied
	}
	var network net.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, redis.ErrPoolTimeout), errors.As(err, &network) && network.Timeout():
		return classTimeout
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return classConnection
	default:
		return classOther
	}
}

func answerClass(err error) string {
	if Fault(err) != "" {
		return classDenied
	}
	for _, a := range answers {
		if redis.HasErrorPrefix(err, a.word) {
			return a.class
		}
	}
	return classAnswer
}
