package store

import (
	"errors"
	"net"

	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"ingestion/internal/tlsfault"
)

// certificateRemedies say what to do about a fault, by the options of the connection
// string.
var certificateRemedies = map[tlsfault.Kind]string{
	tlsfault.UnknownAuthority:       "name the file with the authority's certificate in tlsCAFile",
	tlsfault.WrongName:              "use one of its names in the connection string, or give MongoDB a certificate with this one",
	tlsfault.Expired:                "renew it, which needs no change here, or check the clock",
	tlsfault.AuthorityExpired:       "renew it, and tlsCAFile, or check the clock",
	tlsfault.Unverified:             "check tlsCAFile",
	tlsfault.ClientMissing:          "name the file with it and its key in tlsCertificateKeyFile",
	tlsfault.ClientExpired:          "renew the file in tlsCertificateKeyFile",
	tlsfault.ClientUnknownAuthority: "add the authority to MongoDB's CAFile, or check tlsCertificateKeyFile",
	tlsfault.ClientRefused:          "check tlsCertificateKeyFile",
	tlsfault.OldProtocol:            "see its disabledProtocols",
}

// certificateSentence says what is wrong with a certificate if that is why no server
// can be used, otherwise it is empty.
func certificateSentence(v verdict, err error) string {
	if v.class != NotSent && v.class != Transient {
		return ""
	}
	var selection topology.ServerSelectionError
	if !errors.As(err, &selection) {
		return faultSentence(err, "the server")
	}
	sentence := ""
	for _, server := range selection.Desc.Servers {
		if server.LastError == nil {
			continue
		}
		text := faultSentence(server.LastError, string(server.Addr))
		if text == "" {
			return "" // this one may come back
		}
		if sentence == "" {
			sentence = text
		}
	}
	return sentence
}

func faultSentence(err error, addr string) string {
	const uncertified = true // or the server does not like it: both are mended in one option
	fault, ok := tlsfault.Of(err, uncertified)
	if !ok {
		return ""
	}
	name, _, split := net.SplitHostPort(addr)
	if split != nil {
		name = addr
	}
	return fault.Sentence("MongoDB at "+addr, name) + ": " + certificateRemedies[fault.Kind]
}
