// Package redisconn turns REDIS_URL into a client: one node, a Cluster or a
// master behind Sentinel, with or without TLS.
package redisconn

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

const defaultPort = "6379"

// Parse reads REDIS_URL. It takes
//
//	redis://[user:password@]host[:port][/db]        one node
//	rediss://…                                      the same over TLS
//	redis://host1:port,host2:port                   the nodes of a Cluster
//	redis+sentinel://[user:password@]h1,h2/master/db
//
// A password given apart (REDIS_PASSWORD_FILE) wins over the URL's. Errors
// never hold the URL, which may hold a password.
func Parse(raw, password string) (*redis.UniversalOptions, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, errors.New("want redis://host:port/db")
	}
	opts := &redis.UniversalOptions{}
	switch scheme {
	case "redis", "redis+sentinel":
	case "rediss", "rediss+sentinel":
		opts.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	default:
		return nil, errors.New("the scheme is not known: want redis, rediss or redis+sentinel")
	}
	if user, hosts, found := cutLast(rest, "@"); found {
		if err := setUser(opts, user); err != nil {
			return nil, err
		}
		rest = hosts
	}
	if password != "" {
		opts.Password = password
	}
	rest, _, _ = strings.Cut(rest, "?")
	hosts, path, _ := strings.Cut(rest, "/")
	if strings.HasSuffix(scheme, "+sentinel") {
		master, db, _ := strings.Cut(path, "/")
		if master == "" {
			return nil, errors.New("the name of the master is missing: want redis+sentinel://h1,h2/master/0")
		}
		opts.MasterName, path = master, db
		opts.SentinelUsername, opts.SentinelPassword = "", ""
	}
	var err error
	if opts.Addrs, err = addresses(hosts, opts.MasterName != ""); err != nil {
		return nil, err
	}
	if opts.DB, err = database(path); err != nil {
		return nil, err
	}
	if len(opts.Addrs) > 1 && opts.MasterName == "" {
		opts.IsClusterMode = true
		if opts.DB != 0 {
			return nil, errors.New("a Cluster has database 0 only")
		}
	}
	if opts.TLSConfig != nil && len(opts.Addrs) == 1 {
		opts.TLSConfig.ServerName, _, _ = net.SplitHostPort(opts.Addrs[0])
	}
	return opts, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}

func setUser(opts *redis.UniversalOptions, userinfo string) error {
	user, pass, _ := strings.Cut(userinfo, ":")
	var err error
	if opts.Username, err = url.PathUnescape(user); err != nil {
		return errors.New("the user name is not percent-encoded as a URL wants it")
	}
	if opts.Password, err = url.PathUnescape(pass); err != nil {
		return errors.New("the password is not percent-encoded as a URL wants it")
	}
	return nil
}

func addresses(hosts string, sentinel bool) ([]string, error) {
	port := defaultPort
	if sentinel {
		port = "26379"
	}
	var out []string
	for h := range strings.SplitSeq(hosts, ",") {
		h = strings.TrimSpace(h)
		if h == "" {
			return nil, errors.New("a host is missing")
		}
		addr := h
		if _, _, err := net.SplitHostPort(h); err != nil {
			addr = net.JoinHostPort(strings.Trim(h, "[]"), port)
		}
		_, p, err := net.SplitHostPort(addr)
		if err != nil {
			return nil, fmt.Errorf("host %q is not host:port", h)
		}
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("port %q of a host is not 1 to 65535", p)
		}
		out = append(out, addr)
	}
	return out, nil
}

func database(path string) (int, error) {
	path = strings.Trim(path, "/")
	if path == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(path)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("database %q is not a number from 0", path)
	}
	return n, nil
}

// Redact returns a URL fit for logs: user and password are replaced by "***",
// the query (where passwords may hide) is dropped.
func Redact(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || strings.ContainsFunc(scheme, func(r rune) bool { return (r < 'a' || r > 'z') && r != '+' }) {
		return "***"
	}
	_, rest, hasUser := cutLast(rest, "@")
	rest, query, hasQuery := strings.Cut(rest, "?")
	if hasUser {
		rest = "***@" + rest
	}
	if hasQuery && query != "" {
		rest += "?***"
	}
	return scheme + "://" + rest
}
