package redisconn

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

// The alerts of TLS by which a server refuses a client's certificate (RFC 8446,
// section 6.2).
const (
	alertHandshakeFailure    = 40 // by TLS 1.2, without a certificate
	alertBadCertificate      = 42
	alertExpiredCertificate  = 45
	alertUnknownCA           = 48
	alertProtocolVersion     = 70
	alertCertificateRequired = 116
)

// alertOf returns the number of the alert that a server has sent. The library's
// type for it is not exported.
func alertOf(err error) (number uint64, ok bool) {
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

// tlsFault names the setting because of which a handshake with addr has failed.
// name is that which the certificate should have; uncertified says that the
// server wanted a certificate and there was none. An error that has another
// cause is returned as it is.
func tlsFault(err error, addr, name string, uncertified bool) error {
	if alert, ok := alertOf(err); ok {
		return alertFault(alert, err, addr, uncertified)
	}
	fault := func(setting, format string, args ...any) error {
		return &SettingError{Setting: setting, Problem: "the certificate of Redis at " + addr + " " + fmt.Sprintf(format, args...), Err: err}
	}
	var unverified *tls.CertificateVerificationError
	var unknown x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return fault(settingCA, "is by an authority that is not trusted here: name the file with the authority's certificate")
	case errors.As(err, &wrongName):
		return fault(settingName, "is not for %s but for %s: give one of its names, or a certificate with this one to Redis", name, namesOf(wrongName.Certificate))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return expired(invalid, fault)
	case errors.As(err, &unverified):
		return fault(settingCA, "can't be verified")
	}
	return err
}

// expired tells a certificate that is not valid any more from one that is not
// yet, and the server's from its authority's.
func expired(e x509.CertificateInvalidError, fault func(setting, format string, args ...any) error) error {
	setting, whose := settingURL, ""
	if e.Cert.IsCA {
		setting, whose = settingCA, "is by an authority whose own "
	}
	if now := time.Now(); now.Before(e.Cert.NotBefore) {
		return fault(setting, "%sis not valid before %s: check the clock, or renew it", whose, e.Cert.NotBefore.UTC().Format(time.RFC3339))
	}
	return fault(setting, "%shas expired on %s: renew it, which needs no change here", whose, e.Cert.NotAfter.UTC().Format(time.RFC3339))
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

// alertFault explains why a server has refused the client.
func alertFault(alert uint64, err error, addr string, uncertified bool) error {
	refused := func(problem string) error {
		return &SettingError{Setting: settingCert, Problem: "Redis at " + addr + " " + problem, Err: err}
	}
	switch {
	case alert == alertCertificateRequired, uncertified && (alert == alertHandshakeFailure || alert == alertBadCertificate):
		return refused("wants a client certificate: set " + settingCert + " and " + settingKey)
	case alert == alertExpiredCertificate:
		return refused("refuses the client certificate, which has expired: renew it")
	case alert == alertUnknownCA:
		return refused("refuses the client certificate: its authority is not one that Redis trusts (tls-ca-cert-file)")
	case alertBadCertificate <= alert && alert < alertUnknownCA-1: // 47 is an illegal parameter
		return refused("refuses the client certificate")
	case alert == alertProtocolVersion:
		return &SettingError{Setting: settingURL, Problem: "Redis at " + addr + " speaks no TLS 1.2 or newer: see its tls-protocols", Err: err}
	}
	return err
}
