package redisconn

import "strings"

// Redact returns a URL fit for logs: user and password are replaced by "***",
// the query (where passwords may hide) likewise. Of a URL that can't be right
// nothing is shown, since any part of it may be the password. It knows the
// addresses of Redis and of MongoDB.
func Redact(raw string) string {
	scheme, rest, _ := strings.Cut(raw, "://")
	if _, err := Parse(raw, ""); err != nil && !isMongo(scheme, rest) {
		return "***"
	}
	_, rest, hasUser := cutLast(rest, "@")
	rest, query, _ := strings.Cut(rest, "?")
	if hasUser {
		rest = "***@" + rest
	}
	if query != "" {
		rest += "?***"
	}
	return scheme + "://" + rest
}

// isMongo says whether this is an address of MongoDB with hosts that can be
// hosts; the driver judges the rest.
func isMongo(scheme, rest string) bool {
	if scheme != "mongodb" && scheme != "mongodb+srv" {
		return false
	}
	_, rest, _ = cutLast(rest, "@")
	hosts, _, _ := strings.Cut(rest, "?")
	hosts, _, _ = strings.Cut(hosts, "/")
	for h := range strings.SplitSeq(hosts, ",") {
		if _, _, err := splitHost(h); err != nil && !strings.HasPrefix(h, "%2F") { // %2F: a socket's path
			return false
		}
	}
	return true
}
