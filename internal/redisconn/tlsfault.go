package redisconn

import "ingestion/internal/tlsfault"

// remedies say for each fault of a certificate which setting is to be mended, and
// how.
var remedies = map[tlsfault.Kind]struct{ setting, remedy string }{
	tlsfault.UnknownAuthority:       {settingCA, "name the file with the authority's certificate"},
	tlsfault.WrongName:              {settingName, "give one of its names, or a certificate with this one to Redis"},
	tlsfault.Expired:                {settingURL, "renew it, which needs no change here, or check the clock"},
	tlsfault.AuthorityExpired:       {settingCA, "renew it, or check the clock"},
	tlsfault.Unverified:             {settingCA, "check the authority's certificate"},
	tlsfault.ClientMissing:          {settingCert, "set " + settingCert + " and " + settingKey},
	tlsfault.ClientExpired:          {settingCert, "renew it"},
	tlsfault.ClientUnknownAuthority: {settingCert, "add the authority to Redis' tls-ca-cert-file"},
	tlsfault.ClientRefused:          {settingCert, "use one that is made for clients"},
	tlsfault.OldProtocol:            {settingURL, "see its tls-protocols"},
}

// tlsFault names the setting because of which a handshake with addr has failed.
// name is that which the certificate should have; uncertified says that the
// server wanted a certificate and there was none. An error that has another
// cause is returned as it is.
func tlsFault(err error, addr, name string, uncertified bool) error {
	fault, ok := tlsfault.Of(err, uncertified)
	if !ok {
		return err
	}
	r := remedies[fault.Kind]
	return &SettingError{Setting: r.setting, Problem: fault.Sentence("Redis at "+addr, name) + ": " + r.remedy, Err: err}
}
