package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/ocsp"

	"ingestion/internal/reread"
)

// dialAgain has the client read the TLS files of the connection string again for
// each new connection. The driver would keep what it read at the start, and the
// authorities of a tls.Config can't be changed while it is used; so the dialer
// makes the TLS connection, and the driver takes it for a plain one.
func dialAgain(opts *options.ClientOptions, uri *connstring.ConnString, stale func(error)) error {
	if opts.TLSConfig == nil || !uri.SSLCaFileSet && !uri.SSLClientCertificateKeyFileSet && !uri.SSLCertificateFileSet {
		return nil
	}
	configs, err := reread.New(func() (*tls.Config, error) { return loadTLS(uri) }, stale)
	if err != nil {
		return err
	}
	d := &tlsDialer{configs: configs}
	if opts.DisableCertificateRevocationCheck == nil || !*opts.DisableCertificateRevocationCheck {
		d.revocation = &ocsp.VerifyOptions{Cache: ocsp.NewCache(), HTTPClient: opts.HTTPClient}
		d.revocation.DisableEndpointChecking = opts.DisableOCSPEndpointCheck != nil && *opts.DisableOCSPEndpointCheck
	}
	opts.SetDialer(d).SetTLSConfig(nil)
	return nil
}

// loadTLS has the driver read the files, as it does at the start: it decrypts keys.
func loadTLS(uri *connstring.ConnString) (*tls.Config, error) {
	query := url.Values{"tls": {"true"}}
	for _, option := range []struct {
		name, value string
		set         bool
	}{
		{"tlsCAFile", uri.SSLCaFile, uri.SSLCaFileSet},
		{"tlsCertificateKeyFile", uri.SSLClientCertificateKeyFile, uri.SSLClientCertificateKeyFileSet},
		{"tlsCertificateFile", uri.SSLCertificateFile, uri.SSLCertificateFileSet},
		{"tlsPrivateKeyFile", uri.SSLPrivateKeyFile, uri.SSLPrivateKeyFileSet},
		{"tlsInsecure", "true", uri.SSLInsecure},
	} {
		if option.set {
			query.Set(option.name, option.value)
		}
	}
	if uri.SSLClientCertificateKeyPasswordSet {
		query.Set("tlsCertificateKeyFilePassword", uri.SSLClientCertificateKeyPassword())
	}
	opts := options.Client().ApplyURI("mongodb://localhost/?" + query.Encode())
	if err := opts.Validate(); err != nil {
		var file *fs.PathError
		if errors.As(err, &file) {
			err = file.Err
		}
		return nil, fmt.Errorf("a TLS file in the connection string can't be used (%w): check tlsCAFile and tlsCertificateKeyFile", err)
	}
	return opts.TLSConfig, nil
}

// tlsDialer makes TLS connections with the files as they are at the time of each
// dial.
type tlsDialer struct {
	plain      net.Dialer
	configs    *reread.Value[*tls.Config]
	revocation *ocsp.VerifyOptions // nil: certificates that are revoked are accepted
}

// DialContext does what the driver does for a tls.Config of its own.
func (d *tlsDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := d.plain.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	current, _ := d.configs.Current() // the last one that could be used is reported as stale
	config := current.Clone()
	config.ServerName = hostOf(addr)
	secured := tls.Client(conn, config)
	err = secured.HandshakeContext(ctx)
	if err == nil && d.revocation != nil && !config.InsecureSkipVerify {
		err = ocsp.Verify(ctx, secured.ConnectionState(), d.revocation)
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

// Unverified reports whether a client of opts accepts any certificate of MongoDB,
// because of the option tlsInsecure.
func Unverified(opts *options.ClientOptions) bool {
	config := opts.TLSConfig
	if d, ok := opts.Dialer.(*tlsDialer); ok {
		config, _ = d.configs.Current()
	}
	return config != nil && config.InsecureSkipVerify
}
