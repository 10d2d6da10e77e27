package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/auth"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

func command(code int32, labels ...string) error {
	return mongo.CommandError{Code: code, Labels: labels, Message: "told"}
}

func network(err error) error {
	return mongo.CommandError{Labels: []string{"NetworkError"}, Message: "told", Wrapped: err}
}

func TestClassifyCall(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	handshake := func(inner error) error {
		return topology.ConnectionError{Wrapped: fmt.Errorf("handshake: %w", authError(t, inner))}
	}
	after := func(last error) error {
		return topology.ServerSelectionError{Wrapped: context.DeadlineExceeded, Desc: description.Topology{Servers: []description.Server{{LastError: last}}}}
	}
	selection := topology.ServerSelectionError{Wrapped: context.DeadlineExceeded, Desc: description.Topology{}}
	tests := []struct {
		name string
		err  error
		want Class
	}{
		{"reset", network(topology.ConnectionError{Wrapped: syscall.ECONNRESET}), Transient},
		{"end of file", network(io.EOF), Transient},
		{"refused", network(topology.ConnectionError{Wrapped: refused}), NotSent},
		{"pool cleared", mongo.CommandError{Labels: []string{"TransientTransactionError"}, Wrapped: clearedPool{}}, Transient},
		{"deadline", network(context.DeadlineExceeded), TimedOut},
		{"deadline in the chain", fmt.Errorf("x: %w", context.DeadlineExceeded), TimedOut},
		{"no server", selection, NotSent},
		{"no connection free", topology.WaitQueueTimeoutError{Wrapped: context.DeadlineExceeded}, NotSent},
		{"too late to send", fmt.Errorf("x: %w", driver.ErrDeadlineWouldBeExceeded), NotSent},
		{"cancelled", network(context.Canceled), Cancelled},
		{"retryable label", command(4711, "RetryableWriteError"), Transient},
		{"overload labels", command(462, "SystemOverloadedError", "RetryableError"), Overloaded},
		{"a known code outweighs a label", command(13, "RetryableWriteError"), Operator},
		{"wrong password", handshake(driver.Error{Code: 18}), Operator},
		{"wrong password, as the driver hands it on", mongo.CommandError{Code: 18, Wrapped: handshake(driver.Error{Code: 18})}, Operator},
		{"no server after a wrong password", after(authError(t, driver.Error{Code: 18})), Operator},
		{"no server after a broken login", after(authError(t, io.EOF)), NotSent},
		{"no server after a refused connection", after(refused), NotSent},
		{"Atlas", handshake(driver.Error{Code: 8000}), Operator},
		{"the client finds the server's proof wrong", handshake(errors.New("told")), LoginFailed},
		{"the server fails at logging in", handshake(driver.Error{Code: 1}), LoginFailed},
		{"no such user", handshake(driver.Error{Code: 11}), Operator},
		{"no such mechanism", handshake(driver.Error{Code: 334}), Operator},
		{"connection broken amid the handshake", handshake(io.EOF), NotSent},
		{"time-out amid the handshake", handshake(context.DeadlineExceeded), NotSent},
		{"shutdown amid the handshake", mongo.CommandError{Code: 91, Wrapped: handshake(driver.Error{Code: 91})}, Transient},
		{"no retryable writes", driver.ErrUnsupportedStorageEngine, Configuration},
		{"client closed", mongo.ErrClientDisconnected, Configuration},
		{"marshal", mongo.MarshalError{Err: errors.New("told")}, TooLarge},
		{"too large", driver.ErrDocumentTooLarge, TooLarge},
		{"unknown", errors.New("told"), Presumed},
		{"no code", command(0), Presumed},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			v := classifyCall(tc.err)
			if v.class != tc.want {
				t.Errorf("%v, want %v", v.class, tc.want)
			}
			if text := newError(v, tc.err, 0).Error(); strings.Contains(text, "told") {
				t.Errorf("the server's words are in: %s", text)
			}
		})
	}
}

// clearedPool is what the driver says when somebody else's network error
// emptied the pool; its own type is not exported.
type clearedPool struct{}

func (clearedPool) Error() string   { return "told" }
func (clearedPool) Retryable() bool { return true }

// authError makes an *auth.Error, which has no exported constructor, by letting
// a login begin with inner.
func authError(t *testing.T, inner error) error {
	t.Helper()
	err := auth.ConductSaslConversation(context.Background(), nil, "admin", failingLogin{inner})
	var target *auth.Error
	if !errors.As(err, &target) {
		t.Fatalf("%T is no *auth.Error", err)
	}
	return err
}

type failingLogin struct{ err error }

func (l failingLogin) Start() (string, []byte, error)               { return "PLAIN", nil, l.err }
func (l failingLogin) Next(context.Context, []byte) ([]byte, error) { return nil, l.err }
func (l failingLogin) Completed() bool                              { return false }

func TestClassifyWriteConcern(t *testing.T) {
	for code, want := range map[int32]Class{64: NotDurable, 91: NotDurable, 0: NotDurable, 11000: NotDurable, 79: Unsatisfiable, 100: Unsatisfiable} {
		if got := classifyWriteConcern(code); got != want {
			t.Errorf("code %d: %v, want %v", code, got, want)
		}
	}
}

func TestClassifyDocument(t *testing.T) {
	pattern := func(fields ...string) bson.Raw {
		d := bson.D{}
		for _, f := range fields {
			d = append(d, bson.E{Key: f, Value: 1})
		}
		raw, err := bson.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	tests := []struct {
		code    int32
		pattern bson.Raw
		want    Class
	}{
		{11000, pattern("_id"), Duplicate}, {11001, pattern("_id"), Duplicate}, {12582, pattern("_id"), Duplicate},
		{11000, pattern("email"), OtherIndex}, {11000, pattern("_id", "email"), OtherIndex},
		{11000, nil, UnknownIndex}, {11000, pattern(), UnknownIndex},
		{121, nil, Refused}, {2, nil, Refused}, {9, nil, Refused}, {14, nil, Refused}, {22, nil, Refused},
		{52, nil, Refused}, {57, nil, Refused}, {10334, nil, Refused}, {15, nil, Refused},
		{91, nil, Transient}, {50, nil, TimedOut}, {13, nil, Operator}, {20, nil, Configuration}, {14031, nil, DiskTrouble},
		{1, nil, Presumed}, {8, nil, Presumed}, {0, nil, Presumed}, {58, nil, Presumed},
	}
	for _, tc := range tests {
		if got := classifyDocument(tc.code, tc.pattern); got != tc.want {
			t.Errorf("code %d, %v: %v, want %v", tc.code, tc.pattern, got, tc.want)
		}
	}
}

func TestEveryClassHasANameAndASentence(t *testing.T) {
	seen := map[string]bool{}
	for c := Transient; c <= Refused; c++ {
		if name := c.String(); name == "" || name == "none" || seen[name] {
			t.Errorf("class %d is called %q", c, name)
		} else {
			seen[name] = true
		}
		if newError(verdict{class: c}, nil, 0).Error() == "" {
			t.Errorf("%v has no sentence", c)
		}
	}
	if Class(0).String() != "none" || Class(200).String() != "none" {
		t.Error("what is no class has a name")
	}
}
