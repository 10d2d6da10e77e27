package redisconn

import (
	"errors"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Access is how a client checks who answers and shows who it is, beside what
// REDIS_URL says of that. The files are read again for each new connection, so
// that they can be replaced while a program runs.
type Access struct {
	PasswordFile string // REDIS_PASSWORD_FILE

	CAFile            string // REDIS_TLS_CA_FILE: whose certificates to trust
	CertFile, KeyFile string // REDIS_TLS_CERT_FILE, REDIS_TLS_KEY_FILE: the client's own
	ServerName        string // REDIS_TLS_SERVER_NAME: instead of the host of the address

	SentinelUsername     string // REDIS_SENTINEL_USERNAME
	SentinelPasswordFile string // REDIS_SENTINEL_PASSWORD_FILE
}

// ParseWith reads REDIS_URL like Parse, and the files of access. Its error is a
// *SettingError, or several that are joined.
func ParseWith(raw string, access Access) (*redis.UniversalOptions, error) {
	opts, files, err := parseURL(raw)
	if err != nil {
		return nil, errors.Join(&SettingError{Setting: settingURL, Problem: err.Error()}, access.filesAlone())
	}
	err = errors.Join(access.checkTLS(opts, files), access.checkSentinel(opts))
	if err == nil {
		access.addTo(files)
		err = secure(opts, files)
	}
	if err = errors.Join(err, access.passwords(opts)); err != nil {
		return nil, err
	}
	return opts, nil
}

// addTo adds the files of the settings to those of the URL.
func (a Access) addTo(files *tlsFiles) {
	if files == nil {
		return
	}
	files.serverName = a.ServerName
	for _, f := range []struct {
		to            *namedFile
		path, setting string
	}{{&files.ca, a.CAFile, settingCA}, {&files.cert, a.CertFile, settingCert}, {&files.key, a.KeyFile, settingKey}} {
		if f.path != "" {
			*f.to = namedFile{f.path, f.setting}
		}
	}
}

// checkTLS refuses settings that contradict each other or the URL.
func (a Access) checkTLS(opts *redis.UniversalOptions, files *tlsFiles) error {
	var errs []error
	refuse := func(when bool, setting, problem string) {
		if when {
			errs = append(errs, &SettingError{Setting: setting, Problem: problem})
		}
	}
	if files == nil {
		const needs = "needs TLS: write rediss:// in REDIS_URL"
		refuse(a.CAFile != "", settingCA, needs)
		refuse(a.CertFile != "", settingCert, needs)
		refuse(a.KeyFile != "", settingKey, needs)
		refuse(a.ServerName != "", settingName, needs)
		return errors.Join(errs...)
	}
	const twice = " is in REDIS_URL too: give it once"
	refuse(a.CAFile != "" && files.ca.path != "", settingCA, "tls_ca_file"+twice)
	refuse(a.CertFile != "" && files.cert.path != "", settingCert, "tls_cert_file"+twice)
	refuse(a.KeyFile != "" && files.key.path != "", settingKey, "tls_key_file"+twice)
	refuse(a.CertFile != "" && a.KeyFile == "" && files.key.path == "", settingCert, "needs "+settingKey+", the file with its private key")
	refuse(a.KeyFile != "" && a.CertFile == "" && files.cert.path == "", settingKey, "needs "+settingCert+", the file with the certificate")
	const ignored = "skip_verify in REDIS_URL turns the check of the certificate off: remove one of them"
	refuse(a.CAFile != "" && files.skipVerify, settingCA, ignored)
	refuse(a.ServerName != "" && files.skipVerify, settingName, ignored)
	refuse(!isHost(a.ServerName), settingName, "is no name of a host: want it without a port, as the server's certificate has it")
	return errors.Join(errs...)
}

func isHost(name string) bool {
	return name == "" || net.ParseIP(name) != nil || !strings.ContainsFunc(name, notOfAName)
}

func (a Access) checkSentinel(opts *redis.UniversalOptions) error {
	var errs []error
	if opts.MasterName == "" {
		const needs = "needs Sentinels: write redis+sentinel://h1,h2/master/0 in REDIS_URL"
		if a.SentinelUsername != "" {
			errs = append(errs, &SettingError{Setting: settingSentinelUser, Problem: needs})
		}
		if a.SentinelPasswordFile != "" {
			errs = append(errs, &SettingError{Setting: settingSentinelPassword, Problem: needs})
		}
	} else if a.SentinelUsername != "" && a.SentinelPasswordFile == "" {
		errs = append(errs, &SettingError{Setting: settingSentinelUser, Problem: "needs " + settingSentinelPassword + ", the file with its password"})
	}
	return errors.Join(errs...)
}

// filesAlone checks the files if it is not known what they belong to.
func (a Access) filesAlone() error {
	files := &tlsFiles{}
	a.addTo(files)
	_, err := files.load()
	return errors.Join(err, a.passwords(&redis.UniversalOptions{}))
}
