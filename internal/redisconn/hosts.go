package redisconn

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
)

// addresses reads comma-separated hosts with or without a port. It takes
// nothing that might be a password whose @host was forgotten.
func addresses(hosts, defaultPort string) ([]string, error) {
	var out []string
	for h := range strings.SplitSeq(hosts, ",") {
		name, port, err := splitHost(strings.TrimSpace(h))
		if err != nil {
			return nil, err
		}
		if port == "" {
			port = defaultPort
		}
		out = append(out, net.JoinHostPort(name, port))
	}
	return out, nil
}

// splitHost takes host, host:port, [IPv6] and [IPv6]:port. port is empty if
// there is none.
func splitHost(h string) (name, port string, err error) {
	if bracketed, ok := strings.CutPrefix(h, "["); ok {
		name, port, ok = strings.Cut(bracketed, "]")
		if addr, err := netip.ParseAddr(name); !ok || err != nil || !addr.Is6() {
			return "", "", errors.New("a host in brackets is no IPv6 address")
		}
		if port == "" {
			return name, "", nil
		}
		if port, ok = strings.CutPrefix(port, ":"); !ok {
			return "", "", errors.New("behind a host in brackets stands something else than :port")
		}
		return name, port, checkPort(port)
	}
	name, port, hasPort := strings.Cut(h, ":")
	switch {
	case name == "":
		return "", "", errors.New("a host is missing: want redis://host:port/db, and before the host :password@ or user:password@ if there is one")
	case strings.Contains(port, ":"):
		return "", "", errors.New("a host has more than one colon: want host:port, [IPv6]:port, or :password@host:port")
	case strings.ContainsFunc(name, notOfAName):
		return "", "", errors.New("the name of a host has a character that no name has; behind a password stands @host")
	case !hasPort:
		return name, "", nil
	}
	return name, port, checkPort(port)
}

func notOfAName(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(".-_", r)
}

func checkPort(port string) error {
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return errors.New("the port of a host is not 1 to 65535; behind a password stands @host")
	}
	return nil
}
