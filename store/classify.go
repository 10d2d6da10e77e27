package store

import (
	"context"
	"errors"
	"io"
	"net"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/auth"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

// Class is what an error means for an idempotent, unordered insert, and so what is
// done about it. It is decided in this file only. Codes are those of MongoDB's
// error_codes.yml; no decision depends on the text of an error.
type Class uint8

// The classes of errors that concern a whole command.
const (
	// Transient: network, election or shutdown. The command may have been applied; it
	// is repeated.
	Transient Class = iota + 1
	// TimedOut: as Transient, but repeated with a longer timeout and fewer documents.
	TimedOut
	// NotSent: no server or no connection is available. Nothing was sent.
	NotSent
	// LoginFailed: the server failed to authenticate the client for a reason that is
	// not the client's. Nothing was sent.
	LoginFailed
	// Overloaded: the server asks clients to slow down.
	Overloaded
	// DiskTrouble: the server cannot write at present. Repeated; Loud.
	DiskTrouble
	// NotDurable: applied, but not confirmed by a majority with journaling. Nothing may
	// be acknowledged; the command is repeated.
	NotDurable
	// Unsatisfiable: as NotDurable, since the replica set cannot satisfy the write
	// concern. Loud.
	Unsatisfiable
	// Operator: authentication or authorization. Repeated until an operator acts; a
	// record is never the cause. Loud.
	Operator
	// Configuration: no retry can help; the call fails. Loud.
	Configuration
	// UnknownCode: a code of unknown meaning, presumed to be transient. After some
	// tries the batch is bisected to find out whether a record is the cause; see
	// unknowncode.go.
	UnknownCode
	// TooLarge: one record makes the whole command fail. The batch is bisected at once,
	// and the record that fails alone is rejected.
	TooLarge
	// Canceled: the caller's context ended. The command may have been applied.
	Canceled
)

// The classes of errors that concern one document.
const (
	// Duplicate: a document with this _id exists.
	Duplicate = Canceled + 1 + iota
	// OtherIndex: a unique index other than that of _id refuses the document.
	OtherIndex
	// UnknownIndex: a unique index refuses the document; a lookup shows whether it is
	// that of _id.
	UnknownIndex
	// Rejected: MongoDB permanently rejects the document.
	Rejected
)

var classNames = [...]string{
	Transient: "transient", TimedOut: "timed_out", NotSent: "not_sent", LoginFailed: "login_failed", Overloaded: "overloaded",
	DiskTrouble: "disk_trouble", NotDurable: "not_durable", Unsatisfiable: "unsatisfiable",
	Operator: "operator", Configuration: "configuration", UnknownCode: "unknown_code",
	TooLarge: "too_large", Canceled: "canceled", Duplicate: "duplicate",
	OtherIndex: "other_index", UnknownIndex: "unknown_index", Rejected: "rejected",
}

// String returns the class's name, for logs and metrics.
func (c Class) String() string {
	if c == 0 || int(c) >= len(classNames) {
		return "none"
	}
	return classNames[c]
}

// RetryClasses returns the classes with which an Observer may be told to wait.
func RetryClasses() []Class {
	return []Class{
		Transient, TimedOut, NotSent, LoginFailed, Overloaded, DiskTrouble, NotDurable, Unsatisfiable, Operator,
		Configuration, UnknownCode, TooLarge, Canceled,
	}
}

// Loud reports that an operator probably has to act.
func (c Class) Loud() bool {
	switch c {
	case DiskTrouble, Unsatisfiable, Operator, Configuration:
		return true
	}
	return false
}

// mayBeApplied reports whether the failed command may have inserted documents.
func (c Class) mayBeApplied() bool {
	switch c {
	case NotSent, LoginFailed, Operator, Configuration, TooLarge:
		return false
	}
	return true
}

// verdict is the class of an error and the server's code, 0 if there is none.
type verdict struct {
	class Class
	code  int32
}

// classifyCommand classifies the error of a command whose reply, if any, has neither
// writeErrors nor a writeConcernError. It checks in this order: authentication,
// nothing sent, timeout, network, the server's code.
func classifyCommand(err error) verdict {
	var command mongo.CommandError
	isCommand := errors.As(err, &command)
	login := failedLogin(err)
	switch {
	case login != nil:
		return classifyLogin(login)
	case nothingSent(err):
		return verdict{class: NotSent}
	case errors.Is(err, context.Canceled):
		return verdict{class: Canceled}
	case isTimeout(err):
		return verdict{class: TimedOut, code: command.Code}
	case isNetwork(err):
		return verdict{class: Transient}
	case isCommand:
		return verdict{class: classifyCode(command.Code, command.HasErrorLabel), code: command.Code}
	}
	return verdict{class: classifyLocal(err)}
}

// classifyCode classifies the top-level code of a reply that is not ok. A code of
// known meaning takes precedence over labels.
func classifyCode(code int32, hasLabel func(string) bool) Class {
	class, known := classOf[code]
	switch {
	case known:
		return class
	case hasLabel(driver.RetryableWriteError):
		return Transient
	case hasLabel(driver.ErrSystemOverloadedError), hasLabel(driver.ErrRetryableError):
		return Overloaded
	}
	return UnknownCode
}

// classifyWriteConcern classifies a writeConcernError. Whatever its code, the writes
// were applied and are not durable.
func classifyWriteConcern(code int32) Class {
	switch code {
	case 79, 100: // UnknownReplWriteConcern, UnsatisfiableWriteConcern
		return Unsatisfiable
	}
	return NotDurable
}

// classifyDocument classifies one of a reply's writeErrors. keyPattern is that of the
// unique index at fault, nil if the server sent none.
func classifyDocument(code int32, keyPattern bson.Raw) Class {
	if badDocument[code] {
		return Rejected
	}
	switch class := classifyCode(code, noLabel); class {
	case UnknownIndex:
		return classifyDuplicate(keyPattern)
	case TooLarge:
		return Rejected
	default:
		return class
	}
}

func noLabel(string) bool { return false }

// classifyLookup classifies the error of a command without documents: no record can
// be the cause, and there is nothing to bisect.
func classifyLookup(err error) verdict {
	v := classifyCommand(err)
	if v.class == TooLarge || v.class == UnknownIndex {
		v.class = UnknownCode
	}
	return v
}

func classifyDuplicate(keyPattern bson.Raw) Class {
	elements, err := keyPattern.Elements()
	switch {
	case err != nil || len(elements) == 0:
		return UnknownIndex
	case len(elements) == 1 && elements[0].Key() == "_id":
		return Duplicate
	}
	return OtherIndex
}

// failedLogin returns the authentication error in err, nil if there is none. After a
// failed login the driver drops the server, and the next commands fail to select one:
// their error has the login's as a server's last error.
func failedLogin(err error) *auth.Error {
	var login *auth.Error
	if errors.As(err, &login) {
		return login
	}
	var selection topology.ServerSelectionError
	if errors.As(err, &selection) {
		for _, server := range selection.Desc.Servers {
			if errors.As(server.LastError, &login) {
				return login
			}
		}
	}
	return nil
}

// classifyLogin classifies an authentication error. Only codes about user, password,
// mechanism or rights need an operator; anything else is transient.
func classifyLogin(login *auth.Error) verdict {
	cause := login.Unwrap()
	var reply driver.Error
	errors.As(cause, &reply)
	switch {
	case errors.Is(cause, context.Canceled):
		return verdict{class: Canceled}
	case cause != nil && (isTimeout(cause) || isNetwork(cause)):
		return verdict{class: NotSent}
	}
	switch class := classifyCode(reply.Code, reply.HasErrorLabel); class {
	case Transient, TimedOut, Overloaded, DiskTrouble, Operator:
		return verdict{class: class, code: reply.Code}
	}
	return verdict{class: LoginFailed, code: reply.Code}
}

// classifyLocal classifies an error that no server sent.
func classifyLocal(err error) Class {
	var marshal mongo.MarshalError
	switch {
	case errors.As(err, &marshal), errors.Is(err, driver.ErrDocumentTooLarge):
		return TooLarge
	case errors.Is(err, driver.ErrUnsupportedStorageEngine), errors.Is(err, mongo.ErrClientDisconnected):
		return Configuration
	}
	return UnknownCode
}

func nothingSent(err error) bool {
	var selection topology.ServerSelectionError
	var queue topology.WaitQueueTimeoutError
	var operation *net.OpError
	if errors.As(err, &operation) && operation.Op == "dial" {
		return true
	}
	return errors.As(err, &selection) || errors.As(err, &queue) || errors.Is(err, driver.ErrDeadlineWouldBeExceeded)
}

func isTimeout(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || mongo.IsTimeout(err)
}

// isNetwork includes the error of a pool that another command's network error cleared,
// which has no label.
func isNetwork(err error) bool {
	var reply driver.Error
	if errors.As(err, &reply) && reply.NetworkError() {
		return true
	}
	var connection topology.ConnectionError
	var netErr net.Error
	var pool driver.RetryablePoolError
	return mongo.IsNetworkError(err) || errors.As(err, &connection) || errors.As(err, &netErr) ||
		errors.As(err, &pool) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// classOf is the class of a code, wherever it occurs: at the top of a reply or against
// one document, which a shard or an index in trouble refuses while others are
// inserted. It holds all codes in error_codes.yml of a transient category (network,
// interruption, not primary, shutdown, stale routing, snapshot, retriable, overload,
// exceeded time limit), and those that occur in such a state though in no such
// category. Other codes have no known meaning.
var classOf = byCode(map[Class][]int32{
	// MaxTimeMSExpired, NetworkInterfaceExceededTimeLimit, ExceededTimeLimit,
	// TransactionExceededLifetimeLimitSeconds, no pooled connection in time
	TimedOut: {50, 202, 262, 290, 407},
	Transient: {
		// Network and names: hosts, resolvers, pools, sockets.
		6, 7, 71, 74, 83, 89, 145, 149, 172, 199, 230, 231, 279, 288, 303, 317, 354, 382, 384, 398, 9001, 56846,
		// Shutdown, step-down, election, start-up.
		90, 91, 94, 95, 109, 189, 216, 281, 310, 312, 333, 372, 10058, 10107, 11600, 11602, 13435, 13436,
		// Stale routing, migrations, resharding, draining shards.
		63, 70, 117, 150, 194, 200, 203, 221, 249, 250, 272, 306, 319, 338, 342, 343, 360, 379, 406, 412, 414, 445, 453, 4293, 9996, 13388,
		// Interruption, snapshots, transactions inside the server.
		107, 134, 175, 187, 215, 225, 237, 239, 245, 246, 251, 259, 267, 276, 282, 285, 287, 289, 308, 311, 314, 355,
		356, 358, 363, 365, 374, 375, 381, 383, 391, 404, 410, 12586, 12587, 46841, 50915, 91331, 10045600,
	},
	// ResourceExhausted, queues and rate limits, Cosmos DB's request rate
	Overloaded: {402, 433, 449, 450, 462, 16500},
	// Locks, write conflicts, files, disk, memory, blocked writes
	DiskTrouble: {24, 37, 38, 39, 42, 46, 112, 133, 146, 176, 208, 264, 301, 371, 388, 11601, 14031},
	NotDurable:  {64, 75},
	// UnknownReplWriteConcern, UnsatisfiableWriteConcern
	Unsatisfiable: {79, 100},
	// UserNotFound, Unauthorized, AuthenticationFailed, MechanismUnavailable, Atlas's own
	Operator: {11, 13, 18, 334, 8000},
	// IllegalOperation ("Transaction numbers …"), NamespaceNotFound,
	// CommandNotFound, InvalidOptions, InvalidNamespace
	Configuration: {20, 26, 59, 72, 73},
	// DuplicateKey and its old forms; old servers send them for a whole command
	UnknownIndex: {11000, 11001, 12582},
	// BSONObjectTooLarge, Overflow, the update system's sizes
	TooLarge: {15, 10334, 17419, 17420},
})

func byCode(codes map[Class][]int32) map[int32]Class {
	classes := map[int32]Class{}
	for class, list := range codes {
		for _, code := range list {
			classes[code] = class
		}
	}
	return classes
}

// badDocument lists the codes that, as the error of one document, mean that it is
// invalid: BadValue, FailedToParse, TypeMismatch, InvalidBSON, invalid field names and
// _ids, DocumentValidationFailure, a key that cannot be indexed, NonConformantBSON.
var badDocument = map[int32]bool{
	2: true, 9: true, 14: true, 22: true, 52: true, 53: true, 54: true, 55: true, 56: true, 57: true,
	116: true, 121: true, 171: true, 357: true, 378: true, 17280: true,
}
