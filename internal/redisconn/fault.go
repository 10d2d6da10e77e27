package redisconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// OneOfCluster is what to say where a client for a single node meets a Cluster.
const OneOfCluster = "this Redis is a node of a Cluster: name several of its nodes, comma-separated, or write redis+cluster://host:port"

// Fault says in a sentence what is to be mended if err is one that no waiting
// heals: of a certificate, or an answer of Redis to the user, the password, the
// rights of the role or the address. Else it is empty. Redis' errors come as text
// only, their first word is the class.
func Fault(err error) string {
	if setting := SettingOf(err); setting != nil {
		return setting.Problem
	}
	var answer redis.Error
	if !errors.As(err, &answer) {
		return ""
	}
	says := func(part string) bool { return strings.Contains(answer.Error(), part) }
	switch {
	case says("without any password configured"), says("no password is set"):
		return "Redis has no password set, but one is given; leave it out of the URL and use no password file"
	case redis.HasErrorPrefix(err, "NOAUTH"):
		return "Redis wants a password; put it into the URL (redis://:password@host:port/0) or into a password file"
	case redis.IsAuthError(err), says("invalid password"):
		return "Redis refuses this user and password; check them, and the password file if one is set"
	case redis.HasErrorPrefix(err, "DENIED"):
		return "Redis is in protected mode and refuses connections from other hosts until it has a password"
	case redis.IsPermissionError(err), says("The user executing the script can't"): // Redis 7.0 has no NOPERM for scripts
		return "the role of this Redis user lacks " + missingRight(answer.Error())
	case says("DB index is out of range"):
		return "Redis has no database of this number; the path of the URL is the number, 0 is always there"
	case says("SELECT is not allowed in cluster mode"):
		return OneOfCluster + "; a Cluster has database 0 only"
	case says("cluster support disabled"):
		return "this Redis is no Cluster: name one host only, and not by redis+cluster://"
	case says("unknown command 'sentinel'"), says("unknown command 'SENTINEL'"):
		return "this is a Redis, not a Sentinel: name the Sentinels, or write redis://host:port/0"
	}
	return ""
}

// commandIn finds the command in 'the … permissions to run the 'type' command'.
var commandIn = regexp.MustCompile(`'([a-zA-Z|]+)' command`)

func missingRight(reply string) string {
	if m := commandIn.FindStringSubmatch(reply); m != nil {
		return "the command " + strings.ToUpper(m[1]) + "; give it +" + strings.ToLower(m[1])
	}
	return "the right to a key or a command that the service needs"
}

// Misdirected says whether err is a Cluster's answer to a client that can't
// follow it, since it was made for a single node.
func Misdirected(client redis.UniversalClient, err error) bool {
	if IsCluster(client) {
		return false
	}
	_, moved := redis.IsMovedError(err)
	_, ask := redis.IsAskError(err)
	return moved || ask
}

// IsCluster says whether client knows how to talk to a Cluster.
func IsCluster(client redis.UniversalClient) bool {
	_, ok := client.(*redis.ClusterClient)
	return ok
}

// IsReply says whether err is an answer of Redis, not one of the connection.
func IsReply(err error) bool {
	var answer redis.Error
	return errors.As(err, &answer) && !errors.Is(err, redis.Nil)
}

// Explain adds to an error of the connection what the library leaves to be
// guessed, and to an answer that time may heal what it means. opts are those
// that the client was made of.
func Explain(opts *redis.UniversalOptions, err error) error {
	var told *plainError
	switch {
	case errors.As(err, &told):
		return Plain(err)
	case redis.HasErrorPrefix(err, "MISCONF"):
		return fmt.Errorf("it can't save its data to disk and takes no writes until it can (room and rights in its directory; its log says more): %w", err)
	case redis.HasErrorPrefix(err, "LOADING"):
		return fmt.Errorf("it is still loading its data: %w", err)
	case redis.HasErrorPrefix(err, "MASTERDOWN"):
		return fmt.Errorf("it is a replica that has lost its master: %w", err)
	case opts.MasterName != "" && errors.Is(err, redis.Nil):
		return fmt.Errorf("the Sentinels know no master named %q: %w", opts.MasterName, err)
	case opts.TLSConfig == nil && errors.Is(err, io.EOF):
		return fmt.Errorf("the connection is closed at once (if the server wants TLS, write rediss): %w", err)
	default:
		return Plain(err)
	}
}

// plainError is an error in plain words.
type plainError struct {
	text string
	err  error
}

func (e *plainError) Error() string { return e.text }
func (e *plainError) Unwrap() error { return e.err }

// Plain returns err, if it is one of the connection or has a Fault, with a text that names
// the cause, and no function of a library and no script.
func Plain(err error) error {
	var dial *net.OpError
	var dns *net.DNSError
	var timeout net.Error
	var told *plainError
	setting, fault := SettingOf(err), Fault(err)
	switch {
	case setting != nil:
		return setting
	case errors.As(err, &told):
		return told
	case fault != "":
		return &plainError{fault, err}
	case errors.As(err, &dns) && dns.IsNotFound:
		return &plainError{fmt.Sprintf("host %s not found", dns.Name), err}
	case errors.As(err, &dns):
		return &plainError{fmt.Sprintf("the name of host %s can't be resolved", dns.Name), err}
	case errors.Is(err, syscall.ECONNREFUSED) && errors.As(err, &dial) && dial.Addr != nil:
		return &plainError{fmt.Sprintf("connection refused by %v", dial.Addr), err}
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return &plainError{"no route to host", err}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &plainError{"no answer in time", err}
	}
	return err
}
