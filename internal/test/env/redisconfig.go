package env

import (
	"fmt"
	"net/url"
	"strings"
)

// redisConfig is a redis.conf as alternating names and values.
type redisConfig []string

// RedisOption changes how a redis-server is started.
type RedisOption func(*redisConfig)

// WithConfig adds directives of redis.conf as alternating names and values:
// WithConfig("maxmemory", "10mb", "appendfsync", "everysec").
func WithConfig(namesAndValues ...string) RedisOption {
	if len(namesAndValues)%2 != 0 {
		panic("env.WithConfig needs a value for each name")
	}
	return func(c *redisConfig) { *c = append(*c, namesAndValues...) }
}

func newRedisConfig(options []RedisOption) redisConfig {
	config := redisConfig{"appendonly", "yes", "appendfsync", "always", "save", ""}
	for _, option := range options {
		option(&config)
	}
	return config
}

// text returns the content of redis.conf. Later lines override earlier ones, so
// the test's directives override the defaults, but not what this package needs.
func (c redisConfig) text(port, dir string) string {
	var b strings.Builder
	line := func(name, value string) {
		if value == "" {
			value = `""`
		}
		fmt.Fprintf(&b, "%s %s\n", name, value)
	}
	for i := 0; i < len(c); i += 2 {
		line(c[i], c[i+1])
	}
	line("bind", "127.0.0.1")
	line("port", port)
	line("dir", dir)
	line("daemonize", "no")
	line("loglevel", "notice")
	line("logfile", "")
	return b.String()
}

// password returns the default user's password, "" if it has none.
func (c redisConfig) password() string {
	password := ""
	for i := 0; i < len(c); i += 2 {
		if strings.EqualFold(c[i], "requirepass") {
			password = strings.Trim(c[i+1], `"`)
		}
	}
	return password
}

func redisURL(addr, password string) string {
	u := url.URL{Scheme: "redis", Host: addr, Path: "/0"}
	if password != "" {
		u.User = url.UserPassword("", password)
	}
	return u.String()
}
