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

// Class is what an error means for an idempotent, unordered insert, and so what
// is done about it. This file is the only place that decides it. Codes are
// those of MongoDB's error_codes.yml; no decision rests on an error's text.
type Class uint8

// The classes. The first group concerns a whole call, the second one document.
const (
	// Transient: network, election, shutdown. The call may have been applied; it
	// is repeated as it was.
	Transient Class = iota + 1
	// TimedOut: like Transient, but repeated with more time and fewer documents.
	TimedOut
	// NotSent: no server to be had, or no connection. Nothing was sent.
	NotSent
	// LoginFailed: the server could not log the service in, for a reason of its own.
	// Nothing was sent.
	LoginFailed
	// Overloaded: the server asks for patience.
	Overloaded
	// DiskTrouble: the server can't write for the time being. Repeated, loudly.
	DiskTrouble
	// NotDurable: applied, but not on a majority and in its journal. Nothing may
	// be acknowledged; all of it is repeated.
	NotDurable
	// Unsatisfiable: like NotDurable, because the replica set is set up so that
	// the write concern can't be met. Loud.
	Unsatisfiable
	// Operator: authentication or authorisation. Repeated until somebody mends
	// it; a record is never to blame. Loud.
	Operator
	// Configuration: waiting can't help; the call is given up with an error.
	Configuration
	// Presumed: of unknown meaning, presumed to be transient. After some tries
	// the batch is bisected to see whether a record is to blame; see suspect.go.
	Presumed
	// TooLarge: one record makes the whole call fail. Bisected at once, and the
	// record that fails alone is rejected.
	TooLarge
	// Cancelled: the caller's context ended. Whether the call was applied is
	// unknown; nothing is concluded.
	Cancelled

	// Duplicate: a document with this _id is there.
	Duplicate
	// OtherIndex: a unique index other than that of _id refuses the document.
	OtherIndex
	// UnknownIndex: some unique index refuses the document; whether it is that of
	// _id has to be looked up.
	UnknownIndex
	// Refused: the document is refused for good.
	Refused
)

var classNames = [...]string{
	Transient: "transient", TimedOut: "timed_out", NotSent: "not_sent", LoginFailed: "login_failed", Overloaded: "overloaded",
	DiskTrouble: "disk_trouble", NotDurable: "not_durable", Unsatisfiable: "unsatisfiable",
	Operator: "operator", Configuration: "configuration", Presumed: "presumed_transient",
	TooLarge: "too_large", Cancelled: "cancelled", Duplicate: "duplicate",
	OtherIndex: "other_index", UnknownIndex: "unknown_index", Refused: "refused",
}

// String is the class's fixed name, for logs and metrics.
func (c Class) String() string {
	if c == 0 || int(c) >= len(classNames) {
		return "none"
	}
	return classNames[c]
}

// Loud says that somebody has to act: time alone will hardly mend it.
func (c Class) Loud() bool {
	switch c {
	case DiskTrouble, Unsatisfiable, Operator, Configuration:
		return true
	}
	return false
}

// mayBeApplied says that documents of the failed call may be in the collection.
func (c Class) mayBeApplied() bool {
	switch c {
	case NotSent, LoginFailed, Operator, Configuration, TooLarge:
		return false
	}
	return true
}

// verdict is the class of an error, with the server's code where it gave one.
type verdict struct {
	class Class
	code  int32
}

// classifyCall judges the error of a command whose reply, if any, has no
// writeErrors and no writeConcernError. The order is: authentication in the
// handshake, nothing sent, time-out, network, the server's code.
func classifyCall(err error) verdict {
	var command mongo.CommandError
	isCommand := errors.As(err, &command)
	login := failedLogin(err)
	switch {
	case login != nil:
		return classifyLogin(login)
	case nothingSent(err):
		return verdict{class: NotSent}
	case errors.Is(err, context.Canceled):
		return verdict{class: Cancelled}
	case isTimeout(err):
		return verdict{class: TimedOut, code: command.Code}
	case isNetwork(err):
		return verdict{class: Transient}
	case isCommand:
		return verdict{class: classifyCode(command.Code, command.HasErrorLabel), code: command.Code}
	}
	return verdict{class: classifyLocal(err)}
}

// classifyCode judges the code at the top of a reply that is not ok. What the
// code means outweighs a label.
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
	return Presumed
}

// classifyWriteConcern judges a writeConcernError. Whatever its code, the writes
// were applied and are not durable.
func classifyWriteConcern(code int32) Class {
	switch code {
	case 79, 100: // UnknownReplWriteConcern, UnsatisfiableWriteConcern
		return Unsatisfiable
	}
	return NotDurable
}

// classifyDocument judges one of a reply's writeErrors. keyPattern is that of
// the index at fault; nil where the server names none.
func classifyDocument(code int32, keyPattern bson.Raw) Class {
	if badDocument[code] {
		return Refused
	}
	switch class := classifyCode(code, noLabel); class {
	case UnknownIndex:
		return classifyDuplicate(keyPattern)
	case TooLarge:
		return Refused
	default:
		return class
	}
}

func noLabel(string) bool { return false }

// classifyLookup judges the error of a read command: there is no record to
// blame, and nothing to bisect.
func classifyLookup(err error) verdict {
	v := classifyCall(err)
	if v.class == TooLarge || v.class == UnknownIndex {
		v.class = Presumed
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

// failedLogin finds the error met while authenticating, nil if there is none.
// Right after a failed login the driver gives up the server, and what follows
// fails to find any: then it is the last error of a server.
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

// classifyLogin judges what went wrong while authenticating. Only the codes that
// speak of user, password, mechanism or rights are the operator's; whatever else
// keeps the server from logging somebody in passes.
func classifyLogin(login *auth.Error) verdict {
	cause := login.Unwrap()
	var reply driver.Error
	errors.As(cause, &reply)
	switch {
	case errors.Is(cause, context.Canceled):
		return verdict{class: Cancelled}
	case cause != nil && (isTimeout(cause) || isNetwork(cause)):
		return verdict{class: NotSent}
	}
	switch class := classifyCode(reply.Code, reply.HasErrorLabel); class {
	case Transient, TimedOut, Overloaded, DiskTrouble, Operator:
		return verdict{class: class, code: reply.Code}
	}
	return verdict{class: LoginFailed, code: reply.Code}
}

// classifyLocal judges errors that no server sent.
func classifyLocal(err error) Class {
	var marshal mongo.MarshalError
	switch {
	case errors.As(err, &marshal), errors.Is(err, driver.ErrDocumentTooLarge):
		return TooLarge
	case errors.Is(err, driver.ErrUnsupportedStorageEngine), errors.Is(err, mongo.ErrClientDisconnected):
		return Configuration
	}
	return Presumed
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

// isNetwork also knows the pool that was cleared because of somebody else's
// network error, which bears no label.
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

// classOf says what a code means wherever it stands: at the top of a reply or
// against one document, which a shard or an index in trouble refuses while the
// others go in. It holds every code that MongoDB's error_codes.yml puts into a
// category of passing trouble (network, interruption, not primary, shutdown,
// stale routing, snapshot, retriable, overload, exceeded time limit), and those
// that belong to such a state though no category says so. What is not listed has
// no known meaning.
var classOf = map[int32]Class{}

func init() {
	for class, codes := range map[Class][]int32{
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
			107, 134, 175, 187, 215, 225, 237, 239, 245, 246, 251, 259, 267, 276, 282, 285, 287, 289, 308, 311, 314,
			356, 358, 363, 365, 374, 375, 381, 383, 391, 404, 410, 12586, 12587, 46841, 50915, 91331, 10045600,
		},
		// ResourceExhausted, queues and rate limits, Cosmos DB's request rate
		Overloaded: {402, 433, 449, 450, 462, 16500},
		// Locks, write conflicts, files, disk, memory, writes blocked by somebody
		DiskTrouble: {24, 37, 38, 39, 42, 46, 112, 133, 146, 176, 208, 264, 301, 371, 388, 11601, 14031},
		NotDurable:  {64, 75},
		// UnknownReplWriteConcern, UnsatisfiableWriteConcern
		Unsatisfiable: {79, 100},
		// UserNotFound, Unauthorized, AuthenticationFailed, MechanismUnavailable, Atlas' own
		Operator: {11, 13, 18, 334, 8000},
		// IllegalOperation ("Transaction numbers …"), NamespaceNotFound,
		// CommandNotFound, InvalidOptions, InvalidNamespace
		Configuration: {20, 26, 59, 72, 73},
		// DuplicateKey and its old forms, as an old server says of a single insert
		UnknownIndex: {11000, 11001, 12582},
		// BSONObjectTooLarge, Overflow, the update system's sizes
		TooLarge: {15, 10334, 17419, 17420},
	} {
		for _, code := range codes {
			classOf[code] = class
		}
	}
}

// badDocument lists the codes that speak against a document when they stand
// against it alone: BadValue, FailedToParse, TypeMismatch, InvalidBSON, what is
// wrong with field names and _ids, DocumentValidationFailure, a key that can't be
// indexed, NonConformantBSON.
var badDocument = map[int32]bool{
	2: true, 9: true, 14: true, 22: true, 52: true, 53: true, 54: true, 55: true, 56: true, 57: true,
	116: true, 121: true, 171: true, 357: true, 378: true, 17280: true,
}
