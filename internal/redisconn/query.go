package redisconn

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// shortestRead leaves a reply time to come after a wait of a second in Redis.
const shortestRead = 2 * time.Second

// settings are the options behind the ? of REDIS_URL, under the library's names
// but for the TLS files. What is not among them would be overridden (retries, the
// size of the pool) or have no effect, and is refused.
var settings = map[string]func(o *redis.UniversalOptions, value string) error{
	"client_name":        func(o *redis.UniversalOptions, v string) error { o.ClientName = v; return nil },
	"protocol":           func(o *redis.UniversalOptions, v string) error { return setInt(&o.Protocol, v, 2, 3) },
	"dial_timeout":       func(o *redis.UniversalOptions, v string) error { return setDuration(&o.DialTimeout, v, 1) },
	"read_timeout":       func(o *redis.UniversalOptions, v string) error { return setDuration(&o.ReadTimeout, v, shortestRead) },
	"write_timeout":      func(o *redis.UniversalOptions, v string) error { return setDuration(&o.WriteTimeout, v, 1) },
	"pool_timeout":       func(o *redis.UniversalOptions, v string) error { return setDuration(&o.PoolTimeout, v, 1) },
	"min_idle_conns":     func(o *redis.UniversalOptions, v string) error { return setInt(&o.MinIdleConns, v, 0, 1000) },
	"max_idle_conns":     func(o *redis.UniversalOptions, v string) error { return setInt(&o.MaxIdleConns, v, 0, 1000) },
	"conn_max_idle_time": func(o *redis.UniversalOptions, v string) error { return setDuration(&o.ConnMaxIdleTime, v, 1) },
	"conn_max_lifetime":  func(o *redis.UniversalOptions, v string) error { return setDuration(&o.ConnMaxLifetime, v, 1) },
}

// tlsSettings are those that need rediss; db is read by itself.
var tlsSettings = map[string]func(f *tlsFiles, value string) error{
	"skip_verify": func(f *tlsFiles, v string) (err error) {
		if f.skipVerify, err = strconv.ParseBool(v); err != nil {
			err = errors.New("is neither true nor false")
		}
		return err
	},
	"tls_ca_file":   func(f *tlsFiles, v string) error { f.ca = namedFile{path: v}; return nil },
	"tls_cert_file": func(f *tlsFiles, v string) error { f.cert = namedFile{path: v}; return nil },
	"tls_key_file":  func(f *tlsFiles, v string) error { f.key = namedFile{path: v}; return nil },
}

const settingDB = "db"

// readQuery applies what stands behind the ?. It returns the database, "" if none
// is given there. Errors name an option, but quote no value.
func readQuery(opts *redis.UniversalOptions, files *tlsFiles, query string) (db string, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", errors.New("the options behind the ? are not percent-encoded as a URL wants it; a ? in a password is written %3F")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) > 1 {
			err = errors.New("stands there twice")
		} else {
			err = readSetting(opts, files, name, values.Get(name))
		}
		if err != nil {
			return "", fmt.Errorf("the option %s behind the ? %w", shown(name), err)
		}
	}
	if values.Has("tls_cert_file") != values.Has("tls_key_file") {
		return "", errors.New("tls_cert_file and tls_key_file stand behind the ? both or not at all")
	}
	return values.Get(settingDB), nil
}

func readSetting(opts *redis.UniversalOptions, files *tlsFiles, name, value string) error {
	if set, ok := settings[name]; ok {
		return set(opts, value)
	}
	set, isTLS := tlsSettings[name]
	switch {
	case name == settingDB:
		return nil
	case !isTLS:
		known := slices.Concat(slices.Collect(maps.Keys(settings)), slices.Collect(maps.Keys(tlsSettings)), []string{settingDB})
		slices.Sort(known)
		return errors.New("is none of " + strings.Join(known, ", "))
	case files == nil:
		return errors.New("needs TLS: write rediss")
	case value == "":
		return errors.New("is empty")
	default:
		return set(files, value)
	}
}

var looksLikeAName = regexp.MustCompile(`^[a-z][a-z_]*$`)

// shown is a name, unless it may be the rest of a password.
func shown(name string) string {
	if !looksLikeAName.MatchString(name) {
		return "(its name is not shown, it may be the rest of a password)"
	}
	return name
}

func setInt(to *int, value string, low, high int) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < low || n > high {
		return fmt.Errorf("is no number from %d to %d", low, high)
	}
	*to = n
	return nil
}

// setDuration reads seconds, or a duration with its unit.
func setDuration(to *time.Duration, value string, least time.Duration) error {
	if _, err := strconv.Atoi(value); err == nil {
		value += "s"
	}
	d, err := time.ParseDuration(value)
	switch {
	case err != nil:
		return errors.New("is no time: want seconds, or for example 500ms")
	case d < least && least > 1:
		return fmt.Errorf("is too short: want at least %v", least)
	case d < least:
		return errors.New("is not more than 0")
	}
	*to = d
	return nil
}

// Unsafe describes the risk that the options accept, "" if there is none.
func Unsafe(opts *redis.UniversalOptions) string {
	if opts.TLSConfig == nil || !opts.TLSConfig.InsecureSkipVerify {
		return ""
	}
	return "skip_verify turns the check of the certificate off, so anyone between this program and Redis can read and change everything; name the file of your own authority in REDIS_TLS_CA_FILE"
}
