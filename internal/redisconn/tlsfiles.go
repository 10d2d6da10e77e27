package redisconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
)

// namedFile is a file and the setting that names it, "" for an option of
// REDIS_URL. Of a path in REDIS_URL nothing is quoted: it may be the rest of a
// password.
type namedFile struct{ path, setting string }

// fault is an error about the file.
func (f namedFile) fault(option, problem string, err error) error {
	if f.setting == "" {
		return &SettingError{Setting: settingURL, Problem: "the option " + option + " behind the ? " + problem, Err: withoutPath(err)}
	}
	return &SettingError{Setting: f.setting, Problem: f.path + " " + problem, Err: withoutPath(err)}
}

func withoutPath(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// tlsFiles is what a TLS configuration is made of. Its files may change.
type tlsFiles struct {
	ca, cert, key namedFile
	serverName    string // "": the host that is dialled
	skipVerify    bool
}

// load makes a configuration of the files as they are now.
func (f *tlsFiles) load() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: f.serverName, InsecureSkipVerify: f.skipVerify}
	if err := errors.Join(f.loadAuthorities(config), f.loadCertificate(config)); err != nil {
		return nil, err
	}
	return config, nil
}

func (f *tlsFiles) loadAuthorities(config *tls.Config) error {
	if f.ca.path == "" {
		return nil // those that the system trusts
	}
	pem, err := os.ReadFile(f.ca.path)
	if err != nil {
		return f.ca.fault("tls_ca_file", "can't be read", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return f.ca.fault("tls_ca_file", "has no certificate in PEM", nil)
	}
	return nil
}

func (f *tlsFiles) loadCertificate(config *tls.Config) error {
	if f.cert.path == "" || f.key.path == "" {
		return nil // one without the other is refused elsewhere
	}
	cert, err := os.ReadFile(f.cert.path)
	if err != nil {
		return f.cert.fault("tls_cert_file", "can't be read", err)
	}
	key, err := os.ReadFile(f.key.path)
	if err != nil {
		return f.key.fault("tls_key_file", "can't be read", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return f.cert.fault("tls_cert_file", "can't be used with its key: want a certificate and its private key in PEM", err)
	}
	config.Certificates = []tls.Certificate{pair}
	return nil
}
