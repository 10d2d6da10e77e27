// Package tlsfault finds out what is wrong with a certificate if a connection by
// TLS fails.
package tlsfault

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"time"
)

// Kind is what is wrong.
type Kind int

// The kinds of faults: of the server's certificate, and of the client's.
const (
	UnknownAuthority Kind = iota + 1 // the client trusts others
	WrongName
	Expired          // or not valid yet
	AuthorityExpired // or not valid yet
	Unverified       // for another reason

	ClientMissing
	ClientExpired
	ClientUnknownAuthority // the server trusts others
	ClientRefused          // for another reason
	OldProtocol            // the server speaks only older versions
)

// Fault is a fault of a certificate.
type Fault struct {
	Kind Kind
	cert *x509.Certificate // that is meant, of the first kinds; or nil
}

// The alerts of TLS by which a server refuses a client's certificate (RFC 8446,
// section 6.2).
const (
	alertHandshakeFailure    = 40 // by TLS 1.2, without a certificate
	alertBadCertificate      = 42
	alertExpiredCertificate  = 45
	alertCertificateUnknown  = 46
	alertUnknownCA           = 48
	alertProtocolVersion     = 70
	alertCertificateRequired = 116
)

// Of returns the fault in err, false if there is none. uncertified says that the
// server has asked for a certificate and got none.
func Of(err error, uncertified bool) (Fault, bool) {
	if alert, ok := Alert(err); ok {
		kind := refusal(alert, uncertified)
		return Fault{Kind: kind}, kind != 0
	}
	var unverified *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return Fault{Kind: UnknownAuthority}, true
	case errors.As(err, &wrongName):
		return Fault{WrongName, wrongName.Certificate}, true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		if invalid.Cert.IsCA {
			return Fault{AuthorityExpired, invalid.Cert}, true
		}
		return Fault{Expired, invalid.Cert}, true
	case errors.As(err, &unverified):
		return Fault{Kind: Unverified}, true
	}
	return Fault{}, false
}

// Alert returns the number of the alert that a server has sent, false if there is
// none. The library's type for it is not exported.
func Alert(err error) (number uint64, ok bool) {
	var remote *net.OpError
	if !errors.As(err, &remote) || remote.Op != "remote error" {
		return 0, false
	}
	v := reflect.ValueOf(remote.Err)
	if !v.IsValid() || v.Kind() != reflect.Uint8 {
		return 0, false
	}
	return v.Uint(), true
}

func refusal(alert uint64, uncertified bool) Kind {
	switch {
	case alert == alertCertificateRequired, uncertified && (alert == alertHandshakeFailure || alert == alertBadCertificate):
		return ClientMissing
	case alert == alertExpiredCertificate:
		return ClientExpired
	case alert == alertUnknownCA:
		return ClientUnknownAuthority
	case alertBadCertificate <= alert && alert <= alertCertificateUnknown:
		return ClientRefused
	case alert == alertProtocolVersion:
		return OldProtocol
	}
	return 0
}

// Sentence says what is wrong between this client and a server, such as "Redis at
// r:6379", whose certificate should have a name. It has no full stop: what to do
// may follow.
func (f Fault) Sentence(server, name string) string {
	switch f.Kind {
	case UnknownAuthority:
		return "the certificate of " + server + " is by an authority that is not trusted here"
	case WrongName:
		return fmt.Sprintf("the certificate of %s is not for %s but for %s", server, name, namesOf(f.cert))
	case Expired:
		return "the certificate of " + server + " " + validity(f.cert)
	case AuthorityExpired:
		return "the certificate of " + server + " is by an authority whose own " + validity(f.cert)
	case Unverified:
		return "the certificate of " + server + " can't be verified"
	case ClientMissing:
		return server + " wants a client certificate"
	case ClientExpired:
		return server + " refuses the client certificate, which has expired"
	case ClientUnknownAuthority:
		return server + " refuses the client certificate, whose authority it does not trust"
	case ClientRefused:
		return server + " refuses the client certificate"
	case OldProtocol:
		return server + " speaks no TLS 1.2 or newer"
	}
	return server + " can't be reached by TLS"
}

// validity tells a certificate that is not valid any more from one that is not yet.
func validity(cert *x509.Certificate) string {
	if time.Now().Before(cert.NotBefore) {
		return "is not valid before " + cert.NotBefore.UTC().Format(time.RFC3339)
	}
	return "has expired on " + cert.NotAfter.UTC().Format(time.RFC3339)
}

// namesOf lists the names of a certificate.
func namesOf(cert *x509.Certificate) string {
	var names []string
	if cert != nil {
		names = append(names, cert.DNSNames...)
		for _, ip := range cert.IPAddresses {
			names = append(names, ip.String())
		}
	}
	if len(names) == 0 {
		return "no name at all"
	}
	return strings.Join(names, ", ")
}
