package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/description"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
)

// Error is a failed attempt, described so that an operator knows what to do. The text
// contains no secrets, no values of records and nothing that the server wrote, since
// its messages quote documents. For the same reason it does not unwrap to the
// driver's error.
type Error struct {
	Class Class
	Code  int32 // the server's, 0 if there is none
	text  string
	tls   bool // about a certificate
}

// Error returns one sentence in the present tense.
func (e *Error) Error() string { return e.text }

// newError describes a verdict. err is the classified error, read for its kind only;
// timeout is the time that the attempt had.
func newError(v verdict, err error, timeout time.Duration) *Error {
	if text := certificateSentence(v, err); text != "" {
		return &Error{Class: v.class, text: text, tls: true}
	}
	text := sentence(v, err, timeout)
	if v.code != 0 {
		text = fmt.Sprintf("%s (MongoDB code %d)", text, v.code)
	}
	return &Error{Class: v.class, Code: v.code, text: text}
}

// Explain describes an error of the driver that came after some time, as errors of this package are described. Other
// errors are returned as they are.
func Explain(err error, after time.Duration) error {
	if err == nil {
		return nil
	}
	v := classifyLookup(err)
	switch {
	case v.class == UnknownCode && v.code == 0:
		return err
	case v.class == TimedOut:
		return &Error{Class: v.class, Code: v.code, text: fmt.Sprintf("MongoDB did not answer within %s", after.Round(time.Millisecond))}
	}
	return newError(v, err, after)
}

func sentence(v verdict, err error, timeout time.Duration) string {
	switch v.class {
	case Transient:
		if v.code != 0 {
			return "MongoDB is shutting down or has no primary"
		}
		return "the connection to MongoDB failed: " + networkCause(err) + "; if this persists, check the server and the connection string"
	case NotSent:
		return "MongoDB is unreachable: " + networkCause(err) + "; start it, or check the connection string"
	case LoginFailed:
		return "MongoDB failed to authenticate the client; if this persists, check its log and the connection string"
	case TimedOut:
		return fmt.Sprintf("MongoDB did not answer within %s; the next attempt has more time and fewer documents", timeout.Round(time.Millisecond))
	case Overloaded:
		return "MongoDB is overloaded"
	case DiskTrouble:
		if v.code == 14031 {
			return "MongoDB is out of disk space; free some on its server"
		}
		return "MongoDB can't write at present; check the load and the disks of its server"
	case NotDurable:
		return "MongoDB wrote the batch, but a majority of the replica set did not confirm it; check that its members are up"
	case Unsatisfiable:
		return "MongoDB can't satisfy write concern majority with journaling; check the members and the configuration of the replica set"
	case Operator:
		return operatorSentence(v.code)
	case Configuration:
		return configurationSentence(v.code)
	case TooLarge:
		return "MongoDB refuses the batch because one record is too large"
	case Canceled:
		return "the command was canceled"
	}
	return "MongoDB refuses the batch with an unknown error; see its log"
}

func operatorSentence(code int32) string {
	switch code {
	case 13:
		return "the connection string has no user, or one without access to the collection; give it a user with the role readWrite on the database"
	case 334:
		return "MongoDB does not support the authentication mechanism; check authMechanism in the connection string and how the user was created"
	case 8000:
		return "MongoDB Atlas refuses the client; check user and password in the connection string, and the quotas of the cluster"
	}
	return "MongoDB rejects the credentials in the connection string; check user, password and authSource"
}

func configurationSentence(code int32) string {
	switch code {
	case 20:
		return "this MongoDB does not support retryable writes; add retryWrites=false to the connection string"
	case 26, 73:
		return "MongoDB rejects the name of the database or collection"
	case 67, 86:
		return "MongoDB rejects the index, since another one has its name"
	case 59, 72:
		return "the server does not know a required command or option; check that it is a MongoDB of a supported version"
	}
	return "the MongoDB client can't work with this server; check the connection string"
}

// networkCause names the kind of a network error, and the host where the error has
// it. It contains nothing that the server wrote.
func networkCause(err error) string {
	var selection topology.ServerSelectionError
	if errors.As(err, &selection) {
		for _, server := range selection.Desc.Servers {
			if server.LastError != nil {
				return fmt.Sprintf("%s: %s", server.Addr, firstCause(server.LastError))
			}
			if server.Kind == description.ServerKindRSGhost {
				return fmt.Sprintf("%s: its replica set is not initiated", server.Addr)
			}
		}
		return "none of its servers is primary"
	}
	return plainCause(err)
}

// firstCause is plainCause of the first words with a server. A mongod closes the
// connection if it wants TLS or a certificate of the client.
func firstCause(err error) string {
	if cause := plainCause(err); cause != closed {
		return cause
	}
	return closed + ", perhaps since it wants TLS (tls=true) or a client certificate (tlsCertificateKeyFile), or speaks no TLS"
}

const closed = "connection closed by the server"

func plainCause(err error) string {
	var dns *net.DNSError
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
		return "no route to host"
	case errors.As(err, &record):
		return "the server does not speak TLS"
	case errors.As(err, &pool):
		return "its connections were just lost"
	case errors.As(err, &queue):
		return "no free connection in the pool"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return closed
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	}
	return "network error"
}
