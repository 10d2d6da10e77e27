package redisconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
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

// tlsSettings are those that need rediss; db, tls_cert_file and tls_key_file are
// read by themselves.
var tlsSettings = map[string]func(c *tls.Config, value string) error{
	"skip_verify": func(c *tls.Config, v string) (err error) {
		if c.InsecureSkipVerify, err = strconv.ParseBool(v); err != nil {
			err = errors.New("is neither true nor false")
		}
		return err
	},
	"tls_ca_file": setAuthorities,
}

const (
	settingDB   = "db"
	settingCert = "tls_cert_file"
	settingKey  = "tls_key_file"
)

// readQuery applies what stands behind the ?. It returns the database, "" if none
// is given there. Errors name an option, but quote no value.
func readQuery(opts *redis.UniversalOptions, query string) (db string, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", errors.New("the options behind the ? are not percent-encoded as a URL wants it; a ? in a password is written %3F")
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) > 1 {
			err = errors.New("stands there twice")
		} else {
			err = readSetting(opts, name, values.Get(name))
		}
		if err != nil {
			return "", fmt.Errorf("the option %s behind the ? %w", shown(name), err)
		}
	}
	cert, key := values.Get(settingCert), values.Get(settingKey)
	if (cert == "") != (key == "") {
		return "", errors.New("tls_cert_file and tls_key_file stand behind the ? both or not at all")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return "", fmt.Errorf("tls_cert_file and tls_key_file can't be used: %w", withoutPath(err))
		}
		opts.TLSConfig.Certificates = []tls.Certificate{pair}
	}
	return values.Get(settingDB), nil
}

func readSetting(opts *redis.UniversalOptions, name, value string) error {
	if set, ok := settings[name]; ok {
		return set(opts, value)
	}
	set, isTLS := tlsSettings[name]
	isTLS = isTLS || name == settingCert || name == settingKey
	switch {
	case name == settingDB:
		return nil
	case !isTLS:
		known := slices.Concat(slices.Collect(maps.Keys(settings)), slices.Collect(maps.Keys(tlsSettings)), []string{settingDB, settingCert, settingKey})
		slices.Sort(known)
		return errors.New("is none of " + strings.Join(known, ", "))
	case opts.TLSConfig == nil:
		return errors.New("needs TLS: write rediss")
	case value == "":
		return errors.New("is empty")
	case set == nil: // a part of the certificate
		return nil
	default:
		return set(opts.TLSConfig, value)
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

func setAuthorities(c *tls.Config, file string) error {
	pem, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("can't be read: %w", withoutPath(err))
	}
	c.RootCAs = x509.NewCertPool()
	if !c.RootCAs.AppendCertsFromPEM(pem) {
		return errors.New("names a file without a certificate in PEM")
	}
	return nil
}

func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// Unsafe describes the risk that the options accept, "" if there is none.
func Unsafe(opts *redis.UniversalOptions) string {
	if opts.TLSConfig == nil || !opts.TLSConfig.InsecureSkipVerify {
		return ""
	}
	return "skip_verify turns the check of the certificate off, so anyone between this program and Redis can read and change everything; use tls_ca_file for an authority of your own"
}
