package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

// Error is a failed attempt, told so that an operator knows what to do. Its
// text holds no secret, no value of a record and no text of the server's, whose
// messages quote documents. It doesn't unwrap to the driver's error for the
// same reason.
type Error struct {
	Class Class
	Code  int32 // the server's code, 0 where there is none
	text  string
}

// Error is one sentence in the present tense.
func (e *Error) Error() string { return e.text }

// newError puts a verdict into words. err is what was classified, read for its
// kind only; limit is the time the attempt had.
func newError(v verdict, err error, limit time.Duration) *Error {
	text := sentence(v, err, limit)
	if v.code != 0 {
		text = fmt.Sprintf("%s (MongoDB code %d)", text, v.code)
	}
	return &Error{Class: v.class, Code: v.code, text: text}
}

func sentence(v verdict, err error, limit time.Duration) string {
	switch v.class {
	case Transient:
		if v.code != 0 {
			return "MongoDB is shutting down or has no primary; waiting for it"
		}
		return "the connection to MongoDB failed: " + networkCause(err) + "; waiting for it, check the server and MONGO_URI if it lasts"
	case NotSent:
		return "MongoDB can't be reached: " + networkCause(err) + "; start it, or check MONGO_URI"
	case LoginFailed:
		return "MongoDB can't log the service in for a reason of its own; waiting for it, check its log and MONGO_URI if it lasts"
	case TimedOut:
		return fmt.Sprintf("MongoDB did not answer within %s; trying again with more time and smaller batches", limit.Round(time.Millisecond))
	case Overloaded:
		return "MongoDB says that it is overloaded; trying again more slowly"
	case DiskTrouble:
		return diskSentence(v.code)
	case NotDurable:
		return "MongoDB wrote the batch but could not confirm it on a majority of the replica set; check that its members are up"
	case Unsatisfiable:
		return "MongoDB can't satisfy write concern majority with journal; check the members and the settings of the replica set"
	case Operator:
		return operatorSentence(v.code)
	case Configuration:
		return configurationSentence(v.code)
	case TooLarge:
		return "MongoDB refuses the batch because of a record that is too large"
	case Cancelled:
		return "the insert was cancelled"
	}
	return "MongoDB refuses the batch with an error that this service doesn't know; its log says more"
}

func diskSentence(code int32) string {
	if code == 14031 {
		return "MongoDB is out of disk space; free some on its server"
	}
	return "MongoDB can't write at the moment; check the load and the disks of its server"
}

func operatorSentence(code int32) string {
	switch code {
	case 13:
		return "MONGO_URI names no user, or one that may not read and write the collection; give it a user with the role readWrite on MONGO_DB"
	case 334:
		return "MongoDB doesn't offer the way of logging in that MONGO_URI asks for; check authMechanism, or how the user was created"
	}
	return "MongoDB refuses the credentials in MONGO_URI; check user, password and authSource"
}

func configurationSentence(code int32) string {
	switch code {
	case 20:
		return "this MongoDB doesn't support retryable writes; add retryWrites=false to MONGO_URI"
	case 26, 73:
		return "MongoDB doesn't accept the names of database and collection; check MONGO_DB and MONGO_COLLECTION"
	case 67, 86:
		return "MongoDB refuses the index, since another one bears its name"
	case 59, 72:
		return "the server at MONGO_URI doesn't know a command or an option that the service needs; check that it is a MongoDB of a supported version"
	}
	return "the MongoDB client can't work with this server as it is set up; check MONGO_URI"
}

// networkCause names the kind of a network error, and the host where the error
// knows it. Nothing of it comes from the server.
func networkCause(err error) string {
	var selection topology.ServerSelectionError
	if errors.As(err, &selection) {
		for _, server := range selection.Desc.Servers {
			if server.LastError != nil {
				return fmt.Sprintf("%s: %s", server.Addr, plainCause(server.LastError))
			}
		}
		return "no primary among its servers"
	}
	return plainCause(err)
}

func plainCause(err error) string {
	var dns *net.DNSError
	var unknownCA x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var certificate x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var queue topology.WaitQueueTimeoutError
	var pool driver.RetryablePoolError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return "no such host"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to it"
	case errors.As(err, &unknownCA), errors.As(err, &hostname), errors.As(err, &certificate):
		return "its TLS certificate is not trusted"
	case errors.As(err, &record):
		return "it doesn't speak TLS"
	case errors.As(err, &pool):
		return "its connections have just broken"
	case errors.As(err, &queue):
		return "no free connection in the pool"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed by the server"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	}
	return "network error"
}
