package config

import (
	"net"
	"regexp"

	"ingestion/internal/reread"
)

// headerName is what the name of an HTTP header looks like (RFC 9110, section 5.1).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

func (c *Config) checkConsole(k *checker) {
	if c.ConsoleAddr != "" {
		_, _, err := net.SplitHostPort(c.ConsoleAddr)
		k.want(err == nil, "CONSOLE_ADDR", "%q is not host:port", c.ConsoleAddr)
	}
	k.oneOf("CONSOLE_AUTH", c.ConsoleAuth, AuthPassword, AuthProxy)
	k.want(headerName.MatchString(c.ConsoleAuthHeader), "CONSOLE_AUTH_HEADER", "%q is not the name of a header", c.ConsoleAuthHeader)
}

// ConsolePassword checks the settings that matter only to the program that serves the console, and
// returns the password of its user: "" if nobody has to log in, or a proxy has asked who the
// user is. The error is an *Error.
func (c *Config) ConsolePassword() (string, error) {
	password, fault := "", ""
	var err error
	if c.ConsolePasswordFile != "" {
		password, err = reread.Password(c.ConsolePasswordFile)
	}
	switch {
	case c.ConsoleAuth == AuthProxy && c.ConsolePasswordFile != "":
		fault = "CONSOLE_PASSWORD_FILE: with CONSOLE_AUTH=proxy nobody is asked for a password; set one of the two"
	case c.ConsoleAuth == AuthProxy:
	case err != nil:
		fault = "CONSOLE_PASSWORD_FILE: " + err.Error()
	case c.ConsolePasswordFile == "" && c.ConsoleAddr != "" && !loopback(c.ConsoleAddr):
		fault = "CONSOLE_ADDR: " + c.ConsoleAddr + " can be reached from other machines: set CONSOLE_PASSWORD_FILE or, behind a proxy that knows the users, CONSOLE_AUTH=proxy"
	}
	if fault != "" {
		return "", &Error{Faults: []string{fault}}
	}
	return password, nil
}

// loopback reports whether only this machine can reach an address.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && (host == "localhost" || net.ParseIP(host).IsLoopback())
}
