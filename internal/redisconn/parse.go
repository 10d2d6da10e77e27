// Package redisconn turns REDIS_URL into a client: one node, a Cluster or a
// master behind Sentinel, with or without TLS.
package redisconn

import (
	"cmp"
	"errors"
	"net/url"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Parse reads REDIS_URL. It takes
//
//	redis://[user:password@]host[:port][/db]        one node
//	rediss://…                                      the same over TLS, as with each of the others
//	redis://host1:port,host2:port                   the nodes of a Cluster
//	redis+cluster://[user:password@]h1[,h2]         a Cluster, by one of its nodes or several
//	redis+sentinel://[user:password@]h1,h2/master/db
//
// Behind a ? options may stand: see settings.
//
// A password given apart wins over the URL's. Errors quote nothing of the URL:
// in a mistyped one any part may be the password.
func Parse(raw, password string) (*redis.UniversalOptions, error) {
	opts, files, err := parseURL(raw)
	if err != nil {
		return nil, err
	}
	if password != "" {
		opts.Password = password
	}
	return opts, secure(opts, files)
}

// parseURL reads no files: those that the URL names it returns, nil without TLS.
func parseURL(raw string) (*redis.UniversalOptions, *tlsFiles, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, nil, errors.New("want redis://host:port/db")
	}
	opts := &redis.UniversalOptions{}
	var files *tlsFiles
	if plain, secure := strings.CutPrefix(scheme, "rediss"); secure {
		files = &tlsFiles{}
		scheme = "redis" + plain
	}
	userinfo, rest, found := cutLast(rest, "@")
	if found {
		if err := setUser(opts, userinfo); err != nil {
			return nil, nil, err
		}
	}
	rest, query, _ := strings.Cut(rest, "?")
	hosts, path, _ := strings.Cut(rest, "/")
	var err error
	switch scheme {
	case "redis":
		opts.Addrs, err = addresses(hosts, "6379")
		opts.IsClusterMode = len(opts.Addrs) > 1
	case "redis+cluster":
		opts.Addrs, err = addresses(hosts, "6379")
		opts.IsClusterMode = true
	case "redis+sentinel":
		opts.Addrs, err = addresses(hosts, "26379")
		opts.MasterName, path, _ = strings.Cut(path, "/")
		if err == nil && opts.MasterName == "" {
			err = errors.New("the name of the master is missing: want redis+sentinel://h1,h2/master/0")
		}
	default:
		err = errors.New("the scheme is not known: want redis, redis+cluster or redis+sentinel, or the same with rediss")
	}
	if err != nil {
		return nil, nil, err
	}
	db, err := readQuery(opts, files, query)
	if err != nil {
		return nil, nil, err
	}
	if opts.DB, err = database(path, db); err != nil {
		return nil, nil, err
	}
	if opts.IsClusterMode && opts.DB != 0 {
		return nil, nil, errors.New("a Cluster has database 0 only")
	}
	return opts, files, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}

func setUser(opts *redis.UniversalOptions, userinfo string) error {
	if _, after, found := strings.Cut(userinfo, "@"); found && strings.ContainsAny(after, ",/?") {
		return errors.New("there is more than one @: user and password stand once, before all hosts; an @ that belongs to them is written %40")
	}
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

// database is the number behind the hosts or that of the option db.
func database(path, option string) (int, error) {
	path = strings.Trim(path, "/")
	if path != "" && option != "" && path != option {
		return 0, errors.New("the database behind the hosts and the option db differ: give one of them")
	}
	number := cmp.Or(path, option, "0")
	n, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		return 0, errors.New("the database, after the / behind the hosts or as the option db, is not a number from 0")
	}
	return int(n), nil
}
