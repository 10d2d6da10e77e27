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
	return mongo.CommandError{Code: code, Labels: labels, Message: "server text"}
}

func network(err error) error {
	return mongo.CommandError{Labels: []string{"NetworkError"}, Message: "server text", Wrapped: err}
}

func TestClassifyCommand(t *testing.T) {
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
		{"no free connection", topology.WaitQueueTimeoutError{Wrapped: context.DeadlineExceeded}, NotSent},
		{"too late to send", fmt.Errorf("x: %w", driver.ErrDeadlineWouldBeExceeded), NotSent},
		{"canceled", network(context.Canceled), Canceled},
		{"retryable label", command(4711, "RetryableWriteError"), Transient},
		{"overload labels", command(462, "SystemOverloadedError", "RetryableError"), Overloaded},
		{"a known code takes precedence over a label", command(13, "RetryableWriteError"), Operator},
		{"wrong password", handshake(driver.Error{Code: 18}), Operator},
		{"wrong password, as the driver returns it", mongo.CommandError{Code: 18, Wrapped: handshake(driver.Error{Code: 18})}, Operator},
		{"no server after a wrong password", after(authError(t, driver.Error{Code: 18})), Operator},
		{"no server after a login whose connection closed", after(authError(t, io.EOF)), NotSent},
		{"no server after a refused connection", after(refused), NotSent},
		{"Atlas", handshake(driver.Error{Code: 8000}), Operator},
		{"the client rejects the server's proof", handshake(errors.New("server text")), LoginFailed},
		{"the server fails to authenticate", handshake(driver.Error{Code: 1}), LoginFailed},
		{"no such user", handshake(driver.Error{Code: 11}), Operator},
		{"no such mechanism", handshake(driver.Error{Code: 334}), Operator},
		{"connection closed during the handshake", handshake(io.EOF), NotSent},
		{"timeout during the handshake", handshake(context.DeadlineExceeded), NotSent},
		{"shutdown during the handshake", mongo.CommandError{Code: 91, Wrapped: handshake(driver.Error{Code: 91})}, Transient},
		{"no retryable writes", driver.ErrUnsupportedStorageEngine, Configuration},
		{"client closed", mongo.ErrClientDisconnected, Configuration},
		{"marshal", mongo.MarshalError{Err: errors.New("server text")}, TooLarge},
		{"too large", driver.ErrDocumentTooLarge, TooLarge},
		{"unknown", errors.New("server text"), UnknownCode},
		{"no code", command(0), UnknownCode},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			v := classifyCommand(tc.err)
			if v.class != tc.want {
				t.Errorf("%v, want %v", v.class, tc.want)
			}
			if text := newError(v, tc.err, 0).Error(); strings.Contains(text, "server text") {
				t.Errorf("the error contains text from the server: %s", text)
			}
		})
	}
}

// clearedPool stands for the driver's error of a pool that another command's network
// error cleared; its own type is not exported.
type clearedPool struct{}

func (clearedPool) Error() string   { return "server text" }
func (clearedPool) Retryable() bool { return true }

// authError makes an *auth.Error, which has no exported constructor, by a login that
// fails with inner.
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
		{121, nil, Rejected}, {2, nil, Rejected}, {9, nil, Rejected}, {14, nil, Rejected}, {22, nil, Rejected},
		{52, nil, Rejected}, {57, nil, Rejected}, {10334, nil, Rejected}, {15, nil, Rejected},
		{91, nil, Transient}, {50, nil, TimedOut}, {13, nil, Operator}, {20, nil, Configuration}, {14031, nil, DiskTrouble},
		{1, nil, UnknownCode}, {8, nil, UnknownCode}, {0, nil, UnknownCode}, {58, nil, UnknownCode},
	}
	for _, tc := range tests {
		if got := classifyDocument(tc.code, tc.pattern); got != tc.want {
			t.Errorf("code %d, %v: %v, want %v", tc.code, tc.pattern, got, tc.want)
		}
	}
}

func TestEveryClassHasANameAndASentence(t *testing.T) {
	seen := map[string]bool{}
	for c := Transient; c <= Rejected; c++ {
		if name := c.String(); name == "" || name == "none" || seen[name] {
			t.Errorf("class %d is named %q", c, name)
		} else {
			seen[name] = true
		}
		if text := newError(verdict{class: c}, nil, 0).Error(); text == "" || strings.Contains(text, "MONGO_") {
			t.Errorf("%v is described as %q", c, text)
		}
	}
	if Class(0).String() != "none" || Class(200).String() != "none" {
		t.Error("an invalid class has a name")
	}
}

// TestTransientCodesAreKnown has a code of each transient category of error_codes.yml
// that needs no label: none may count as evidence against a document.
func TestTransientCodesAreKnown(t *testing.T) {
	for code, name := range map[int32]string{
		6: "HostUnreachable", 24: "LockTimeout", 50: "MaxTimeMSExpired", 70: "ShardNotFound", 91: "ShutdownInProgress",
		112: "WriteConflict", 150: "StaleEpoch", 202: "NetworkInterfaceExceededTimeLimit", 262: "ExceededTimeLimit",
		279: "ClientDisconnect", 290: "TransactionExceededLifetimeLimitSeconds", 310: "PeriodicJobIsStopped",
		317: "ConnectionPoolExpired", 355: "InterruptedDueToStorageChange", 365: "TemporarilyUnavailable",
		402: "ResourceExhausted", 433: "AdmissionQueueOverflow", 4293: "", 10107: "NotWritablePrimary", 11601: "Interrupted",
		13388: "StaleConfig", 16500: "RequestRateTooLarge",
	} {
		switch class := classifyDocument(code, nil); class {
		case Transient, TimedOut, Overloaded, DiskTrouble:
		default:
			t.Errorf("%d %s is %v", code, name, class)
		}
	}
}
